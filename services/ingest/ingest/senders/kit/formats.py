"""Bodies of authentic deliveries, by their format. Each reader raises NotUnderstoodError."""

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
    """The body as JSON, whatever its header calls it."""
    return json_text(delivery.body)


def json_text(text: bytes) -> JsonValue:
    """JSON that stands anywhere in a delivery."""
    try:
        return documents.read(text)
    except RejectedError as error:
        raise NotUnderstoodError(str(error)) from error


def form_of(delivery: Delivery) -> Pairs:
    """The fields of a form in the order they were sent, those left empty too."""
    try:
        text = delivery.body.decode()
        pairs = parse_qsl(
            text, keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict"
        )
    except ValueError as error:
        raise NotUnderstoodError(f"no form in UTF-8 of at most {_MOST_FIELDS} fields") from error
    return _usable(pairs)


def multipart_of(delivery: Delivery) -> Pairs:
    """The fields of a `multipart/form-data` body; files stand there by their names alone."""
    head = f"Content-Type: {delivery.headers.get('content-type', '')}\r\n\r\n"
    message = BytesParser().parsebytes(head.encode("latin-1", "replace") + delivery.body)
    parts = message.get_payload()
    if not message.is_multipart() or not isinstance(parts, list) or len(parts) > _MOST_FIELDS:
        raise NotUnderstoodError(f"no multipart form of at most {_MOST_FIELDS} fields")
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
    """JSON or a form, as the delivery says; a form's fields by name, those sent twice as lists."""
    if delivery.media_type == "application/x-www-form-urlencoded":
        return grouped(form_of(delivery))
    if delivery.media_type == "multipart/form-data":
        return grouped(multipart_of(delivery))
    return json_of(delivery)


def grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, JsonValue]:
    """The fields of a form by name, those sent twice as lists; `a[]` is `a`."""
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
    """The fields of a form as PHP has them: `a[b][c]` is c in b in a.

    Of a field that is sent twice, the last counts.
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
    """A document that did not come as JSON, if an event can carry it."""
    try:
        documents.checked(document)
    except RejectedError as error:
        raise NotUnderstoodError(str(error)) from error
    return document


def _usable(pairs: Pairs) -> Pairs:
    checked(dict(pairs))
    return pairs
