"""Whatever order facts and timers come in, the clocks end the same, and nobody is wrongly accused.

A lead has up to five assignments of a few hours each, for all reasons that there are: renewed,
returned, after a breach or a decline. There are follow-ups, declines, ends and releases at quarter
hours around them, some of which are heard of late, twice, or before the assignment.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.cloudevents import Event
from baton.events import (
    AssignmentChange,
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
    SlaMoved,
    SlaRetracted,
    SlaStarted,
    SlaWarned,
    Stage,
)
from baton.policy.bundle import Bundle
from baton.runtime.decisions import Arm
from baton.runtime.inputs import EventInput, Input, TimerInput
from baton.subjects import Subject
from sla_monitor.domain import LeadClocks, decide
from sla_monitor.domain.state import Clock, Mark, Verdict

LEAD = UUID("00000000-0000-8000-8000-000000000001")
MONDAY = datetime(2026, 3, 2, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
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
            self._give(TimerInput(uuid5(LEAD, arm.name), Subject.lead(LEAD), arm.name, arm.due_at))

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
            clock.due,
            clock.met,
            clock.used_seconds if clock.told is Verdict.MET else None,
            clock.end if clock.told is Verdict.RELEASED else None,
            clock.void,
        )
        for clock in shard.clocks
    }


def assignment_id(number: int) -> UUID:
    return uuid5(LEAD, f"assignment {number}")


def fact(data: LeadEvent, name: str) -> Event[LeadEvent]:
    return Event(uuid5(LEAD, name), "/test", data.occurred_at, str(LEAD), data)


def routed(
    number: int,
    at: datetime,
    rep: str = REPS[1],
    sla: str = "patient",
    change: AssignmentChange = AssignmentChange.NEW,
    previous: int | None = None,
) -> Event[LeadEvent]:
    data = LeadRouted(
        lead_id=LEAD,
        occurred_at=at,
        assignment_id=assignment_id(number),
        decision_id=assignment_id(number),
        enquiry=None,
        attempt=number + 1,
        rep=Rep(id=rep, name="Rep"),
        role="sdr",
        team="night",
        pool="inbound",
        rule="all",
        sla_policy=sla,
        reasons=(),
        score=Score(fit=0, engagement=0, total=0, grade="A"),
        stage=Stage.MQL,
        profile=Profile(brand="acme", source="website"),
        change=change,
        previous_assignment=None if previous is None else assignment_id(previous),
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


KINDS = (
    *3 * (FollowupType.CONTACTED,),
    FollowupType.ACCEPTED,
    FollowupType.DECLINED,
    FollowupType.REJECTED,
    FollowupType.NOTE,
    FollowupType.CONVERTED,
    FollowupType.WON,
    FollowupType.LOST,
    FollowupType.OWNER_CHANGED,
    FollowupType.CLAIMED,
)


@st.composite
def followups(
    draw: st.DrawFn, starts: list[datetime], kinds: tuple[FollowupType, ...] = KINDS
) -> Event[LeadEvent]:
    at = draw(st.sampled_from(starts)) + draw(st.integers(-1, 6)) * timedelta(minutes=15)
    data = LeadFollowup(
        lead_id=LEAD,
        occurred_at=at,
        received_at=at + draw(st.sampled_from([-15, 0, 1, 30, 600])) * timedelta(minutes=1),
        source="website",
        type=draw(st.sampled_from(kinds)),
        rep=draw(st.sampled_from([None, *REPS])),
        assignment_id=draw(st.none() | st.integers(0, len(starts) - 1).map(assignment_id)),
    )
    return fact(data, data.model_dump_json())


CHANGES = (
    *3 * (AssignmentChange.RENEWED,),
    *3 * (AssignmentChange.BREACHED,),
    AssignmentChange.RETURNED,
    AssignmentChange.DECLINED,
    AssignmentChange.TAKEN,
    AssignmentChange.NEW,
)
ALLOWED = {"strict": 60, "patient": 240, "standard": 240}
GAPS = (0, 15, 30, 45, 75)


@st.composite
def histories(draw: st.DrawFn) -> list[Event[LeadEvent]]:
    """What happened to a lead, as a set of facts."""
    starts = [draw(quarters)]
    reps = [draw(st.sampled_from(REPS))]
    policies = [draw(st.sampled_from(tuple(ALLOWED)))]
    facts = [routed(0, starts[0], reps[0], policies[0])]
    for number in range(1, draw(st.integers(1, 5))):
        change = draw(st.sampled_from(CHANGES))
        previous = draw(st.integers(max(0, number - 2), number - 1))
        goes_on = change in {AssignmentChange.RENEWED, AssignmentChange.RETURNED}
        reps.append(reps[previous] if goes_on else draw(st.sampled_from(REPS)))
        policies.append(draw(st.sampled_from(tuple(ALLOWED))))
        minutes = draw(st.sampled_from(GAPS))
        if change is AssignmentChange.BREACHED:
            minutes += ALLOWED[policies[previous]]
            calls = followups(starts[previous : previous + 1], (FollowupType.CONTACTED,))
            facts += draw(st.lists(calls, max_size=1))
        starts.append(max(starts[-1], starts[previous] + minutes * timedelta(minutes=1)))
        facts.append(routed(number, starts[-1], reps[-1], policies[-1], change, previous))
    for number, start in enumerate(starts):
        held = draw(st.none() | st.none() | st.integers(0, 24))
        if held is not None:
            facts.append(released(number, start + held * timedelta(minutes=15)))
    facts += draw(st.lists(followups(starts), max_size=6))
    return list({each.id: each for each in facts}.values())


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


def contacted(minutes: int) -> Event[LeadEvent]:
    at = MONDAY + minutes * MINUTE
    call = LeadFollowup(
        lead_id=LEAD, occurred_at=at, received_at=at, source="website", type=FollowupType.CONTACTED
    )
    return fact(call, f"contacted {minutes}")


@pytest.mark.parametrize(
    ("renewed_at", "closes_first", "closes_second", "void"),
    [
        pytest.param(15, contacted(5), contacted(20), True, id="both-kept"),
        pytest.param(
            15, contacted(5), released(1, MONDAY + 20 * MINUTE), False, id="second-let-go"
        ),
        pytest.param(75, contacted(65), contacted(80), True, id="first-broken-second-kept"),
    ],
)
def test_a_breach_that_is_told_in_one_order_of_reading_alone_changes_no_end(
    bundle: Bundle,
    renewed_at: int,
    closes_first: Event[LeadEvent],
    closes_second: Event[LeadEvent],
    *,
    void: bool,
) -> None:
    start = MONDAY + renewed_at * MINUTE
    after = start + 60 * MINUTE
    first = routed(0, MONDAY, REPS[0], "strict")
    second = routed(1, start, REPS[0], "strict", AssignmentChange.RENEWED, 0)
    third = routed(2, after, REPS[1], "strict", AssignmentChange.BREACHED, 1)
    history = [first, closes_first, second, closes_second, third]
    warned_and_due = [None, None]

    none_told = read(bundle, [*history])
    first_told = read(bundle, [first, *warned_and_due, *history])
    second_told = read(bundle, [first, closes_first, second, *2 * warned_and_due, *history])
    assert ends(none_told) == ends(first_told) == ends(second_told)
    (clock,) = (each for each in none_told.clocks if each.assignment_id == assignment_id(2))
    assert clock.void == (Mark(at=after, fact=closes_second.id) if void else None)


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
            and clock.void is None
            and clock.started_at <= event.data.occurred_at <= clock.due.at
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
        stands: str | None = None
        due = None
        for event in events:
            assert stands in BEFORE[type(event)]
            if isinstance(event, SlaStarted):
                due = event.due_at
            elif isinstance(event, SlaMoved):
                assert event.due_before == due
                assert event.due_at < event.due_before
                due = event.due_at
            stands = AFTER.get(type(event), stands)
        expected = {
            Verdict.MET: "met",
            Verdict.BREACHED: "breached",
            Verdict.RELEASED: "retracted",
            Verdict.COVERED: "retracted" if events else None,
        }
        assert stands == expected[clock.told]
        assert bool(events) == (clock.cycle > 0)


BEFORE: dict[type[SlaEvent], set[str | None]] = {
    SlaStarted: {None, "retracted"},
    SlaWarned: {"running"},
    SlaMoved: {"running"},
    SlaMet: {"running", "retracted"},
    SlaBreached: {"running", "retracted"},
    SlaRetracted: {"running", "met", "breached"},
}
"""How a clock may stand, by its events so far, when another comes."""
AFTER: dict[type[SlaEvent], str] = {
    SlaStarted: "running",
    SlaMet: "met",
    SlaBreached: "breached",
    SlaRetracted: "retracted",
}


@given(data=st.data(), history=histories())
def test_each_enquiry_that_an_owner_has_to_answer_is_served_by_one_clock(
    bundle: Bundle, data: st.DataObject, history: list[Event[LeadEvent]]
) -> None:
    shard = read(bundle, data.draw(readings(history)))
    assignments = {e.data.assignment_id: e.data for e in history if isinstance(e.data, LeadRouted)}

    for each in assignments.values():
        tenure = first_of(each, assignments)
        serving = [
            clock
            for clock in shard.clocks
            if clock.told is not Verdict.COVERED
            and first_of(assignments[clock.assignment_id], assignments) == tenure
            and clock.started_at <= each.occurred_at <= closed_at(clock)
        ]
        (promised,) = (clock for clock in shard.clocks if clock.assignment_id == each.assignment_id)
        if each.change is AssignmentChange.RETURNED:
            # It serves an enquiry whose clock ended unanswered, or nothing.
            let_go = [
                clock
                for clock in shard.clocks
                if clock.told is Verdict.RELEASED
                and clock.void is None
                and first_of(assignments[clock.assignment_id], assignments) == tenure
                and clock.started_at <= each.occurred_at
            ]
            assert promised.told is Verdict.COVERED or let_go
        elif promised.told is Verdict.COVERED:
            assert any(clock.due.at <= promised.due_at for clock in serving)
            # One that ends at the moment at which the lead returns may serve it beside another.
            assert sum(closed_at(clock) > each.occurred_at for clock in serving) <= 1
        else:
            assert promised.cycle > 0


def row(each: LeadRouted, assignments: dict[UUID, LeadRouted]) -> list[UUID]:
    """The assignments of a tenure up to this one, from the last to the first."""
    found = [each.assignment_id]
    while each.change in {AssignmentChange.RENEWED, AssignmentChange.RETURNED}:
        assert each.previous_assignment is not None
        each = assignments[each.previous_assignment]
        found.append(each.assignment_id)
    return found


def first_of(each: LeadRouted, assignments: dict[UUID, LeadRouted]) -> UUID:
    return row(each, assignments)[-1]


def closed_at(clock: Clock) -> datetime:
    marks = (clock.void, clock.answer, clock.end)
    return min([clock.due.at, *(mark.at for mark in marks if mark is not None)])


@given(data=st.data(), history=histories())
def test_whoever_has_a_lead_because_of_a_breach_that_was_wrong_is_not_judged(
    bundle: Bundle, data: st.DataObject, history: list[Event[LeadEvent]]
) -> None:
    shard = read(bundle, data.draw(readings(history)))
    assignments = {e.data.assignment_id: e.data for e in history if isinstance(e.data, LeadRouted)}

    for clock in shard.clocks:
        each = assignments[clock.assignment_id]
        if each.change is not AssignmentChange.BREACHED or each.previous_assignment is None:
            assert clock.void is None
            continue
        tenure = first_of(assignments[each.previous_assignment], assignments)
        causes = [
            cause
            for cause in shard.clocks
            if first_of(assignments[cause.assignment_id], assignments) == tenure
            and cause.told is not Verdict.COVERED
            and cause.reassign
            and cause.due.at <= each.occurred_at
        ]
        renewals = {each: len(row(assignments[each], assignments)) for each in assignments}
        cause = max(
            causes,
            key=lambda cause: (cause.started_at, renewals[cause.assignment_id], cause.id),
            default=None,
        )
        wrong = cause is not None and (cause.told is Verdict.MET or cause.void is not None)
        assert (clock.void is not None) == wrong
        if wrong:
            assert clock.told is Verdict.RELEASED
