"""Standard Webhooks (standardwebhooks.com), as Svix and many others send.

Signing: `webhook-signature` holds one or more signatures with spaces between, each `v1,` and the
base64 of an HMAC-SHA256 over `{webhook-id}.{webhook-timestamp}.{body}`. The key is what follows
`whsec_` in the secret, in base64. Svix calls the same headers `svix-...`. A receiver refuses what
was sent more than five minutes from now.

Id: `webhook-id` is the same for each attempt. `webhook-timestamp` is that of the attempt, so it is
no part of an event's id; the payload's own `timestamp`, where it has one, is when it happened.

Payload: `{"type": ..., "timestamp": ..., "data": ...}`; what each type becomes, and where its
fields are, is in the bundle.
"""

import base64
import binascii

from ingest.policy.mapped import StandardWebhooksSource
from ingest.senders.kit import mapping
from ingest.senders.kit.delivery import Delivery, NotUnderstoodError
from ingest.senders.kit.formats import json_of
from ingest.senders.kit.items import Item
from ingest.senders.kit.mapping import Event
from ingest.senders.kit.payloads import at, path
from ingest.senders.kit.places import Header, HeaderItem, body
from ingest.senders.kit.sender import Example, Guide, Sender, headers, signed_by
from ingest.senders.kit.signing import (
    SentAt,
    Signature,
    UnusableSecretError,
    in_base64,
    unix_seconds,
)

_TIMESTAMP = ("timestamp",)


def _key_of(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise UnusableSecretError("is not `whsec_` and base64") from error


def _scheme(prefix: str) -> Signature:
    id_, timestamp = Header(f"{prefix}-id"), Header(f"{prefix}-timestamp")
    return Signature(
        at=HeaderItem(f"{prefix}-signature", "v1", equals=",", between=" "),
        signs=(id_, b".", timestamp, b".", body),
        written=in_base64,
        key_of=_key_of,
        sent_at=SentAt(timestamp, unix_seconds),
    )


def delivery_id(delivery: Delivery) -> str | None:
    """The same for each attempt."""
    return delivery.headers.get("webhook-id") or delivery.headers.get("svix-id")


def read(source: StandardWebhooksSource, delivery: Delivery) -> list[Item]:
    """What the delivery tells; nothing where the bundle has its type ignored.

    Raises NotUnderstoodError.
    """
    payload = json_of(delivery)
    type_at = path(source.type_at)
    type_ = at(payload, type_at)
    if not isinstance(type_, str):
        raise NotUnderstoodError(f"no type at {source.type_at}")
    event = Event(
        type=type_,
        payload=payload,
        delivery_id=delivery_id(delivery),
        occurred_at=at(payload, _TIMESTAMP),
        known=(type_at, _TIMESTAMP),
    )
    return mapping.read(source, event)


SENDER = Sender(
    kind="standard_webhooks",
    source=StandardWebhooksSource,
    signing=signed_by(_scheme("webhook"), _scheme("svix")),
    reading=read,
    guide=Guide(
        name="Standard Webhooks, Svix",
        enter="The address as the endpoint's URL. The signing secret that it shows (`whsec_...`).",
        sends="Events as JSON: a `type`, mostly a `timestamp`, and `data`.",
        becomes="What `events` says of the type. `webhook-id` makes a retry the same event.",
        retries="Tried again for about a day after any answer but 2xx.",
    ),
    example=Example(
        '{"type": "form.submitted", "timestamp": "2026-01-31T09:00:00Z",'
        ' "data": {"email": "buyer@example.com"}}',
        headers={"webhook-id": "msg_1"},
    ),
    read_headers=headers("webhook-id", "svix-id"),
)
