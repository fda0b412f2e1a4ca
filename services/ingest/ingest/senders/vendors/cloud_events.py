"""CloudEvents 1.0 by HTTP, in binary, structured and batched mode (github.com/cloudevents/spec).

Signing: none; the specification for webhooks has a bearer token, or `access_token` in the query.

Handshake: OPTIONS with `WebHook-Request-Origin`; the answer is in headers. Baton does not call a
callback that the request names, because a caller could make Baton send requests to any address.

Id: `id` and `source` together. In binary mode type, id, source and time are headers `ce-...` and
the body is the data. In the other modes they are in the event, beside `data`. Paths start in the
data.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from urllib.parse import unquote

from pydantic import JsonValue

from ingest.policy.mapped import EventsSource
from ingest.senders.kit import mapping
from ingest.senders.kit.delivery import Delivery, NotUnderstoodError
from ingest.senders.kit.formats import json_of, json_text, payload_of
from ingest.senders.kit.items import Item, ItemResult, read_each
from ingest.senders.kit.mapping import MappedEvent
from ingest.senders.kit.payloads import at, composite, text_at
from ingest.senders.kit.places import Header, Parameter
from ingest.senders.kit.sender import Environment, Example, Guide, Reply, Sender, headers, signed_by
from ingest.senders.kit.signing import SHOWN, Token

_SINGLE_EVENT = "application/cloudevents+json"
_MANY = "application/cloudevents-batch+json"
_BINARY = ("ce-id", "ce-source", "ce-type", "ce-time", "ce-subject", "ce-specversion")
_ORIGIN = Header("webhook-request-origin")
_PLAIN_ORIGIN = re.compile(r"[\x21-\x7e]{1,255}")
_RATE = "6000"


def greet(source: EventsSource, delivery: Delivery, environment: Environment) -> Reply | None:  # noqa: ARG001 - a sender's
    """The permission to send, with a rate a minute; None for a browser's preflight request."""
    origins = _ORIGIN.texts(delivery)
    if delivery.method != "OPTIONS" or not origins or not _PLAIN_ORIGIN.fullmatch(origins[0]):
        return None
    allowed = {"WebHook-Allowed-Origin": origins[0], "WebHook-Allowed-Rate": _RATE}
    return Reply(200, headers={"Allow": "POST", **allowed})


def read(source: EventsSource, delivery: Delivery) -> Iterator[ItemResult]:
    """The items of each event, by the bundle's mapping. Raises NotUnderstoodError."""
    if delivery.media_type == _MANY:
        events = json_of(delivery)
        if not isinstance(events, list):
            raise NotUnderstoodError("the batch is not a list of events")
    else:
        events = [json_of(delivery) if delivery.media_type == _SINGLE_EVENT else _binary(delivery)]

    def read_one(event: JsonValue) -> list[Item]:
        id_, from_ = text_at(event, ("id",)), text_at(event, ("source",))
        if id_ is None or from_ is None:
            raise NotUnderstoodError("the event has no id or no source")
        return mapping.read(
            source,
            MappedEvent(
                type=at(event, ("type",)),
                payload=_data(event),
                shared=event,
                delivery_id=composite(from_, id_),
                occurred_at=at(event, ("time",)),
            ),
        )

    return read_each(events, read_one)


def _binary(delivery: Delivery) -> JsonValue:
    present = {name: delivery.headers[name] for name in _BINARY if name in delivery.headers}
    attributes: dict[str, JsonValue] = {
        n.removeprefix("ce-"): unquote(v) for n, v in present.items()
    }
    return {**attributes, "data": payload_of(delivery)}


def _data(event: JsonValue) -> JsonValue:
    encoded = text_at(event, ("data_base64",))
    if encoded is None:
        return at(event, ("data",))
    try:
        return json_text(base64.b64decode(encoded, validate=True))
    except (binascii.Error, ValueError) as error:
        raise NotUnderstoodError("data_base64 is not base64 of JSON") from error


SENDER = Sender(
    kind="cloudevents",
    source=EventsSource,
    signing=signed_by(*SHOWN[:-1], Token(Parameter("access_token"))),
    reading=read,
    handshake=greet,
    guide=Guide(
        name="CloudEvents",
        enter="Enter the address. Send the secret as a bearer token or as `?access_token=`.",
        sends="CloudEvents in any of the three modes: binary, structured, batched.",
        becomes=(
            "Leads, activities, follow-ups and requests to forget a person, as "
            "`events` in the source maps each type. Each event counts by itself. "
            "Paths in a mapping start within `data`."
        ),
        retries="They depend on the sender. Answers 429 and 503 carry `Retry-After`.",
    ),
    example=Example(
        '{"specversion": "1.0", "id": "e1", "source": "/shop", "type": "form.submitted",'
        ' "time": "2026-01-31T09:00:00Z", "data": {"email": "buyer@example.com"}}',
        _SINGLE_EVENT,
    ),
    read_headers=headers(*_BINARY),
)
