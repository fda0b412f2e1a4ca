"""What a reader of the topics may rely on: one content of an event, and an order without gaps."""

from collections import defaultdict
from collections.abc import Iterator

from tests.chaos.checker.evidence import Evidence, Violation
from tests.chaos.checker.records import Found


def check(evidence: Evidence) -> Iterator[Violation]:
    """Of events that follow from a decision: copies are alike, and a lead's `sequence` on a topic
    counts from 1, in the order in which its events are first seen.

    Others have the same id each time that a sender sends a delivery, or that an input fails, and
    tell when that was.
    """
    first: dict[tuple[str, object], Found] = {}
    counted: defaultdict[tuple[object, str], list[int]] = defaultdict(list)
    for record in evidence.records:
        if record.sequence is None:
            continue
        known = first.setdefault((record.topic, record.id), record)
        if known is record:
            counted[record.lead_id, record.topic].append(record.sequence)
        elif known.content != record.content:
            yield Violation(
                "an input was decided on twice",
                f"{record.kind} {record.id} of lead {record.lead_id} has two contents",
            )
    for (lead_id, topic), numbers in counted.items():
        if numbers != list(range(1, len(numbers) + 1)):
            yield Violation("sequence is not 1, 2, 3, ...", f"{topic}, lead {lead_id}: {numbers}")
