"""The assignments, decisions and reps of routing's API."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict

from baton.events import ReleaseCode
from baton.policy.bundle import Bundle
from baton.policy.teams import RepDefinition
from baton.values import Moment
from routing.domain.choice import Choice, Question
from routing.domain.loads import RepLoad
from routing.policy.routing import ROUTING


class Record(BaseModel):
    """A frozen record."""

    model_config = ConfigDict(frozen=True)


class AssignmentRecord(Record):
    """An assignment of a lead to a rep; the present one has no `ended_at`. From `worked_at` on,
    when the rep first spoke with the lead, it no longer counts against the rep's capacity.
    """

    id: UUID
    decision_id: UUID
    enquiry: UUID | None
    attempt: int
    rep: str
    team: str
    rule: str
    pool: str
    role: str
    sla_policy: str
    previous_rep: str | None
    assigned_at: Moment
    accepted_at: Moment | None
    worked_at: Moment | None
    ended_at: Moment | None
    ended_code: ReleaseCode | None
    ended_reason: str | None


class DecisionRecord(Record):
    """What was decided under the bundle `policy`, because of the input `cause`.

    `code` is what it came to: `routed`, why nobody got the lead, why it was released (`released`
    is then the assignment), `kept` (a promise was broken or a breach taken back, and the owner
    keeps the lead), `has_owner` (a new enquiry is the owner's to answer), `returned` (the lead
    returns to the rep who answered in time). `question` and `choice` have all that a choice
    depended on and came to; under that bundle and by the question's `procedure` the one
    follows from the other.
    """

    id: UUID
    at: Moment
    code: str
    policy: str
    cause: UUID
    assignment_id: UUID | None
    released: UUID | None
    question: Question | None
    choice: Choice | None


class HistoryRecord(Record):
    """A lead's assignments and decisions, oldest first."""

    lead_id: UUID
    current: AssignmentRecord | None
    assignments: tuple[AssignmentRecord, ...]
    decisions: tuple[DecisionRecord, ...]


class MembershipRecord(Record):
    """A rep in a pool. `capacity` is the rep's own, or else the pool's."""

    pool: str
    weight: int
    capacity: int


class RepRecord(Record):
    """A rep with the number of open leads. A rep who is no longer in the bundle is listed while
    there are open leads; `name` is null then.
    """

    id: str
    name: str | None
    team: str | None
    available: bool
    pools: tuple[MembershipRecord, ...]
    open_leads: int
    last_assigned_at: Moment | None

    @classmethod
    def of(cls, rep: RepDefinition, bundle: Bundle, rep_load: RepLoad) -> "RepRecord":
        """A rep as the bundle has them."""
        return cls(
            id=rep.id,
            name=rep.name,
            team=rep.team,
            available=rep.available,
            pools=tuple(
                MembershipRecord(
                    pool=pool.id, weight=member.weight, capacity=rep.capacity or pool.capacity
                )
                for pool in bundle.section(ROUTING).pools
                for member in pool.members
                if member.rep == rep.id
            ),
            open_leads=rep_load.open,
            last_assigned_at=rep_load.last_assigned_at,
        )

    @classmethod
    def of_one_who_left(cls, rep_id: str, rep_load: RepLoad) -> "RepRecord":
        """A rep whom the bundle no longer has."""
        return cls(
            id=rep_id,
            name=None,
            team=None,
            available=False,
            pools=(),
            open_leads=rep_load.open,
            last_assigned_at=rep_load.last_assigned_at,
        )
