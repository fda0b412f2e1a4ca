"""A clock as the table `clock` keeps it and the API shows it."""

from enum import StrEnum
from typing import Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from sla_monitor.domain.state import Clock, Mark, Verdict
from sla_monitor.domain.telling import Retraction


class ClockState(StrEnum):
    """How a clock stands. `retracted`: nobody is judged; `retracted_code` says why."""

    RUNNING = "running"
    WARNED = "warned"
    MET = "met"
    BREACHED = "breached"
    RETRACTED = "retracted"


class ClockRecord(BaseModel):
    """A promise about one assignment. Durations are business seconds of `calendar`."""

    model_config = ConfigDict(frozen=True)

    clock_id: UUID
    lead_id: UUID
    assignment_id: UUID
    target: str
    cycle: int = Field(description="counts the clocks of one target for the lead, as they started")
    side: str
    rep: str
    team: str
    pool: str
    policy: str
    bundle: str = Field(description="hash of the policy bundle that it stands under")
    calendar: str
    allowed_seconds: int
    reassign: bool = Field(description="whether a breach gives the lead to another rep")
    started_at: AwareDatetime
    warn_at: AwareDatetime | None
    due_at: AwareDatetime
    state: ClockState
    fact: UUID | None = Field(
        description="the event that met it, that ended its assignment before it was due, or that "
        "shows that its assignment exists only because of a wrong breach"
    )
    used_seconds: int | None = Field(
        description="what was used when it was last told of: warned, met or breached"
    )
    warned_at: AwareDatetime | None
    answered_at: AwareDatetime | None = Field(
        description="the first answer while the assignment lasted, in time or not"
    )
    ended_at: AwareDatetime | None = Field(description="when the assignment ended")
    breached_at: AwareDatetime | None = Field(
        description="when a breach was told; it stands where the state says so"
    )
    late_seconds: int | None = Field(description="by how much it was late when that was told")
    facts_complete: bool = Field(
        description="false where it had to be judged before every fact could be read"
    )
    due_before: AwareDatetime | None = Field(
        None, description="when it was due at first, where a later enquiry is due sooner"
    )
    moved_at: AwareDatetime | None = Field(None, description="when that enquiry was assigned")
    moved_by: UUID | None = Field(None, description="the assignment of that enquiry")
    retracted_code: str | None = Field(
        None,
        description="`released`: the assignment ended before it was due. `breach_retracted`: the "
        "assignment exists only because of a breach that was wrong. `covered`: an earlier clock "
        "serves its enquiry too. Null in other states, and where an older release wrote it",
    )

    @classmethod
    def of(cls, lead_id: UUID, clock: Clock) -> Self:
        """The record of a clock as it stands."""
        end = clock.void or clock.end
        answer = _while_assigned(clock.answer, end)
        return cls(
            clock_id=clock.id,
            lead_id=lead_id,
            assignment_id=clock.assignment_id,
            target=clock.target,
            cycle=clock.cycle,
            side=clock.side,
            rep=clock.rep,
            team=clock.team,
            pool=clock.pool,
            policy=clock.policy,
            bundle=clock.bundle,
            calendar=clock.calendar,
            allowed_seconds=clock.allowed_seconds,
            reassign=clock.reassign,
            started_at=clock.started_at,
            warn_at=clock.due.warn_at,
            due_at=clock.due.at,
            state=_state(clock),
            fact=_fact(clock),
            used_seconds=clock.used_seconds,
            warned_at=clock.warned_at,
            answered_at=answer.at if answer else None,
            ended_at=end.at if end else None,
            breached_at=clock.breach.at if clock.breach else None,
            late_seconds=clock.breach.late_seconds if clock.breach else None,
            facts_complete=clock.facts_complete,
            due_before=clock.due_at if clock.moved else None,
            moved_at=clock.moved.since if clock.moved else None,
            moved_by=clock.moved.assignment_id if clock.moved else None,
            retracted_code=_retracted_code(clock),
        )


def _state(clock: Clock) -> ClockState:
    match clock.told:
        case Verdict.RUNNING:
            return ClockState.RUNNING if clock.warned_at is None else ClockState.WARNED
        case Verdict.MET:
            return ClockState.MET
        case Verdict.BREACHED:
            return ClockState.BREACHED
        case Verdict.RELEASED | Verdict.COVERED:
            return ClockState.RETRACTED


def _fact(clock: Clock) -> UUID | None:
    if clock.told is Verdict.MET and clock.met:
        return clock.met.fact
    end = clock.void or clock.end
    if clock.told is Verdict.RELEASED and end:
        return end.fact
    return None


def _retracted_code(clock: Clock) -> Retraction | None:
    if clock.told is Verdict.COVERED:
        return Retraction.COVERED
    if clock.told is not Verdict.RELEASED:
        return None
    return Retraction.BREACH_RETRACTED if clock.void else Retraction.RELEASED


def _while_assigned(answer: Mark | None, end: Mark | None) -> Mark | None:
    """The first answer, unless the assignment had ended by then."""
    if answer is not None and end is not None and answer.at > end.at:
        return None
    return answer
