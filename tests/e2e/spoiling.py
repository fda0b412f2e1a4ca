"""Ways in which a record is no event."""

import json
from collections.abc import Callable
from dataclasses import replace

from baton.cloudevents import Message
from tests.e2e.records import new_lead

HUGE = 900_000
Spoil = Callable[[Message], Message]


def with_header(given: Message, name: str, value: bytes | None) -> Message:
    """With this header instead of the one of that name."""
    kept = [header for header in given.headers if header[0] != name]
    return replace(given, headers=[*kept, (name, value)])  # type: ignore[list-item]  # as Kafka has it


def broken_json(given: Message) -> Message:
    return replace(given, value=given.value[:-1])


def no_value(given: Message) -> Message:
    return replace(given, value=None)  # type: ignore[arg-type]  # as Kafka has it


def not_utf8(given: Message) -> Message:
    return replace(given, value=b"\xff\xfe" + given.value)


def of_a_wrong_type(given: Message) -> Message:
    return replace(given, value=json.dumps(json.loads(given.value) | {"occurred_at": 7}).encode())


def under_a_wrong_key(given: Message) -> Message:
    return replace(given, key=str(new_lead()).encode())


def without_a_key(given: Message) -> Message:
    return replace(given, key=None)  # type: ignore[arg-type]  # as Kafka has it


def with_an_empty_header(given: Message) -> Message:
    return with_header(given, "ce_time", None)


def with_an_id_of_nothing(given: Message) -> Message:
    return with_header(given, "ce_id", None)


def with_large_headers(given: Message) -> Message:
    return with_header(broken_json(given), "other", b"\x01" * 300_000)


def with_a_huge_value(given: Message) -> Message:
    return replace(given, value=b"x" * HUGE)


SPOILT_SMALL: tuple[Spoil, ...] = (
    broken_json,
    no_value,
    not_utf8,
    of_a_wrong_type,
    under_a_wrong_key,
    without_a_key,
    with_an_empty_header,
    with_an_id_of_nothing,
)
SPOILT: tuple[Spoil, ...] = (*SPOILT_SMALL, with_large_headers, with_a_huge_value)
