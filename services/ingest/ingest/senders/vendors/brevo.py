"""Brevo's webhooks, of marketing and transactional mail (developers.brevo.com, Webhooks).

Signing: none; a token, basic credentials, or a secret in the address. Id: none (`id` is that of the
webhook). The event, `ts_event`, the address and the campaign or message together identify an event.
Payload: flat. `ts_event` is in UTC; the other times are in the account's time zone.
"""

from collections.abc import Iterator

from pydantic import JsonValue

from baton.events import ActivityType
from ingest.policy.vendors import VendorSource
from ingest.senders.kit.delivery import Delivery, NotUnderstoodError
from ingest.senders.kit.drafts import ActivityDraft, LeadDraft
from ingest.senders.kit.formats import json_of
from ingest.senders.kit.items import Item, ItemResult, read_each
from ingest.senders.kit.payloads import at, composite, list_at, rest, text_at, unix_time
from ingest.senders.kit.sender import Example, Guide, Sender, signed_by
from ingest.senders.kit.signing import SHOWN

_ACTIVITIES = {
    "spam": ActivityType.UNSUBSCRIBED,
    "unsubscribe": ActivityType.UNSUBSCRIBED,
    "unsubscribed": ActivityType.UNSUBSCRIBED,
    "delivered": ActivityType.MAIL_DELIVERED,
    "opened": ActivityType.MAIL_OPENED,
    "unique_opened": ActivityType.MAIL_OPENED,
    "proxy_open": ActivityType.MAIL_OPENED,
    "unique_proxy_open": ActivityType.MAIL_OPENED,
    "click": ActivityType.MAIL_CLICKED,
    "hard_bounce": ActivityType.OTHER,
    "soft_bounce": ActivityType.OTHER,
    "invalid_email": ActivityType.OTHER,
}
_BY_MACHINES = ("proxy_open", "unique_proxy_open")
_IGNORED = ("request", "sent", "deferred", "blocked", "error", "contact_updated", "contact_deleted")
_ID = ("event", "ts_event", "email", "camp_id", "message-id")
_PLACED_PATHS = [(name,) for name in ("email", "ts_event", "ts", "ts_epoch", "id")]


def read(source: VendorSource, delivery: Delivery) -> Iterator[ItemResult]:  # noqa: ARG001 - a sender's
    """The lead or activity, or nothing, for each event. Raises NotUnderstoodError."""
    payload = json_of(delivery)
    return read_each(payload if isinstance(payload, list) else [payload], _read_one)


def _read_one(payload: JsonValue) -> list[Item]:
    event = text_at(payload, ("event",))
    if event in _IGNORED:
        return []
    # Each of the two platforms has its own name for the clicked link.
    link = text_at(payload, ("link",)) or text_at(payload, ("URL",))
    parts = [text_at(payload, (name,)) for name in _ID]
    id_ = composite(*parts, link, text_at(payload, ("list_id",)))
    happened_at = unix_time(at(payload, ("ts_event",)) or at(payload, ("ts",)))
    emails = list_at(payload, ("email",))
    email = text_at(payload, ("email",)) or (emails[0] if emails else None)
    answers = rest(payload, _PLACED_PATHS)
    if event == "list_addition":
        lead = LeadDraft(delivery_id=id_, occurred_at=happened_at, email=email, answers=answers)
        return [Item(lead)]
    if event not in _ACTIVITIES:
        raise NotUnderstoodError(f"`event` is '{event}', which Baton does not know")
    activity = ActivityDraft(
        type=_ACTIVITIES[event],
        delivery_id=id_,
        occurred_at=happened_at,
        email=email,
        subject=link or text_at(payload, ("campaign name",)),
        bot=event in _BY_MACHINES,
        answers=answers,
    )
    return [Item(activity)]


SENDER = Sender(
    kind="brevo",
    source=VendorSource,
    signing=signed_by(*SHOWN),
    reading=read,
    guide=Guide(
        name="Brevo",
        enter=(
            "In Brevo: Webhooks of the marketing or transactional platform. Enter "
            "the address and a token."
        ),
        sends="The events of mails, and the contacts that were added to lists.",
        becomes=(
            "A lead when a contact is added to a list. Activities for complaints, "
            "unsubscriptions, deliveries, opens, clicks and bounces. An open by a "
            "mail provider's proxy is marked as a bot's. Baton ignores sent and "
            "deferred mails."
        ),
        retries=(
            "After 429, or without an answer, Brevo tries four more times within "
            "twelve hours. It does not retry after another 4xx or a 5xx. Baton "
            "therefore answers Brevo with 429 where it answers others with 503."
        ),
    ),
    not_now=429,
    example=Example(
        '{"id": 1, "event": "unsubscribe", "email": "buyer@example.com", "camp_id": 12,'
        ' "campaign name": "News", "ts_event": 1769850000}'
    ),
)
