"""Signed as Stripe signs, as many do (docs.stripe.com/webhooks/signature).

Signing: `Stripe-Signature` has `t=`, a Unix time, and one or more `v1=`, the hex of an HMAC-SHA256
over `{t}.{body}`; the key is the whole secret, `whsec_` and all. Other items, `v0=`, do not count.

Id: `id` is the same for each attempt. Payload: `type`, `created` in Unix seconds, and the object in
`data.object`.
"""

from ingest.policy.mapped import EventsSource
from ingest.senders.kit import mapping
from ingest.senders.kit.delivery import Delivery
from ingest.senders.kit.formats import json_of
from ingest.senders.kit.items import Item
from ingest.senders.kit.mapping import Event
from ingest.senders.kit.payloads import at, path, text_at, unix_time
from ingest.senders.kit.sender import Example, Guide, Sender, signed_by
from ingest.senders.kit.signing import as_stripe

_KNOWN = (("id",), ("created",), ("object",))


def read(source: EventsSource, delivery: Delivery) -> list[Item]:
    """What the event tells, by the bundle's mapping. Raises NotUnderstoodError."""
    payload = json_of(delivery)
    type_at = path(source.type_at or "type")
    event = Event(
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
        name="Stripe, and who signs like it",
        enter="The address as endpoint, and the events. The secret is the endpoint's.",
        sends="Events as JSON: `id`, `type`, `created`, and the object in `data.object`.",
        becomes="What `events` says of the type.",
        retries="For three days after any answer but 2xx.",
    ),
    example=Example(
        '{"id": "evt_1", "object": "event", "type": "form.submitted", "created": 1769850000,'
        ' "data": {"object": {"email": "buyer@example.com"}}}'
    ),
)
