"""Standard Webhooks (standardwebhooks.com), as Svix and many others send.

Signing: `webhook-signature` has one or more signatures, separated by spaces. Each is `v1,` and the
base64 of an HMAC-SHA256 over `{webhook-id}.{webhook-timestamp}.{body}`. The key is the base64 text
after `whsec_` in the secret. Svix calls the same headers `svix-...`. A receiver refuses a delivery
whose time differs by more than five minutes from its clock.

Id: `webhook-id` is the same for each attempt. `webhook-timestamp` is the time of the attempt, so it
is no part of an event's id. The payload's own `timestamp`, if any, is the time of the event.

Payload: `{"type": ..., "timestamp": ..., "data": ...}`. The bundle says what each type becomes and
where its fields are.
"""

import base64
import binascii

from ingest.policy.mapped import StandardWebhooksSource
from ingest.senders.kit import mapping
from ingest.senders.kit.delivery import Delivery, NotUnderstoodError
from ingest.senders.kit.formats import json_of
from ingest.senders.kit.items import Item
from ingest.senders.kit.mapping import MappedEvent
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
        raise UnusableSecretError("is not `whsec_` followed by base64") from error


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
    """The vendor's id for the delivery, the same for each attempt."""
    return delivery.headers.get("webhook-id") or delivery.headers.get("svix-id")


def read(source: StandardWebhooksSource, delivery: Delivery) -> list[Item]:
    """The items of the delivery; none if the bundle ignores its type.

    Raises NotUnderstoodError.
    """
    payload = json_of(delivery)
    type_at = path(source.type_at)
    type_ = at(payload, type_at)
    if not isinstance(type_, str):
        raise NotUnderstoodError(f"there is no type at the path {source.type_at} (`type_at`)")
    event = MappedEvent(
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
        enter=(
            "Enter the address as the endpoint's URL. The secret is the signing "
            "secret that the endpoint shows (`whsec_...`)."
        ),
        sends="Events as JSON: a `type`, usually a `timestamp`, and `data`.",
        becomes=(
            "Leads, activities, follow-ups and requests to forget a person, as "
            "`events` in the source maps each type. A retry has the same "
            "`webhook-id`, so it is the same event."
        ),
        retries="Most senders retry for about a day after any answer except 2xx.",
    ),
    example=Example(
        '{"type": "form.submitted", "timestamp": "2026-01-31T09:00:00Z",'
        ' "data": {"email": "buyer@example.com"}}',
        headers={"webhook-id": "msg_1"},
    ),
    read_headers=headers("webhook-id", "svix-id"),
)
