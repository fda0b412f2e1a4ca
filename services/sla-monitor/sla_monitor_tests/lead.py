"""A lead at the monitor, to try the life of its clocks on."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid5

from baton.cloudevents import Event
from baton.events import (
    AssignmentChange,
    EventData,
    FollowupType,
    LeadEvent,
    LeadFollowup,
    LeadReleased,
    LeadRouted,
    Profile,
    ReleaseCode,
    Rep,
    Score,
    Stage,
)
from baton.policy.bundle import Bundle
from baton.runtime.decisions import Arm
from baton.runtime.inputs import EventInput, Input, TimerInput
from baton.subjects import Subject
from sla_monitor.domain import ClockRow, LeadClocks, decide
from sla_monitor.domain.state import Verdict

LEAD = UUID("00000000-0000-8000-8000-000000000001")
FIRST = UUID("00000000-0000-8000-8000-0000000000a1")
SECOND = UUID("00000000-0000-8000-8000-0000000000a2")
THIRD = UUID("00000000-0000-8000-8000-0000000000a3")
FOURTH = UUID("00000000-0000-8000-8000-0000000000a4")
MONDAY = "2026-03-02T10:00+01:00"


def t(text: str) -> datetime:
    return datetime.fromisoformat(text)


def event_id(name: str) -> UUID:
    return uuid5(LEAD, name)


@dataclass
class Lead:
    """A lead at the monitor: give it facts, let time pass, look at what was told."""

    bundle: Bundle
    others: dict[str, Bundle] = field(default_factory=dict)
    state: LeadClocks | None = None
    told: list[EventData] = field(default_factory=list)
    timers: dict[str, Arm] = field(default_factory=dict)
    rows: list[ClockRow] = field(default_factory=list)

    def give(self, given: Input, now: datetime) -> list[EventData]:
        decision = decide(self.state, self.others, given, self.bundle, now)
        # As the database keeps it.
        kept = decision.state and decision.state.model_dump_json()
        self.state = LeadClocks.model_validate_json(kept) if kept else None
        assert self.state == decision.state
        self.told += decision.events
        for arm in decision.arm:
            self.timers[arm.name] = arm
        for name in decision.cancel:
            self.timers.pop(name, None)
        for row in decision.rows:
            assert isinstance(row, ClockRow)
            self.rows.append(row)
        return list(decision.events)

    def fact(
        self, data: LeadEvent, name: str, now: str | datetime, policy: str | None = None
    ) -> list[EventData]:
        moment = t(now) if isinstance(now, str) else now
        event = Event(event_id(name), "/test", moment, str(LEAD), data, policyversion=policy)
        return self.give(EventInput(event), moment)

    def routed(
        self,
        at: str,
        assignment: UUID = FIRST,
        *,
        rep: str = "rep-1",
        team: str = "inside",
        sla: str = "standard",
        policy: str | None = None,
        heard: str | None = None,
        change: AssignmentChange = AssignmentChange.NEW,
        previous: UUID | None = None,
    ) -> list[EventData]:
        data = LeadRouted(
            lead_id=LEAD,
            occurred_at=t(at),
            assignment_id=assignment,
            decision_id=assignment,
            enquiry=None,
            attempt=1,
            rep=Rep(id=rep, name=rep),
            role="sdr",
            team=team,
            pool="inbound",
            rule="all",
            sla_policy=sla,
            reasons=(),
            score=Score(fit=0, engagement=0, total=0, grade="A"),
            stage=Stage.MQL,
            profile=Profile(brand="acme", source="website"),
            change=change,
            previous_assignment=previous,
        )
        return self.fact(data, f"routed {assignment}", heard or at, policy)

    def renewed(
        self,
        at: str,
        assignment: UUID = SECOND,
        previous: UUID = FIRST,
        *,
        rep: str = "rep-1",
        sla: str = "standard",
        heard: str | None = None,
    ) -> list[EventData]:
        """The owner has a new enquiry of the lead to answer."""
        change = AssignmentChange.RENEWED
        return self.routed(
            at, assignment, rep=rep, sla=sla, heard=heard, change=change, previous=previous
        )

    def reassigned(
        self,
        at: str,
        assignment: UUID = SECOND,
        previous: UUID = FIRST,
        *,
        rep: str = "rep-2",
        change: AssignmentChange = AssignmentChange.BREACHED,
    ) -> list[EventData]:
        """Another rep has the lead, since a promise was broken."""
        return self.routed(at, assignment, rep=rep, change=change, previous=previous)

    def released(
        self, at: str, assignment: UUID = FIRST, *, heard: str | None = None
    ) -> list[EventData]:
        data = LeadReleased(
            lead_id=LEAD,
            occurred_at=t(at),
            assignment_id=assignment,
            decision_id=assignment,
            rep=Rep(id="rep-1", name="rep-1"),
            pool="inbound",
            code=ReleaseCode.DECLINED,
        )
        return self.fact(data, f"released {assignment}", heard or at)

    def followed_up(
        self,
        kind: FollowupType,
        at: str,
        *,
        heard: str | None = None,
        rep: str | None = None,
        assignment: UUID | None = None,
    ) -> list[EventData]:
        heard = heard or at
        data = LeadFollowup(
            lead_id=LEAD,
            occurred_at=t(at),
            received_at=t(heard),
            source="website",
            type=kind,
            rep=rep,
            assignment_id=assignment,
        )
        return self.fact(data, f"{kind} {at}", heard)

    def stands(self, assignment: UUID) -> Verdict:
        """What was last told of the clock of an assignment."""
        assert self.state is not None
        (clock,) = (c for c in self.state.clocks if c.assignment_id == assignment)
        return clock.told

    def fire(self, arm: Arm, now: str, *, facts_complete: bool = True) -> list[EventData]:
        timer = TimerInput(
            event_id(arm.name), Subject.lead(LEAD), arm.name, arm.due_at, facts_complete
        )
        return self.give(timer, t(now))

    def wait_until(self, moment: str, *, facts_complete: bool = True) -> list[EventData]:
        events = []
        for arm in sorted(self.timers.values(), key=lambda arm: arm.due_at):
            if arm.due_at <= t(moment) and arm.name in self.timers:
                del self.timers[arm.name]
                events += self.fire(arm, moment, facts_complete=facts_complete)
        return events


def the(events: list[EventData], *types: type[EventData]) -> EventData:
    assert [type(event) for event in events] == list(types)
    return events[-1]
