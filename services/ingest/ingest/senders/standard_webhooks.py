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
from collections.abc import Iterator

from pydantic import JsonValue

from baton.policy.sources import (
    EventMapping,
    FollowupMapping,
    LeadMapping,
    StandardWebhooksSource,
)
from ingest.senders.payloads import Item, NotUnderstoodError, Path, at, path, put, rest
from ingest.senders.signing import (
    Body,
    Delivery,
    Header,
    HmacScheme,
    UnusableSecretError,
    in_base64,
)


def _key_of(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise UnusableSecretError("is not `whsec_` and base64") from error


def _scheme(prefix: str) -> HmacScheme:
    return HmacScheme(
        signature=f"{prefix}-signature",
        signs=(Header(f"{prefix}-id"), b".", Header(f"{prefix}-timestamp"), b".", Body.RAW),
        prefix="v1,",
        between=" ",
        written=in_base64,
        timestamp=f"{prefix}-timestamp",
        key_of=_key_of,
    )


SIGNING = (_scheme("webhook"), _scheme("svix"))
KEPT_HEADERS = ("webhook-id", "webhook-timestamp", "svix-id", "svix-timestamp")


def delivery_id(delivery: Delivery) -> str:
    """The same for each attempt."""
    return delivery.headers.get("webhook-id") or delivery.headers["svix-id"]


def read(source: StandardWebhooksSource, delivery: Delivery, payload: JsonValue) -> list[Item]:
    """What the delivery tells; nothing where the bundle has its type ignored.

    Raises NotUnderstoodError.
    """
    type_ = at(payload, path(source.type_at))
    if not isinstance(type_, str):
        raise NotUnderstoodError(f"no type at {source.type_at}")
    if type_ in source.ignore:
        return []
    mapping = source.events.get(type_)
    if mapping is None:
        raise NotUnderstoodError("the bundle says of its type neither what it becomes nor ignore")
    document: dict[str, JsonValue] = {"delivery_id": delivery_id(delivery)}
    if not isinstance(mapping, LeadMapping):
        document["type"] = mapping.type.value
    if isinstance(mapping, FollowupMapping):
        document.update(mapping.constants)
    taken = {path(source.type_at)}
    for field, place in _places(mapping):
        put(document, field, at(payload, place))
        taken.add(place)
    document["answers"] = rest(payload, taken)
    return [Item(mapping.becomes, document)]


def _places(mapping: EventMapping) -> Iterator[tuple[Path, Path]]:
    """Each field that a mapping sets, with its place in the payload."""
    yield ("occurred_at",), path(mapping.occurred_at or "timestamp")
    if isinstance(mapping, LeadMapping):
        for field, place in mapping.fields.items():
            yield path(field), path(place)
    else:
        for field, place in mapping.who.model_dump(exclude_none=True).items():
            yield (field,), path(place)
        for field, place in mapping.fields.items():
            yield (field,), path(place)
