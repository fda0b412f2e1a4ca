"""CloudEvents 1.0 over Kafka in binary mode: the data is the value, the attributes are headers."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, TypeVar
from uuid import UUID

from pydantic import ValidationError
from pydantic_core import from_json

from baton import events
from baton.events import EventData, LeadEvent, SubjectEvent

D_co = TypeVar("D_co", bound=EventData, covariant=True)
Headers = Sequence[tuple[str, bytes]]
ReceivedHeaders = Sequence[tuple[str, bytes | None]]
"""Kafka lets a header have no value."""

CONTENT_TYPE = "application/json"
SPEC_VERSION = "1.0"
SEQUENCE_DIGITS = 20
ATTRIBUTES = frozenset(
    {
        "ce_specversion",
        "ce_id",
        "ce_type",
        "ce_source",
        "ce_time",
        "ce_subject",
        "ce_sequence",
        "ce_traceparent",
        "ce_policyversion",
        "content-type",
    }
)
"""Headers with other names are not ours, and are not looked at."""

TYPE_NAME = re.compile(r"baton(\.[a-z_]{1,40}){1,4}\.v[1-9][0-9]{0,3}")
_SEQUENCE = re.compile(rf"[0-9]{{{SEQUENCE_DIGITS}}}")
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})"
)
_MOST_ERRORS_TOLD = 5
_LONGEST_PLACE = 200


class NotDecodableError(ValueError):
    """A record is not an event as the contract describes it.

    The text names the field. It is short and has no values, since they may be a person's data.
    """


class UnknownTypeError(Exception):
    """A record has a type that this release does not know: readers are deployed before writers."""


@dataclass(frozen=True, slots=True)
class Event(Generic[D_co]):
    """An event with its CloudEvents attributes.

    `subject` is the lead id for events about leads, and the record's key for all. `sequence` counts
    the events of a lead on a topic, from 1, for services that keep state.
    """

    id: UUID
    source: str
    time: datetime
    subject: str
    data: D_co
    sequence: int | None = None
    traceparent: str | None = None
    policyversion: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """An event as bytes, with where it goes."""

    topic: str
    key: bytes
    value: bytes
    headers: Headers


def encode(event: Event[EventData]) -> Message:
    """The record of an event; the topic is without the deployment's prefix."""
    headers = [
        ("ce_specversion", SPEC_VERSION.encode()),
        ("ce_id", str(event.id).encode()),
        ("ce_type", event.data.event_type.encode()),
        ("ce_source", event.source.encode()),
        ("ce_time", format_time(event.time).encode()),
        ("ce_subject", event.subject.encode()),
        ("content-type", CONTENT_TYPE.encode()),
    ]
    if event.sequence is not None:
        headers.append(("ce_sequence", f"{event.sequence:0{SEQUENCE_DIGITS}}".encode()))
    if event.traceparent is not None:
        headers.append(("ce_traceparent", event.traceparent.encode()))
    if event.policyversion is not None:
        headers.append(("ce_policyversion", event.policyversion.encode()))
    return Message(
        topic=event.data.topic.name,
        key=event.subject.encode(),
        value=event.data.model_dump_json().encode(),
        headers=headers,
    )


def event_type(headers: ReceivedHeaders) -> str | None:
    """The type of a record, without decoding it; None where that needs a closer look."""
    values = [value for name, value in headers if name == "ce_type"]
    if len(values) != 1 or values[0] is None:
        return None
    return values[0].decode("utf-8", errors="replace")


def decode(key: bytes | None, value: bytes | None, headers: ReceivedHeaders) -> Event[EventData]:
    """The event of a record.

    Raises NotDecodableError where the record is not as the contract says, with the field's name,
    and UnknownTypeError for a type that this release does not know.
    """
    attributes = _attributes(headers)
    if _required(attributes, "ce_specversion") != SPEC_VERSION:
        raise NotDecodableError(f"ce_specversion is not {SPEC_VERSION}")
    if _required(attributes, "content-type").partition(";")[0].strip().lower() != CONTENT_TYPE:
        raise NotDecodableError(f"content-type is not {CONTENT_TYPE}")
    subject = _required(attributes, "ce_subject")
    if key != subject.encode():
        raise NotDecodableError("the record's key is not its ce_subject")
    event = Event(
        id=_id(_required(attributes, "ce_id")),
        source=_required(attributes, "ce_source"),
        time=_time(_required(attributes, "ce_time")),
        subject=subject,
        data=_data(_required(attributes, "ce_type"), value),
        sequence=_sequence(attributes.get("ce_sequence")),
        traceparent=attributes.get("ce_traceparent"),
        policyversion=attributes.get("ce_policyversion"),
    )
    if isinstance(event.data, SubjectEvent) and key != event.data.about.key:
        name = "lead_id" if isinstance(event.data, LeadEvent) else "the subject's id"
        raise NotDecodableError(f"{name} is not the record's key")
    return event


def describe(error: ValidationError) -> str:
    """The first fields that are wrong and why, without their values."""
    details = error.errors(include_input=False, include_url=False, include_context=False)
    parts = [
        f"{'.'.join(str(part) for part in detail['loc'])[:_LONGEST_PLACE] or 'data'}: "
        f"{detail['msg'][:_LONGEST_PLACE]}"
        for detail in details[:_MOST_ERRORS_TOLD]
    ]
    if len(details) > _MOST_ERRORS_TOLD:
        parts.append(f"and {len(details) - _MOST_ERRORS_TOLD} more")
    return "; ".join(parts)


def format_time(moment: datetime) -> str:
    """RFC 3339 text, in UTC, of an aware time. Raises ValueError for a naive one."""
    if moment.tzinfo is None:
        raise ValueError("a time must have an offset from UTC")
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse_time(text: str) -> datetime:
    """The time, in UTC, of an RFC 3339 text; digits after the microseconds are cut off.

    Raises ValueError where the text is none.
    """
    if not _TIME.fullmatch(text):
        raise ValueError("a time must be as RFC 3339 has it, with an offset from UTC")
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except OverflowError as error:
        raise ValueError("a time must be within the years 1 to 9999") from error


def _attributes(headers: ReceivedHeaders) -> Mapping[str, str]:
    attributes: dict[str, str] = {}
    for name, value in headers:
        if name not in ATTRIBUTES:
            continue
        if name in attributes:
            raise NotDecodableError(f"{name} is there twice")
        if not value:
            raise NotDecodableError(f"{name} is empty")
        try:
            attributes[name] = value.decode("utf-8")
        except UnicodeDecodeError as error:
            raise NotDecodableError(f"{name} is not UTF-8") from error
    return attributes


def _required(attributes: Mapping[str, str], name: str) -> str:
    value = attributes.get(name)
    if value is None:
        raise NotDecodableError(f"{name} is missing")
    return value


def _id(text: str) -> UUID:
    try:
        made = UUID(text)
    except ValueError as error:
        raise NotDecodableError("ce_id is not a UUID") from error
    if str(made) != text:
        raise NotDecodableError("ce_id is not a UUID in lower case with hyphens")
    return made


def _time(text: str) -> datetime:
    try:
        return parse_time(text)
    except ValueError as error:
        raise NotDecodableError(f"ce_time: {error}") from error


def _sequence(text: str | None) -> int | None:
    if text is None:
        return None
    if not _SEQUENCE.fullmatch(text):
        raise NotDecodableError(f"ce_sequence is not {SEQUENCE_DIGITS} digits")
    return int(text)


def _data(type_name: str, value: bytes | None) -> EventData:
    model = events.BY_TYPE.get(type_name)
    if model is None:
        if TYPE_NAME.fullmatch(type_name):
            raise UnknownTypeError(type_name)
        raise NotDecodableError("ce_type is not the name of a type of Baton's")
    if value is None:
        raise NotDecodableError("data: the record has no value")
    _refuse_nan(value)
    try:
        return model.model_validate_json(value, strict=True)
    except ValidationError as error:
        raise NotDecodableError(describe(error)) from error


def _refuse_nan(value: bytes) -> None:
    """Pydantic reads NaN and Infinity, which are not JSON, and passes over them in other fields."""
    if b"NaN" in value or b"Infinity" in value:
        try:
            from_json(value, allow_inf_nan=False)
        except ValueError as error:
            raise NotDecodableError(f"data: Invalid JSON: {error}") from error
