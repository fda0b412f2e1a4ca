"""Each enquiry has a clock that serves it, each clock one life, and nobody is accused falsely."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from tests.chaos.checker.evidence import Evidence, Violation
from tests.chaos.checker.promises import GivenServers, Judgement, Promises
from tests.chaos.checker.told import Clock

_TARGET = "first_response"
"""The one target of the bundle that these runs are decided by."""
_GOES_ON = ("running", "warned")
_OVERDUE = timedelta(seconds=5)
_FROM: Mapping[str, tuple[str | None, ...]] = {
    "sla.started": (None, "retracted"),
    "sla.warned": ("running",),
    "sla.moved": ("running", "warned"),
    "sla.met": ("running", "warned", "retracted"),
    "sla.breached": ("running", "warned", "retracted"),
    "sla.retracted": ("running", "warned", "met", "breached"),
}
"""How a clock may stand when it is told of; one that was retracted may run again."""
_TO: Mapping[str, str] = {
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
        routed = evidence.of(lead_id, "lead-routed")
        promises = Promises(routed, evidence.of(lead_id, "lead-followup"))
        judged = promises.judged(clocks)
        yield from _one_each(lead_id, promises, clocks, judged)
        for clock in clocks:
            yield from _life(evidence, lead_id, clock)
            yield from _going_on(evidence, lead_id, clock, promises, now)
        for clock in clocks:
            if clock.clock_id in judged and not judged[clock.clock_id][1].covered:
                yield from _accused(evidence, lead_id, clock, judged[clock.clock_id][1])


def _one_each(
    lead_id: UUID,
    promises: Promises,
    clocks: Sequence[Clock],
    judged: Mapping[UUID, tuple[GivenServers, Judgement]],
) -> Iterator[Violation]:
    """Each enquiry has a clock of its own, unless one serves it that ran at that time."""
    found = Counter((str(clock.assignment_id), clock.target) for clock in clocks)
    given = promises.given.values()
    served = {each.id for each in given if promises.served(each, judged.values())}
    wanted = Counter((each.id, _TARGET) for each in given if each.id not in served)
    # Another clock was found to serve it only after this one had begun.
    spare = Counter(
        (str(clock.assignment_id), clock.target)
        for clock in clocks
        if clock.state == "retracted" and str(clock.assignment_id) in served
    )
    lost, added = (wanted - found).total(), (found - wanted - spare).total()
    if lost or added:
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
    stands: str | None = None
    due_at: str | None = None
    for event in told:
        if stands not in _FROM[event.kind] or kinds.count("sla.warned") > 1:
            begins = event.kind == "sla.started" or stands is None
            rule = "a clock has not begun once" if begins else "a clock was told of twice"
            yield Violation(rule, f"clock {clock.clock_id}: {kinds}")
            return
        if event.kind == "sla.moved" and not _forward(event.data, due_at):
            yield Violation("a clock was moved back", f"clock {clock.clock_id}: {event.id}")
        if event.kind in {"sla.started", "sla.moved"}:
            due_at = event.data.get("due_at")
        stands = _TO.get(event.kind, stands)
    if stands == "running" and "sla.warned" in kinds:
        stands = "warned"
    due = clock.due_at if due_at is None else datetime.fromisoformat(due_at)
    if stands is None:
        yield Violation("a clock has not begun once", f"clock {clock.clock_id}")
    elif stands != clock.state or (stands in _GOES_ON and due != clock.due_at):
        yield Violation(
            "a clock stands otherwise than was told",
            f"clock {clock.clock_id}: {clock.state}, due {clock.due_at}, told {stands}, due {due}",
        )


def _forward(moved: Mapping[str, str], due_at: str | None) -> bool:
    """From the due time that was told to an earlier one."""
    before, after = moved["due_before"], moved["due_at"]
    if due_at is not None and datetime.fromisoformat(before) != datetime.fromisoformat(due_at):
        return False
    return datetime.fromisoformat(after) < datetime.fromisoformat(before)


def _going_on(
    evidence: Evidence, lead_id: UUID, clock: Clock, promises: Promises, now: datetime
) -> Iterator[Violation]:
    if clock.state not in _GOES_ON:
        return
    owned = evidence.ownerships.get(lead_id)
    current = None if owned is None or owned.current is None else str(owned.current.id)
    if current is None or promises.tenure(current) != promises.tenure(str(clock.assignment_id)):
        yield Violation("a clock runs for who does not have the lead", f"clock {clock.clock_id}")
    if clock.due_at + _OVERDUE < now:
        yield Violation("a clock is overdue", f"clock {clock.clock_id} was due {clock.due_at}")


def _accused(
    evidence: Evidence, lead_id: UUID, clock: Clock, judgement: Judgement
) -> Iterator[Violation]:
    """Answered in time, or had the lead no more: then nothing may be left of a breach, whenever
    that was heard of; and none may have been told of, with all facts known, where Kafka had the
    follow-up in time too.
    """
    fact = judgement.answer if judgement.met else judgement.end
    if not (judgement.met or judgement.dropped):
        if clock.state in {"met", "retracted"}:
            yield Violation(
                "a clock is closed without a fact", f"clock {clock.clock_id}: {clock.state}"
            )
        return
    expected = "met" if judgement.met else "retracted"
    if clock.state == "breached":
        why = "void" if judgement.void or fact is None else f"closed by {fact.event.id}"
        yield Violation("a false breach", f"clock {clock.clock_id}: {why}")
    elif clock.state != expected:
        yield Violation(
            "a clock is not closed by its fact",
            f"clock {clock.clock_id}: {clock.state}, not {expected}",
        )
    if judgement.void or fact is None or fact.event.topic != "lead-followup":
        return
    for event in evidence.of(lead_id, "lead-sla"):
        if event.kind != "sla.breached" or event.data["clock_id"] != str(clock.clock_id):
            continue
        due_at = datetime.fromisoformat(event.data.get("due_at", clock.due_at.isoformat()))
        if fact.event.written_at <= due_at and event.data["facts_complete"]:
            yield Violation(
                "a false breach",
                f"clock {clock.clock_id}: {fact.event.id} lay unread, and was in time",
            )
