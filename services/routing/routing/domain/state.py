"""What routing keeps of a lead: what scoring said last, and who has it or why nobody has."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from baton.events import AssignmentChange, Profile, Rep, Score, Stage
from baton.values import Name

SKEW = timedelta(minutes=2)
"""How far the clocks of two systems may differ, and by how much a sender may cut a time."""

EARLIER_IDS_KEPT = 20
"""The newest so many ids under which a rep had the lead before; older ones are no longer known."""

BREACHED_KEPT = 20
"""The newest so many assignments that ended by a breach; the lead does not return to older ones."""


class Part(BaseModel):
    """A frozen part of a lead's state or of a decision."""

    model_config = ConfigDict(frozen=True)


class Scored(Part):
    """The latest `lead.scored`, as far as routing needs it to choose again.

    `enquired_at` is when the newest enquiry was made; None where there is none. `qualified_at` is
    since when the lead is qualified without a break, as scoring said; None where scoring did not
    say so. `sequence` and `decided_at` are those of the event.
    """

    enquiry: UUID | None
    enquired_at: datetime | None
    qualified: bool
    score: Score
    stage: Stage
    profile: Profile
    qualified_at: datetime | None = None
    sequence: int | None = None
    decided_at: datetime | None = None

    def follows(self, moment: datetime) -> bool:
        """Whether an enquiry was made, or the lead qualified, after a moment."""
        return any(at is not None and at > moment for at in (self.enquired_at, self.qualified_at))


class Terms(Part):
    """On what terms a rep has a lead: by which rule, in which role, under which promise."""

    rule: Name
    pool: Name
    role: Name
    sla_policy: Name


class Assignment(Part):
    """A rep has the lead. `attempt` counts the assignments of one enquiry, from 1.

    From `worked_at` on, the rep has spoken with the lead, and it no longer counts against the
    rep's capacity. `credit_changes` is what the assignment changed in its pool's credits, for as
    long as the turn may be given back; empty where none was taken. A state may have a `turn` of an
    earlier release beside it: that counts in units of weight, for `pool.credits`, and is not read.

    The rep keeps the lead over several assignments where each new enquiry makes one, and where the
    lead returns to the rep. `earlier_ids` are the ids before this one, `earlier_starts` when each
    began (states of earlier releases lack them), `since` when the first of them began.
    `contacted_at` is when the rep last spoke with the lead, `touched_at` when the rep first did
    anything about it.
    """

    id: UUID
    decision_id: UUID
    enquiry: UUID | None
    attempt: int
    rep: Rep
    team: Name
    terms: Terms
    previous_rep: Name | None
    assigned_at: datetime
    accepted_at: datetime | None = None
    worked_at: datetime | None = None
    credit_changes: Mapping[str, int] = {}
    change: AssignmentChange = AssignmentChange.NEW
    previous_assignment: UUID | None = None
    earlier_ids: tuple[UUID, ...] = ()
    earlier_starts: Mapping[UUID, datetime] = {}
    began_at: datetime | None = None
    contacted_at: datetime | None = None
    touched_at: datetime | None = None

    @property
    def open(self) -> bool:
        """Whether it counts against the rep's capacity."""
        return self.worked_at is None

    @property
    def since(self) -> datetime:
        """Since when the rep has the lead without a break."""
        return self.began_at or self.assigned_at

    def answered(self, assignment_id: UUID) -> bool:
        """Whether the rep has spoken with the lead since the assignment of that id began."""
        starts = {**self.earlier_starts, self.id: self.assigned_at}
        since = starts.get(assignment_id, self.since)
        return self.knows_contact(since - SKEW)

    @property
    def touched(self) -> bool:
        """Whether the rep has done anything about the lead."""
        return self.touched_at is not None or self.accepted_at is not None

    def knows_contact(self, at: datetime) -> bool:
        """Whether the rep is known to have spoken with the lead then, or later."""
        contacts = (self.worked_at, self.contacted_at)
        return any(known is not None and known >= at for known in contacts)

    def has_id(self, assignment_id: UUID | None) -> bool:
        """Whether that is its id, or an earlier one under which the rep had the lead."""
        return assignment_id == self.id or assignment_id in self.earlier_ids

    @property
    def ids(self) -> tuple[UUID, ...]:
        """The ids for an assignment that goes on with this one, as its `earlier_ids`."""
        return (*self.earlier_ids, self.id)[-EARLIER_IDS_KEPT:]

    @property
    def starts(self) -> Mapping[UUID, datetime]:
        """When those of `ids` began, as far as it is known."""
        known = {**self.earlier_starts, self.id: self.assigned_at}
        return {id_: known[id_] for id_ in self.ids if id_ in known}


class Unrouted(Part):
    """Why nobody has the lead, as last told; it is tried again at `retry_at`."""

    code: Name
    retry_at: datetime | None


class Lead(Part):
    """A lead's state.

    `attempts` and `tried` are the assignments of the latest enquiry and the reps who had it;
    `waits` counts how often in a row nobody could take it. `breached` are the assignments that
    ended by a breach and led to the present one, oldest first: if a breach is taken back, the lead
    may return. `ended_at` is when a rep last gave the lead up or lost it.
    """

    scored: Scored | None = None
    attempts: int = 0
    tried: tuple[str, ...] = ()
    waits: int = 0
    unrouted: Unrouted | None = None
    held: Assignment | None = None
    breached: tuple[Assignment, ...] = ()
    ended_at: datetime | None = None
