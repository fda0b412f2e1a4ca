"""Webhooks with GitHub's signature (docs.github.com, Validating webhook deliveries).

Signing: `X-Hub-Signature-256` is `sha256=` and the hex of an HMAC-SHA256 over the body.

Id and type: the headers `X-GitHub-Delivery` and `X-GitHub-Event`, or the same names without
`GitHub-`. Without such a header the bundle names the type's place. A `ping` only tests the address.
"""

from pydantic import JsonValue

from ingest.policy.mapped import EventsSource
from ingest.senders.kit import mapping
from ingest.senders.kit.delivery import Delivery
from ingest.senders.kit.formats import payload_of
from ingest.senders.kit.items import Item
from ingest.senders.kit.mapping import MappedEvent
from ingest.senders.kit.payloads import at, path
from ingest.senders.kit.places import HeaderItem, body
from ingest.senders.kit.sender import Example, Guide, Sender, headers, signed_by
from ingest.senders.kit.signing import Signature, in_hex

_IDS = ("x-github-delivery", "x-delivery")
_TYPES = ("x-github-event", "x-event")


def read(source: EventsSource, delivery: Delivery) -> list[Item]:
    """The items of the delivery, by the bundle's mapping. Raises NotUnderstoodError."""
    payload = payload_of(delivery)
    named = _first(delivery, _TYPES)
    type_: JsonValue = at(payload, path(source.type_at)) if source.type_at else named
    if named == "ping":
        return []
    known = (path(source.type_at),) if source.type_at else ()
    event = MappedEvent(type_, payload, delivery_id=_first(delivery, _IDS), known=known)
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
        name="GitHub, and senders with the same signature",
        enter=(
            "Enter the address as payload URL, the content type application/json, and the secret."
        ),
        sends="Events as JSON or as a form, with their type and id in headers.",
        becomes=(
            "Leads, activities, follow-ups and requests to forget a person, as "
            "`events` in the source maps each type."
        ),
        retries="GitHub does not retry by itself. For other vendors see their documentation.",
    ),
    example=Example('{"email": "buyer@example.com"}', headers={"x-github-event": "form.submitted"}),
    read_headers=headers(*_IDS, *_TYPES),
)
