"""Parses bodies of authentic deliveries by format. Each function raises NotUnderstoodError."""

from collections.abc import Iterable
from email.message import Message
from email.parser import BytesParser
from urllib.parse import parse_qsl

from pydantic import JsonValue

from ingest import documents
from ingest.errors import RejectedError
from ingest.senders.kit.delivery import Delivery, NotUnderstoodError

_MOST_FIELDS = 2_000

Pairs = list[tuple[str, str]]


def json_of(delivery: Delivery) -> JsonValue:
    """The body as JSON, whatever the header `Content-Type` says."""
    return json_text(delivery.body)


def json_text(text: bytes) -> JsonValue:
    """JSON from any part of a delivery."""
    try:
        return documents.read(text)
    except RejectedError as error:
        raise NotUnderstoodError(str(error)) from error


def form_of(delivery: Delivery) -> Pairs:
    """The fields of a form in the sender's order, including empty ones."""
    try:
        text = delivery.body.decode()
        pairs = parse_qsl(
            text, keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict"
        )
    except ValueError as error:
        raise NotUnderstoodError(
            f"the body is not a form in UTF-8 with at most {_MOST_FIELDS} fields"
        ) from error
    return _usable(pairs)


def multipart_of(delivery: Delivery) -> Pairs:
    """The fields of a `multipart/form-data` body. A file appears as its name only."""
    head = f"Content-Type: {delivery.headers.get('content-type', '')}\r\n\r\n"
    message = BytesParser().parsebytes(head.encode("latin-1", "replace") + delivery.body)
    parts = message.get_payload()
    if not message.is_multipart() or not isinstance(parts, list) or len(parts) > _MOST_FIELDS:
        raise NotUnderstoodError(
            f"the body is not a multipart form with at most {_MOST_FIELDS} fields"
        )
    return _usable([_field(part) for part in parts if isinstance(part, Message)])


def _field(part: Message) -> tuple[str, str]:
    name = part.get_param("name", header="content-disposition")
    content = part.get_payload(decode=True)
    if not isinstance(name, str) or not isinstance(content, bytes):
        raise NotUnderstoodError("a part of the form has no name or no text")
    file = part.get_filename()
    if file is not None:
        return name, file
    try:
        return name, content.decode()
    except UnicodeDecodeError as error:
        raise NotUnderstoodError(f"the field {name} is not UTF-8") from error


def payload_of(delivery: Delivery) -> JsonValue:
    """JSON or a form, by the media type. A form becomes an object; repeated fields become lists."""
    if delivery.media_type == "application/x-www-form-urlencoded":
        return grouped(form_of(delivery))
    if delivery.media_type == "multipart/form-data":
        return grouped(multipart_of(delivery))
    return json_of(delivery)


def grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, JsonValue]:
    """The fields of a form by name; repeated fields become lists. `a[]` is `a`."""
    found: dict[str, JsonValue] = {}
    for name, text in pairs:
        plain = name.removesuffix("[]")
        before = found.get(plain)
        if before is None:
            found[plain] = text
        else:
            found[plain] = [*(before if isinstance(before, list) else [before]), text]
    return found


def nested(pairs: Iterable[tuple[str, str]]) -> dict[str, JsonValue]:
    """The fields of a form by PHP's convention: `a[b][c]` is c in b in a.

    Of a repeated field, the last value counts.
    """
    document: dict[str, JsonValue] = {}
    for name, text in pairs:
        first, *inner = name.replace("]", "").split("[")
        here = document
        for step in [first, *inner][:-1]:
            there = here.get(step)
            if not isinstance(there, dict):
                there = here[step] = {}
            here = there
        here[[first, *inner][-1]] = text
    return checked(document)


def checked(document: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """A document from another format than JSON, if an event can contain it."""
    try:
        documents.checked(document)
    except RejectedError as error:
        raise NotUnderstoodError(str(error)) from error
    return document


def _usable(pairs: Pairs) -> Pairs:
    checked(dict(pairs))
    return pairs
