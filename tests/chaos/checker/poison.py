"""What can't be applied is kept once by each service that uses it, and nothing else is."""

from collections import Counter
from collections.abc import Iterator, Mapping
from uuid import UUID

from tests.chaos.checker.evidence import Evidence, Violation
from tests.chaos.checker.told import Letter

_Place = tuple[str, int, int]


def check(evidence: Evidence) -> Iterator[Violation]:
    """Dead letters of the APIs, those of the topic, and what became of the replays."""
    spoilt: Mapping[_Place, frozenset[str]] = {
        (each.topic, each.partition, each.offset): evidence.users.get(each.type, frozenset())
        for each in evidence.seen.spoilt
    }
    barred = {(each.service, each.lead_id) for each in evidence.seen.barred}
    for service, letters in evidence.letters.items():
        places = Counter(_place(letter) for letter in letters)
        for place, services in spoilt.items():
            if places[place] != (service in services):
                yield Violation(
                    "a record that can't be read is not one dead letter",
                    f"{service}: {places[place]} of {place}",
                )
        for letter in letters:
            if _place(letter) not in spoilt and (service, letter.lead_id) not in barred:
                yield Violation(
                    "a dead letter of what is not poison",
                    f"{service}: {letter.kind} {letter.id}: {letter.reason}",
                )
    yield from _barred(evidence)
    yield from _told(evidence)


def _place(letter: Letter) -> _Place | None:
    if letter.topic is None or letter.offset is None:
        return None
    return (letter.topic, letter.shard, letter.offset)


def _barred(evidence: Evidence) -> Iterator[Violation]:
    """What was refused for a while was kept, and its replay took effect."""
    accepted = {(r.service, r.letter.id) for r in evidence.replayed if r.accepted}
    captured = set(evidence.captured)
    for each in evidence.seen.barred:
        letters = [
            letter
            for letter in evidence.letters.get(each.service, ())
            if letter.lead_id == each.lead_id and letter.reason.startswith("the database refuses")
        ]
        if not letters and each.lead_id in captured:
            yield Violation("what was refused was not kept", f"{each.service}: {each.lead_id}")
        for letter in letters:
            if (each.service, letter.id) not in accepted or letter.replayed_at is None:
                yield Violation(
                    "a replay took no effect", f"{each.service}: {letter.kind} {letter.id}"
                )


def _told(evidence: Evidence) -> Iterator[Violation]:
    """The topic has each once for each service: the same event, however often it failed."""
    told: Counter[tuple[str, UUID]] = Counter(
        (event.data["service"], UUID(event.data["dead_letter_id"]))
        for event in evidence.events
        if event.topic == "dead-letter"
    )
    kept = Counter(
        (service, letter.id) for service, letters in evidence.letters.items() for letter in letters
    )
    for service, id_ in told.keys() | kept.keys():
        if told[service, id_] != kept[service, id_]:
            yield Violation(
                "a dead letter was not told of once",
                f"{service} {id_}: {told[service, id_]} told, {kept[service, id_]} kept",
            )
