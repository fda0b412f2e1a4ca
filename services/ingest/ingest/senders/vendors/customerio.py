"""Customer.io's reporting webhooks (docs.customer.io, Reporting webhooks).

Signing: `X-CIO-Signature` is the hex of an HMAC-SHA256 over `v0:{X-CIO-Timestamp}:{body}`.

Id: `event_id` is the same for each attempt. Payload: `object_type` and `metric` are the type
of the event, `data` is the person and the mail.
"""

from collections.abc import Iterable

from pydantic import JsonValue

from baton.events import ActivityType
from ingest.policy.vendors import VendorSource
from ingest.senders.kit.delivery import Delivery, NotUnderstoodError
from ingest.senders.kit.drafts import ActivityDraft, ConsentDraft, LeadDraft
from ingest.senders.kit.formats import json_of
from ingest.senders.kit.items import Item
from ingest.senders.kit.payloads import at, path, rest, text_at, unix_time
from ingest.senders.kit.places import Header, body
from ingest.senders.kit.sender import Example, Guide, Sender, signed_by
from ingest.senders.kit.signing import SentAt, Signature, in_hex, unix_seconds

_TIME = Header("x-cio-timestamp")
_ACTIVITIES = {
    "unsubscribed": ActivityType.UNSUBSCRIBED,
    "spammed": ActivityType.UNSUBSCRIBED,
    "delivered": ActivityType.MAIL_DELIVERED,
    "opened": ActivityType.MAIL_OPENED,
    "human_opened": ActivityType.MAIL_OPENED,
    "clicked": ActivityType.MAIL_CLICKED,
    "human_clicked": ActivityType.MAIL_CLICKED,
    "converted": ActivityType.OTHER,
    "bounced": ActivityType.OTHER,
    "cio_subscription_preferences_changed": ActivityType.OTHER,
}
_IGNORED = (
    "attempted",
    "deferred",
    "drafted",
    "dropped",
    "failed",
    "sent",
    "subscription_preferences_changed",
    "undeliverable",
)
_PLACED_PATHS = (
    *((name,) for name in ("event_id", "timestamp")),
    *(("data", name) for name in ("customer_id", "email_address", "href")),
    *(("data", "identifiers", name) for name in ("id", "email")),
)


_PERSON_AT = ("data.identifiers.id", "data.customer_id")
_EMAIL_AT = ("data.identifiers.email", "data.email_address", "data.recipient")


def read(source: VendorSource, delivery: Delivery) -> list[Item]:  # noqa: ARG001 - a sender's
    """The lead or activity, or nothing, for one event. Raises NotUnderstoodError."""
    payload = json_of(delivery)
    metric = text_at(payload, ("metric",))
    if metric in _IGNORED:
        return []
    id_, happened_at = text_at(payload, ("event_id",)), unix_time(at(payload, ("timestamp",)))
    person, email = _first(payload, _PERSON_AT), _first(payload, _EMAIL_AT)
    answers = rest(payload, _PLACED_PATHS)
    if metric == "subscribed":
        lead = LeadDraft(
            delivery_id=id_,
            external_id=person,
            occurred_at=happened_at,
            email=email,
            consent=ConsentDraft(status="granted"),
            answers=answers,
        )
        return [Item(lead)]
    if metric not in _ACTIVITIES:
        raise NotUnderstoodError(f"`metric` is '{metric}', which Baton does not know")
    activity = ActivityDraft(
        type=_ACTIVITIES[metric],
        delivery_id=id_,
        external_id=person,
        occurred_at=happened_at,
        email=email,
        subject=text_at(payload, path("data.href")) or _subject(payload, metric),
        answers=answers,
    )
    return [Item(activity)]


def _first(payload: JsonValue, places: Iterable[str]) -> str | None:
    """The text at the first of these paths that has one."""
    return next(filter(None, (text_at(payload, path(place)) for place in places)), None)


def _subject(payload: JsonValue, metric: str) -> str:
    return text_at(payload, path("data.subject")) or metric


SENDER = Sender(
    kind="customerio",
    source=VendorSource,
    signing=signed_by(
        Signature(
            at=Header("x-cio-signature"),
            signs=(b"v0:", _TIME, b":", body),
            written=in_hex,
            sent_at=SentAt(_TIME, unix_seconds),
        )
    ),
    reading=read,
    guide=Guide(
        name="Customer.io",
        enter=(
            "In Customer.io: Data & Integrations, Reporting Webhooks. Enter the "
            "address and select the events. The secret is the webhook's signing "
            "key."
        ),
        sends="The events of mails, subscriptions and unsubscriptions.",
        becomes=(
            "A lead with consent granted when a person subscribes. Activities for "
            "unsubscriptions, complaints, deliveries, opens, clicks, conversions "
            "and bounces. Baton ignores attempts to send."
        ),
        retries=(
            "Customer.io retries for seven days after any answer except 2xx, or "
            "after four seconds without an answer."
        ),
    ),
    example=Example(
        '{"event_id": "e1", "object_type": "customer", "metric": "subscribed",'
        ' "timestamp": 1769850000, "data": {"identifiers": {"id": "42",'
        ' "email": "buyer@example.com"}}}'
    ),
)
