"""Each assignment has its clocks, each clock one life, and nobody is accused falsely."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

from chaos.checker.evidence import Evidence, Violation
from chaos.checker.records import Found
from chaos.checker.told import Clock

_TARGET = "first_response"
"""The one target of the bundle that these runs are decided by."""
_ANSWERS = ("contacted", "meeting_booked")
_GOES_ON = ("running", "warned")
_OVERDUE = timedelta(seconds=5)
_STATES: Mapping[str, str] = {
    "sla.started": "running",
    "sla.warned": "warned",
    "sla.met": "met",
    "sla.breached": "breached",
    "sla.retracted": "retracted",
}


def check(evidence: Evidence) -> Iterator[Violation]:
    """For every captured lead."""
    now = datetime.now(UTC)
    for lead_id in evidence.captured:
        clocks = evidence.clocks.get(lead_id, ())
        yield from _one_each(evidence, lead_id, clocks)
        for clock in clocks:
            yield from _life(evidence, lead_id, clock)
            yield from _going_on(evidence, lead_id, clock, now)
            yield from _accused(evidence, lead_id, clock)


def _one_each(evidence: Evidence, lead_id: UUID, clocks: Sequence[Clock]) -> Iterator[Violation]:
    events = evidence.of(lead_id, "lead-routed")
    given = Counter((e.data["assignment_id"], _TARGET) for e in events if e.kind == "lead.routed")
    found = Counter((str(clock.assignment_id), clock.target) for clock in clocks)
    if found != given:
        lost, added = (given - found).total(), (found - given).total()
        yield Violation(
            "not one clock for each target of an assignment",
            f"lead {lead_id}: {lost} missing, {added} too many",
        )


def _life(evidence: Evidence, lead_id: UUID, clock: Clock) -> Iterator[Violation]:
    told = [
        event
        for event in sorted(evidence.of(lead_id, "lead-sla"), key=lambda e: e.sequence or 0)
        if event.data["clock_id"] == str(clock.clock_id)
    ]
    kinds = [event.kind for event in told]
    if not kinds or kinds[0] != "sla.started" or kinds.count("sla.started") != 1:
        yield Violation("a clock has not begun once", f"clock {clock.clock_id}: {kinds}")
    elif kinds.count("sla.warned") > 1 or _repeats(kinds):
        yield Violation("a clock was told of twice", f"clock {clock.clock_id}: {kinds}")
    elif _STATES[kinds[-1]] != clock.state:
        yield Violation(
            "a clock stands otherwise than was told",
            f"clock {clock.clock_id}: {clock.state}, told {kinds[-1]}",
        )


def _repeats(kinds: Sequence[str]) -> bool:
    """A verdict is retracted before another takes its place."""
    return any(
        before == after or {before, after} <= {"sla.met", "sla.breached"}
        for before, after in pairwise(kinds)
    )


def _going_on(
    evidence: Evidence, lead_id: UUID, clock: Clock, now: datetime
) -> Iterator[Violation]:
    if clock.state not in _GOES_ON:
        return
    owned = evidence.ownerships.get(lead_id)
    if owned is None or owned.current is None or owned.current.id != clock.assignment_id:
        yield Violation("a clock runs for who does not have the lead", f"clock {clock.clock_id}")
    if clock.due_at + _OVERDUE < now:
        yield Violation("a clock is overdue", f"clock {clock.clock_id} was due {clock.due_at}")


def _accused(evidence: Evidence, lead_id: UUID, clock: Clock) -> Iterator[Violation]:
    """Answered in time: then nothing may be left of a breach, whenever the answer was heard of; and
    none may have been told of, with all facts known, where Kafka had the answer in time too.
    """
    told = [
        event
        for event in evidence.of(lead_id, "lead-sla")
        if event.kind == "sla.breached" and event.data["clock_id"] == str(clock.clock_id)
    ]
    given = _given(evidence.of(lead_id, "lead-routed"), clock)
    for event in evidence.of(lead_id, "lead-followup"):
        if event.data["type"] not in _ANSWERS or given is None:
            continue
        answered = datetime.fromisoformat(event.data["occurred_at"])
        if not given <= answered <= clock.due_at:
            continue
        if clock.state == "breached":
            yield Violation("a false breach", f"clock {clock.clock_id}: answered by {event.id}")
        elif event.written_at <= clock.due_at and any(e.data["facts_complete"] for e in told):
            yield Violation(
                "a false breach", f"clock {clock.clock_id}: {event.id} lay unread, and was in time"
            )


def _given(events: Sequence[Found], clock: Clock) -> datetime | None:
    for event in events:
        if event.kind == "lead.routed" and event.data["assignment_id"] == str(clock.assignment_id):
            return datetime.fromisoformat(event.data["occurred_at"])
    return None
