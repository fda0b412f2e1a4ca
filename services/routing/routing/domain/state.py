"""Routing's state of a lead: the newest score, and its assignment or the reason why it has none."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, model_validator

from baton.events import AssignmentChange, Profile, Rep, Score, Stage
from baton.followups import SKEW
from baton.values import Name
from routing.domain import codes
from routing.domain.codes import Cause, UnroutedCode

EARLIER_IDS_KEPT = 20
"""The newest so many ids under which a rep had the lead before; older ones are no longer known."""

BREACHED_KEPT = 20
"""The newest so many assignments that ended by a breach; the lead does not return to older ones."""

IMPORTED = "imported"
"""Stands in place of the ids that an imported lead has no rule to take from."""

_BATONS = frozenset(UnroutedCode)


class Part(BaseModel):
    """A frozen part of a lead's state or of a decision."""

    model_config = ConfigDict(frozen=True)


class Scored(Part):
    """The latest `lead.scored`, as far as routing needs it to choose again.

    `enquired_at` is when the newest enquiry was made; None where there is none. `qualified_at` is
    since when the lead is qualified without a break, as scoring said; None where scoring did not
    say so. `sequence` and `decided_at` are those of the event. `new_enquiry` is the enquiry that
    was last said to be new: an activity may name one whose own event is not read yet.
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
    new_enquiry: UUID | None = None

    def makes_new(self, enquiry: UUID | None) -> bool:
        """Whether an enquiry that is said to be new was not said so before."""
        if self.enquired_at is None:
            return True
        # States of earlier releases have only the enquiry that was named last.
        return enquiry != (self.new_enquiry or self.enquiry)

    def follows(self, moment: datetime) -> bool:
        """Whether an enquiry was made, or the lead qualified, after a moment."""
        return any(at is not None and at > moment for at in (self.enquired_at, self.qualified_at))


class Terms(Part):
    """On what terms a rep has a lead: by which rule, in which role, under which promise.

    `rule` is the bundle's id, or says what gave the lead in place of a rule. `promised` is false
    where no rule took an imported lead: `pool`, `role` and `sla_policy` are then no ids.
    """

    rule: Name
    pool: Name
    role: Name
    sla_policy: Name
    promised: bool = True

    @model_validator(mode="before")
    @classmethod
    def _of_an_earlier_release(cls, given: object) -> object:
        """Earlier releases did not keep `promised`."""
        if not isinstance(given, dict) or "promised" in given:
            return given
        ids = (given.get("pool"), given.get("role"), given.get("sla_policy"))
        return {**given, "promised": any(one != IMPORTED for one in ids)}


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
        """The start of the time in which the rep has the lead without a break."""
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

    def has_clock(self, assignment_id: UUID | None, rep: str | None) -> bool:
        """Whether a clock of that assignment and rep is one of this assignment's.

        A clock that serves many enquiries has the id of the first, which may be forgotten by now.
        """
        ids_lost = len(self.earlier_ids) == EARLIER_IDS_KEPT
        return self.has_id(assignment_id) or (ids_lost and rep == self.rep.id)

    @property
    def ids(self) -> tuple[UUID, ...]:
        """The ids for an assignment that goes on with this one, as its `earlier_ids`."""
        return (*self.earlier_ids, self.id)[-EARLIER_IDS_KEPT:]

    @property
    def starts(self) -> Mapping[UUID, datetime]:
        """When those of `ids` began, as far as it is known."""
        known = {**self.earlier_starts, self.id: self.assigned_at}
        return {id_: known[id_] for id_ in self.ids if id_ in known}


class NoOwner(Part):
    """Why nobody has the lead, as last told; it is tried again at `retry_at`.

    Where `exclusion` is given, `code` is the same: the id of the bundle's exclusion that held.
    """

    code: Name
    retry_at: datetime | None
    exclusion: Name | None = None

    @model_validator(mode="before")
    @classmethod
    def _of_an_earlier_release(cls, given: object) -> object:
        """Earlier releases kept no `exclusion`; what is no code of Baton's is its id."""
        if not isinstance(given, dict) or "exclusion" in given or given.get("code") in _BATONS:
            return given
        return {**given, "exclusion": given.get("code")}

    @classmethod
    def by(cls, cause: Cause, retry_at: datetime | None) -> "NoOwner":
        """The lead has no rep, for this cause."""
        return cls(code=str(cause), retry_at=retry_at, exclusion=codes.excluded_id(cause))

    @property
    def cause(self) -> Cause:
        """Baton's code, or the exclusion."""
        return codes.cause(self.code, self.exclusion)


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
    unrouted: NoOwner | None = None
    held: Assignment | None = None
    breached: tuple[Assignment, ...] = ()
    ended_at: datetime | None = None
