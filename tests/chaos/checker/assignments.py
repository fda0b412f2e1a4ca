"""Nobody is forgotten, and nobody has two owners."""

from collections import Counter
from collections.abc import Iterator, Sequence
from uuid import UUID

from tests.chaos.checker.evidence import Evidence, Violation
from tests.chaos.checker.records import Found
from tests.chaos.checker.told import Ownership


def check(evidence: Evidence) -> Iterator[Violation]:
    """One current assignment or a stated reason for each lead; and reps have what they have."""
    for lead_id in evidence.captured:
        owned = evidence.ownerships.get(lead_id)
        events = sorted(evidence.of(lead_id, "lead-routed"), key=lambda event: event.sequence or 0)
        if owned is None or not events:
            yield Violation("neither assigned nor told why", str(lead_id))
            continue
        yield from _story(lead_id, events, owned)
        yield from _kept(lead_id, events, owned)
    yield from _desks(evidence)


def _story(lead_id: UUID, events: Sequence[Found], owned: Ownership) -> Iterator[Violation]:
    """What was told, one after the other, makes sense and ends where routing stands."""
    holds: str | None = None
    for event in events:
        told = event.data.get("assignment_id")
        # The owner of a lead with a new enquiry goes on under another id, without a release.
        renewed = event.data.get("change") == "renewed"
        before = event.data["previous_assignment"] if renewed else None
        fits = holds == (told if event.kind == "lead.released" else before)
        if not fits:
            yield Violation(
                "two owners, or a release of what nobody had",
                f"lead {lead_id}: {event.kind} {told} while {holds} held",
            )
        holds = told if event.kind == "lead.routed" else None
    current = None if owned.current is None else str(owned.current.id)
    if holds != current:
        yield Violation(
            "who has a lead is not who was told last", f"lead {lead_id}: {current}, told {holds}"
        )
    if holds is None and not events[-1].data.get("code"):
        yield Violation("nobody has a lead, and no reason is told", f"lead {lead_id}")


def _kept(lead_id: UUID, events: Sequence[Found], owned: Ownership) -> Iterator[Violation]:
    """What routing keeps is what it has told."""
    told = Counter(UUID(e.data["assignment_id"]) for e in events if e.kind == "lead.routed")
    if told != Counter(assignment.id for assignment in owned.assignments):
        yield Violation("assignments told and kept differ", f"lead {lead_id}")
    going_on = [assignment.id for assignment in owned.assignments if assignment.ended_at is None]
    if going_on != ([] if owned.current is None else [owned.current.id]):
        yield Violation("not one current assignment", f"lead {lead_id}: {len(going_on)} go on")
    decided = {decision.id for decision in owned.decisions}
    undecided = {event.data["decision_id"] for event in events} - set(map(str, decided))
    if undecided:
        yield Violation("told without a decision", f"lead {lead_id}: {', '.join(undecided)}")


def _desks(evidence: Evidence) -> Iterator[Violation]:
    has: Counter[str] = Counter()
    for owned in evidence.ownerships.values():
        if owned is not None and owned.current is not None and owned.current.worked_at is None:
            has[owned.current.rep] += 1
    for rep in evidence.reps:
        if rep.open_leads != has[rep.id]:
            yield Violation(
                "a rep's open leads are not those that the rep has",
                f"{rep.id}: {rep.open_leads}, and has {has[rep.id]}",
            )
