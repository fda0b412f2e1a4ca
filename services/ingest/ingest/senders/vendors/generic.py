"""Reads deliveries of a company's own system; the bundle describes its signature and payload.

Formats: JSON, `application/x-www-form-urlencoded` and `multipart/form-data`, by `Content-Type`. One
delivery may contain many events.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Sequence

from pydantic import JsonValue

from ingest.policy.mapped import GenericSource, SignedText
from ingest.senders.kit import mapping
from ingest.senders.kit.delivery import Delivery, NotUnderstoodError
from ingest.senders.kit.formats import payload_of
from ingest.senders.kit.items import Item, ItemResult, read_each
from ingest.senders.kit.mapping import MappedEvent
from ingest.senders.kit.payloads import Path, at, path, text_at
from ingest.senders.kit.places import (
    Authorization,
    Header,
    HeaderItem,
    InJson,
    Parameter,
    Place,
    body,
    method,
    url,
)
from ingest.senders.kit.sender import Example, Guide, Sender
from ingest.senders.kit.signing import (
    Scheme,
    SentAt,
    Signature,
    Token,
    UnusableSecretError,
    as_it_is,
    in_base64,
    in_hex,
    iso_time,
    unix_milliseconds,
    unix_seconds,
)

_IN_BRACES = re.compile(r"\{([^{}]+)\}")
_WRITTEN = {"hex": in_hex, "base64": in_base64}
_TIMES = {"seconds": unix_seconds, "milliseconds": unix_milliseconds, "iso": iso_time}


def signing(source: GenericSource) -> Sequence[Scheme]:
    """The signature or token that the bundle declares for the system."""
    signs = source.signs
    if signs.by == "basic":
        return [Token(Authorization("Basic"))]
    if signs.by == "token":
        return [Token(_place(signs))]
    return [
        Signature(
            at=_place(signs),
            signs=list(_parts(signs)),
            written=_WRITTEN[signs.written],
            algorithm=signs.algorithm,
            keyed=signs.by == "hmac",
            key_of=_from_base64 if signs.key == "base64" else as_it_is,
            sent_at=SentAt(Header(signs.time), _TIMES[signs.time_as], signs.tolerance)
            if signs.time
            else None,
        )
    ]


def _place(signs: SignedText) -> Place:
    if signs.parameter:
        return Parameter(signs.parameter)
    if signs.field:
        return InJson(path(signs.field))
    name = signs.header or ""
    return HeaderItem(name, signs.prefix, equals="") if signs.prefix else Header(name)


def _parts(signs: SignedText) -> Iterator[bytes | Callable[[Delivery], bytes]]:
    named: dict[str, Callable[[Delivery], bytes]] = {"body": body, "method": method, "url": url}
    if signs.time:
        named["time"] = Header(signs.time)
    for position, text in enumerate(_IN_BRACES.split(signs.over)):
        if position % 2 == 0:
            yield text.encode()
        elif text.startswith("header:"):
            yield Header(text.removeprefix("header:"))
        else:
            yield named[text]


def _from_base64(secret: str) -> bytes:
    try:
        return base64.b64decode(secret, validate=True)
    except (binascii.Error, ValueError) as error:
        raise UnusableSecretError("is not base64") from error


def read(source: GenericSource, delivery: Delivery) -> Iterator[ItemResult]:
    """The items of each event of the delivery. Raises NotUnderstoodError."""
    payload = payload_of(delivery)
    events = _events(source, payload)

    def read_one(numbered: tuple[int, JsonValue]) -> list[Item]:
        position, event = numbered
        type_, type_path = _found(delivery, payload, event, source.type_at, source.type_header)
        id_, id_path = _found(
            delivery, payload, event, source.delivery_id_at, source.delivery_id_header
        )
        if source.type_at is None and source.type_header is None:
            type_ = next(iter((*source.events, *source.ignore)))
        told_apart = id_path is not None or len(events) == 1
        known = tuple(steps for steps in (type_path, id_path) if steps is not None)
        part = "" if told_apart else str(position)
        return mapping.read(
            source, MappedEvent(type_, event, payload, delivery_id=id_, part=part, known=known)
        )

    return read_each(enumerate(events), read_one)


def read_headers(source: GenericSource) -> Sequence[str]:
    """The headers that the bundle names."""
    return [name for name in (source.type_header, source.delivery_id_header) if name]


def _events(source: GenericSource, payload: JsonValue) -> list[JsonValue]:
    if source.items_at is None:
        return payload if isinstance(payload, list) else [payload]
    events = at(payload, path(source.items_at))
    if not isinstance(events, list):
        raise NotUnderstoodError(
            f"there is no list of events at the path {source.items_at} (`items_at`)"
        )
    return events


def _found(
    delivery: Delivery,
    payload: JsonValue,
    event: JsonValue,
    place: str | None,
    header: str | None,
) -> tuple[str | None, Path | None]:
    """A text from the event, the enclosing payload or a header, and its path in the event."""
    if header is not None:
        return delivery.headers.get(header), None
    if place is None:
        return None, None
    steps = path(place)
    own = text_at(event, steps)
    return (own, steps) if own is not None else (text_at(payload, steps), None)


SENDER = Sender(
    kind="generic",
    source=GenericSource,
    signing=signing,
    reading=read,
    read_headers=read_headers,
    guide=Guide(
        name="Your own system",
        enter=(
            "Let your system post to the address. `signs` in the source describes "
            "its signature, or the place of its secret. Sign exactly the bytes that "
            "you send."
        ),
        sends="JSON or a form: one event, or a list of events at the path `items_at`.",
        becomes=(
            "Leads, activities, follow-ups and requests to forget a person, as "
            "`events` in the source maps each type. Fields without a mapping are "
            "stored as `answers`."
        ),
        retries=(
            "Send every delivery again that was not answered with 202, with the "
            "same delivery id. Two events without an id and a time differ only by "
            "their body, see above."
        ),
    ),
    example=Example(
        '{"event": "enquiry", "id": "a1", "email": "buyer@example.com", "topic": "prices"}'
    ),
)
