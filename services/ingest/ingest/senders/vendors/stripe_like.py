"""Webhooks with Stripe's signature (docs.stripe.com/webhooks/signature).

Signing: `Stripe-Signature` has `t=`, a Unix time, and one or more `v1=`, the hex of an HMAC-SHA256
over `{t}.{body}`; the key is the whole secret with `whsec_`. Other items, such as `v0=`, do
not count.

Id: `id` is the same for each attempt. Payload: `type`, `created` in Unix seconds, and the object in
`data.object`.
"""

from ingest.policy.mapped import EventsSource
from ingest.senders.kit import mapping
from ingest.senders.kit.delivery import Delivery
from ingest.senders.kit.formats import json_of
from ingest.senders.kit.items import Item
from ingest.senders.kit.mapping import MappedEvent
from ingest.senders.kit.payloads import at, path, text_at, unix_time
from ingest.senders.kit.sender import Example, Guide, Sender, signed_by
from ingest.senders.kit.signing import as_stripe

_KNOWN = (("id",), ("created",), ("object",))


def read(source: EventsSource, delivery: Delivery) -> list[Item]:
    """The items of the event, by the bundle's mapping. Raises NotUnderstoodError."""
    payload = json_of(delivery)
    type_at = path(source.type_at or "type")
    event = MappedEvent(
        type=at(payload, type_at),
        payload=payload,
        delivery_id=text_at(payload, ("id",)),
        occurred_at=unix_time(at(payload, ("created",))),
        known=(type_at, *_KNOWN),
    )
    return mapping.read(source, event)


SENDER = Sender(
    kind="stripe_like",
    source=EventsSource,
    signing=signed_by(as_stripe("stripe-signature", "v1")),
    reading=read,
    guide=Guide(
        name="Stripe, and senders with the same signature",
        enter=(
            "Enter the address as endpoint, and select the events. The secret is "
            "the endpoint's signing secret."
        ),
        sends="Events as JSON: `id`, `type`, `created`, and the object in `data.object`.",
        becomes=(
            "Leads, activities, follow-ups and requests to forget a person, as "
            "`events` in the source maps each type."
        ),
        retries="Stripe retries for three days after any answer except 2xx.",
    ),
    example=Example(
        '{"id": "evt_1", "object": "event", "type": "form.submitted", "created": 1769850000,'
        ' "data": {"object": {"email": "buyer@example.com"}}}'
    ),
)
