"""Scoring knows each fact once, and its history is that which it has told."""

from collections import Counter
from collections.abc import Iterator
from uuid import UUID

from tests.chaos.checker.evidence import Evidence, Violation
from tests.chaos.checker.told import Lead


def check(evidence: Evidence) -> Iterator[Violation]:
    """For every captured lead."""
    for lead_id in evidence.captured:
        lead = evidence.leads.get(lead_id)
        if lead is None or not lead.history:
            yield Violation("captured and never scored", str(lead_id))
            continue
        yield from _facts(evidence, lead_id, lead)
        yield from _history(evidence, lead_id, lead)


def _facts(evidence: Evidence, lead_id: UUID, lead: Lead) -> Iterator[Violation]:
    sides = {
        "lead-captured": Counter(known.id for known in lead.enquiries),
        "lead-followup": Counter(known.id for known in lead.followups),
    }
    for topic, known in sides.items():
        told = Counter(event.id for event in evidence.of(lead_id, topic))
        if known != told:
            lost, added = (told - known).total(), (known - told).total()
            yield Violation(
                "a fact was lost or counted twice",
                f"{topic}, lead {lead_id}: {lost} missing, {added} too many",
            )
    views = len(evidence.of(lead_id, "lead-activity"))
    if lead.activities != views:
        yield Violation(
            "a fact was lost or counted twice",
            f"lead-activity, lead {lead_id}: {lead.activities} of {views}",
        )


def _history(evidence: Evidence, lead_id: UUID, lead: Lead) -> Iterator[Violation]:
    changes = sorted(lead.history, key=lambda change: change.number)
    numbers = [change.number for change in changes]
    if numbers != list(range(1, len(numbers) + 1)):
        yield Violation("the score history has gaps", f"lead {lead_id}: {numbers}")
    events = sorted(evidence.of(lead_id, "lead-scored"), key=lambda event: event.sequence or 0)
    if [change.event_id for change in changes] != [event.id for event in events]:
        yield Violation(
            "what was told of a score is not its history",
            f"lead {lead_id}: {len(events)} told, {len(changes)} in the history",
        )
    elif lead.stage != events[-1].data["stage"]:
        yield Violation("the stage is not the one that was told last", f"lead {lead_id}")
