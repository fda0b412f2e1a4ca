"""CloudEvents 1.0 over Kafka in binary mode: the data is the value, the attributes are headers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

from pydantic import ValidationError

from baton import events
from baton.events import EventData, LeadEvent

D_co = TypeVar("D_co", bound=EventData, covariant=True)
Headers = Sequence[tuple[str, bytes]]

CONTENT_TYPE = "application/json"
SPEC_VERSION = "1.0"
SEQUENCE_DIGITS = 20


class NotDecodableError(ValueError):
    """A record is not an event as the contract describes it."""


class UnknownTypeError(Exception):
    """A record has a type that this release does not know: readers are deployed before writers."""


@dataclass(frozen=True, slots=True)
class Event(Generic[D_co]):
    """An event with its CloudEvents attributes.

    `subject` is the lead id for events about leads. `sequence` counts the events of a lead on a
    topic, from 1, for services that keep state.
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


def event_type(headers: Headers) -> str | None:
    """The type of a record, without decoding it; None where it has none that can be read."""
    for name, value in headers:
        if name == "ce_type":
            return value.decode("utf-8", errors="replace")
    return None


def decode(key: bytes | None, value: bytes | None, headers: Headers) -> Event[EventData]:
    """The event of a record.

    Raises NotDecodableError where the record is not as the contract says, with the field's name,
    and UnknownTypeError for a type that this release does not know.
    """
    attributes = _attributes(headers)
    if attributes.get("ce_specversion") != SPEC_VERSION:
        msg = f"ce_specversion is {attributes.get('ce_specversion')!r}, not {SPEC_VERSION!r}"
        raise NotDecodableError(msg)
    type_name = _required(attributes, "ce_type")
    model = events.BY_TYPE.get(type_name)
    if model is None:
        raise UnknownTypeError(type_name)
    subject = _required(attributes, "ce_subject")
    if key is None or key != subject.encode():
        msg = "the record's key is not its ce_subject"
        raise NotDecodableError(msg)
    try:
        data = model.model_validate_json(value or b"")
    except ValidationError as error:
        raise NotDecodableError(describe(error)) from error
    if isinstance(data, LeadEvent) and subject != str(data.lead_id):
        msg = "lead_id is not the record's key"
        raise NotDecodableError(msg)
    sequence = attributes.get("ce_sequence")
    try:
        return Event(
            id=UUID(_required(attributes, "ce_id")),
            source=_required(attributes, "ce_source"),
            time=parse_time(_required(attributes, "ce_time")),
            subject=subject,
            data=data,
            sequence=None if sequence is None else int(sequence),
            traceparent=attributes.get("ce_traceparent"),
            policyversion=attributes.get("ce_policyversion"),
        )
    except ValueError as error:
        msg = f"an attribute can't be read: {error}"
        raise NotDecodableError(msg) from error


def describe(error: ValidationError) -> str:
    """The fields that are wrong and why, without the values, which may be a person's data."""
    parts = (
        f"{'.'.join(str(part) for part in detail['loc']) or 'data'}: {detail['msg']}"
        for detail in error.errors(include_input=False, include_url=False)
    )
    return "; ".join(parts)


def format_time(moment: datetime) -> str:
    """RFC 3339 text of an aware time in UTC."""
    return moment.isoformat().replace("+00:00", "Z")


def parse_time(text: str) -> datetime:
    """The aware time of an RFC 3339 text. Raises ValueError where it has no offset."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        msg = f"{text!r} has no offset from UTC"
        raise ValueError(msg)
    return moment


def _attributes(headers: Headers) -> dict[str, str]:
    try:
        return {name: value.decode("utf-8") for name, value in headers}
    except UnicodeDecodeError as error:
        msg = "a header is not UTF-8"
        raise NotDecodableError(msg) from error


def _required(attributes: dict[str, str], name: str) -> str:
    value = attributes.get(name)
    if not value:
        msg = f"{name} is missing"
        raise NotDecodableError(msg)
    return value
