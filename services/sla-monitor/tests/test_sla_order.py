"""Whatever order facts and timers come in, the clocks end the same, and nobody is wrongly accused.

A lead has up to three assignments of a few hours each, with follow-ups, declines and releases at
quarter hours around them, some of which are heard of late, twice, or before the assignment.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st

from baton.cloudevents import Event
from baton.events import (
    FollowupType,
    LeadEvent,
    LeadFollowup,
    LeadReleased,
    LeadRouted,
    Profile,
    ReleaseCode,
    Rep,
    Score,
    SlaBreached,
    SlaEvent,
    SlaMet,
    SlaRetracted,
    SlaStarted,
    Stage,
)
from baton.policy.bundle import Bundle
from baton.runtime.inputs import Arm, EventInput, Input, TimerInput
from sla_monitor.domain import LeadClocks, decide
from sla_monitor.domain.state import Clock, Verdict

LEAD = UUID("00000000-0000-8000-8000-000000000001")
MONDAY = datetime(2026, 3, 2, 8, tzinfo=UTC)
REPS = ("rep-1", "rep-2")


@dataclass
class Shard:
    """One lead, whose timers fire only when they are told to."""

    bundle: Bundle
    now: datetime = MONDAY
    state: LeadClocks | None = None
    told: list[SlaEvent] = field(default_factory=list)
    timers: dict[str, Arm] = field(default_factory=dict)

    def read(self, fact: Event[LeadEvent]) -> None:
        data = fact.data
        heard = data.received_at if isinstance(data, LeadFollowup) else data.occurred_at
        self.now = max(self.now, heard)
        self._give(EventInput(fact))

    def fire(self) -> None:
        """The next timer fires, at its time or as late as it is by now."""
        if self.timers:
            arm = min(self.timers.values(), key=lambda arm: (arm.due_at, arm.name))
            del self.timers[arm.name]
            self.now = max(self.now, arm.due_at)
            self._give(TimerInput(uuid5(LEAD, arm.name), LEAD, arm.name, arm.due_at))

    def finish(self) -> None:
        while self.timers:
            self.fire()

    def _give(self, item: Input) -> None:
        decision = decide(self.state, {}, item, self.bundle, self.now)
        self.state = decision.state
        for event in decision.events:
            assert isinstance(event, SlaEvent)
            self.told.append(event)
        self.timers |= {arm.name: arm for arm in decision.arm}
        for name in decision.cancel:
            self.timers.pop(name, None)

    @property
    def clocks(self) -> tuple[Clock, ...]:
        return self.state.clocks if self.state else ()


def ends(shard: Shard) -> dict[UUID, tuple[object, ...]]:
    return {
        clock.id: (
            clock.told,
            clock.due_at,
            clock.met,
            clock.used_seconds if clock.told is Verdict.MET else None,
            clock.end if clock.told is Verdict.RELEASED else None,
        )
        for clock in shard.clocks
    }


def assignment_id(number: int) -> UUID:
    return uuid5(LEAD, f"assignment {number}")


def fact(data: LeadEvent, name: str) -> Event[LeadEvent]:
    return Event(uuid5(LEAD, name), "/test", data.occurred_at, str(LEAD), data)


def routed(number: int, at: datetime) -> Event[LeadEvent]:
    data = LeadRouted(
        lead_id=LEAD,
        occurred_at=at,
        assignment_id=assignment_id(number),
        decision_id=assignment_id(number),
        enquiry=None,
        attempt=number + 1,
        rep=Rep(id=REPS[number % 2], name="Rep"),
        role="sdr",
        team="night",
        pool="inbound",
        rule="all",
        sla_policy="patient",
        reasons=(),
        score=Score(fit=0, engagement=0, total=0, grade="A"),
        stage=Stage.MQL,
        profile=Profile(brand="acme", source="website"),
    )
    return fact(data, f"routed {number}")


def released(number: int, at: datetime) -> Event[LeadEvent]:
    data = LeadReleased(
        lead_id=LEAD,
        occurred_at=at,
        assignment_id=assignment_id(number),
        decision_id=assignment_id(number),
        rep=Rep(id=REPS[number % 2], name="Rep"),
        pool="inbound",
        code=ReleaseCode.DECLINED,
    )
    return fact(data, f"released {number}")


quarters = st.integers(0, 40).map(lambda count: MONDAY + timedelta(minutes=15 * count))


@st.composite
def followups(draw: st.DrawFn) -> Event[LeadEvent]:
    kinds = (
        FollowupType.CONTACTED,
        FollowupType.ACCEPTED,
        FollowupType.DECLINED,
        FollowupType.REJECTED,
        FollowupType.NOTE,
    )
    at = draw(quarters)
    data = LeadFollowup(
        lead_id=LEAD,
        occurred_at=at,
        received_at=at + draw(st.sampled_from([-15, 0, 1, 30, 600])) * timedelta(minutes=1),
        source="website",
        type=draw(st.sampled_from(kinds)),
        rep=draw(st.sampled_from([None, *REPS])),
        assignment_id=draw(st.sampled_from([None, assignment_id(0), assignment_id(1)])),
    )
    return fact(data, data.model_dump_json())


@st.composite
def histories(draw: st.DrawFn) -> list[Event[LeadEvent]]:
    """What happened to a lead, as a set of facts."""
    facts = []
    for number in range(draw(st.integers(1, 3))):
        start = draw(quarters)
        facts.append(routed(number, start))
        held = draw(st.none() | st.integers(0, 24))
        if held is not None:
            facts.append(released(number, start + held * timedelta(minutes=15)))
    return facts + draw(st.lists(followups(), max_size=5, unique_by=lambda event: event.id))


@st.composite
def readings(draw: st.DrawFn, history: list[Event[LeadEvent]]) -> list[Event[LeadEvent] | None]:
    """One way to read a history: in any order, some twice, with timers (None) in between."""
    twice = draw(st.lists(st.sampled_from(history), max_size=3))
    return draw(st.permutations([*history, *twice, *[None] * draw(st.integers(0, 6))]))


def read(bundle: Bundle, reading: list[Event[LeadEvent] | None]) -> Shard:
    shard = Shard(bundle)
    for item in reading:
        if item is None:
            shard.fire()
        else:
            shard.read(item)
    shard.finish()
    return shard


@given(data=st.data(), history=histories())
def test_the_order_of_reading_does_not_change_how_clocks_end(
    bundle: Bundle, data: st.DataObject, history: list[Event[LeadEvent]]
) -> None:
    one = read(bundle, data.draw(readings(history)))
    other = read(bundle, data.draw(readings(history)))

    assert ends(one) == ends(other)


@given(data=st.data(), history=histories())
def test_with_all_facts_read_before_its_timers_no_clock_is_breached_that_does_not_stay_so(
    bundle: Bundle, data: st.DataObject, history: list[Event[LeadEvent]]
) -> None:
    shard = read(bundle, list(data.draw(st.permutations(history))))

    breached = {event.clock_id for event in shard.told if isinstance(event, SlaBreached)}
    assert breached == {clock.id for clock in shard.clocks if clock.told is Verdict.BREACHED}
    for clock in shard.clocks:
        assert clock.id not in breached or not any(
            isinstance(event.data, LeadFollowup)
            and event.data.type is FollowupType.CONTACTED
            and clock.started_at <= event.data.occurred_at <= clock.due_at
            and event.data.received_at >= clock.started_at
            for event in history
        )


@given(data=st.data(), history=histories(), minutes=st.integers(0, 240))
def test_an_answer_that_is_read_before_the_due_timer_fires_prevents_the_breach(
    bundle: Bundle, data: st.DataObject, history: list[Event[LeadEvent]], minutes: int
) -> None:
    start = MONDAY + timedelta(hours=1)
    at = start + timedelta(minutes=minutes)
    call = LeadFollowup(
        lead_id=LEAD, occurred_at=at, received_at=at, source="x", type=FollowupType.CONTACTED
    )
    held = routed(9, start)
    read_first = data.draw(st.permutations([*history, held, fact(call, "the call")]))
    read_then = data.draw(readings([*history, held]))
    shard = read(bundle, [*read_first, *read_then])

    watched = {clock.id for clock in shard.clocks if clock.assignment_id == assignment_id(9)}
    assert watched
    assert not {e.clock_id for e in shard.told if isinstance(e, SlaBreached)} & watched


@given(data=st.data(), history=histories())
def test_the_events_of_each_clock_add_up_to_how_it_ends(
    bundle: Bundle, data: st.DataObject, history: list[Event[LeadEvent]]
) -> None:
    shard = read(bundle, data.draw(readings(history)))

    for clock in shard.clocks:
        events = [event for event in shard.told if event.clock_id == clock.id]
        count = Counter(type(event) for event in events)
        verdicts = [event for event in events if isinstance(event, SlaMet | SlaBreached)]
        last = [event for event in events if isinstance(event, SlaMet | SlaBreached | SlaRetracted)]
        assert isinstance(events[0], SlaStarted)
        assert count[SlaStarted] == 1
        assert len(verdicts) - count[SlaRetracted] in (0, 1, -1)
        expected = {
            Verdict.MET: SlaMet,
            Verdict.BREACHED: SlaBreached,
            Verdict.RELEASED: SlaRetracted,
        }
        assert isinstance(last[-1], expected[clock.told])
