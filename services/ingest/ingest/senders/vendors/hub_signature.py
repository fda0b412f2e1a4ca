"""Signed as GitHub signs, as many do (docs.github.com, Validating webhook deliveries).

Signing: `X-Hub-Signature-256` is `sha256=` and the hex of an HMAC-SHA256 over the body.

Id and type: the headers `X-GitHub-Delivery` and `X-GitHub-Event`, or those of the same names
without `GitHub-`; else the bundle says where the type is. A delivery of type `ping` is a trial.
"""

from pydantic import JsonValue

from ingest.policy.mapped import EventsSource
from ingest.senders.kit import mapping
from ingest.senders.kit.delivery import Delivery
from ingest.senders.kit.formats import payload_of
from ingest.senders.kit.items import Item
from ingest.senders.kit.mapping import Event
from ingest.senders.kit.payloads import at, path
from ingest.senders.kit.places import HeaderItem, body
from ingest.senders.kit.sender import Example, Guide, Sender, headers, signed_by
from ingest.senders.kit.signing import Signature, in_hex

_IDS = ("x-github-delivery", "x-delivery")
_TYPES = ("x-github-event", "x-event")


def read(source: EventsSource, delivery: Delivery) -> list[Item]:
    """What the delivery tells, by the bundle's mapping. Raises NotUnderstoodError."""
    payload = payload_of(delivery)
    named = _first(delivery, _TYPES)
    type_: JsonValue = at(payload, path(source.type_at)) if source.type_at else named
    if named == "ping":
        return []
    known = (path(source.type_at),) if source.type_at else ()
    event = Event(type_, payload, delivery_id=_first(delivery, _IDS), known=known)
    return mapping.read(source, event)


def _first(delivery: Delivery, names: tuple[str, ...]) -> str | None:
    return next((delivery.headers[name] for name in names if name in delivery.headers), None)


SENDER = Sender(
    kind="hub_signature",
    source=EventsSource,
    signing=signed_by(
        Signature(at=HeaderItem("x-hub-signature-256", "sha256"), signs=(body,), written=in_hex)
    ),
    reading=read,
    guide=Guide(
        name="GitHub, and who signs like it",
        enter="The address as payload URL, content type application/json, and the secret.",
        sends="Events as JSON or as a form; type and id in headers.",
        becomes="What `events` says of the type.",
        retries="GitHub does not try again by itself; others as they say.",
    ),
    example=Example('{"email": "buyer@example.com"}', headers={"x-github-event": "form.submitted"}),
    read_headers=headers(*_IDS, *_TYPES),
)
