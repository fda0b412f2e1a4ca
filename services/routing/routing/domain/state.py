"""What routing keeps of a lead: what scoring said last, and who has it or why nobody has."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from baton.events import Profile, Rep, Score, Stage
from baton.values import Name


class Part(BaseModel):
    """A frozen part of a lead's state or of a decision."""

    model_config = ConfigDict(frozen=True)


class Scored(Part):
    """The latest `lead.scored`, as far as routing needs it to choose again.

    `enquired_at` is when the latest enquiry was made; None where there is none.
    """

    enquiry: UUID | None
    enquired_at: datetime | None
    qualified: bool
    score: Score
    stage: Stage
    profile: Profile


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

    @property
    def open(self) -> bool:
        """Whether it counts against the rep's capacity."""
        return self.worked_at is None


class Unrouted(Part):
    """Why nobody has the lead, as last told; it is tried again at `retry_at`."""

    code: Name
    retry_at: datetime | None


class Lead(Part):
    """A lead's state.

    `attempts` and `tried` are the assignments of the latest enquiry and the reps who had it;
    `waits` counts how often in a row nobody could take it.
    """

    scored: Scored | None = None
    attempts: int = 0
    tried: tuple[str, ...] = ()
    waits: int = 0
    unrouted: Unrouted | None = None
    held: Assignment | None = None
