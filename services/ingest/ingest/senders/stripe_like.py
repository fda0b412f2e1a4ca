"""Signed as Stripe signs, as many do (docs.stripe.com/webhooks/signature).

Signing: `Stripe-Signature` has `t=`, a Unix time, and one or more `v1=`, the hex of an HMAC-SHA256
over `{t}.{body}`; the key is the whole secret, `whsec_` and all. Other items, `v0=`, do not count.

Id: `id` is the same for each attempt. Payload: `type`, `created` in Unix seconds, and the object in
`data.object`.
"""

from ingest.policy.mapped import EventsSource
from ingest.senders import mapped
from ingest.senders.delivery import Delivery
from ingest.senders.formats import json_of
from ingest.senders.items import Item
from ingest.senders.mapped import Event
from ingest.senders.payloads import at, path, text_at, unix_time
from ingest.senders.sender import Example, Guide, Sender, signed_by
from ingest.senders.signing import as_stripe

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
    return mapped.read(source, event)


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
