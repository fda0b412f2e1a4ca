"""Intercom's webhooks (developers.intercom.com, Webhooks).

Signing: `X-Hub-Signature` is `sha1=` and the hex of an HMAC-SHA1 over the body; the key is the
app's client secret.

Id: `id` of the notification is the same for each attempt. Payload: `topic` is the type of the
event, `data.item` is the contact. `ping` only tests the address.
"""

from baton.events import ActivityType, FollowupType
from ingest.policy.vendors import VendorSource
from ingest.senders.kit.delivery import Delivery, NotUnderstoodError
from ingest.senders.kit.draft_fields import LeadField, answered, placed
from ingest.senders.kit.drafts import ActivityDraft, ConsentDraft, FollowupDraft, LeadDraft
from ingest.senders.kit.formats import json_of
from ingest.senders.kit.forms import with_full_name
from ingest.senders.kit.items import Item
from ingest.senders.kit.payloads import at, path, text_at, unix_time, values_at
from ingest.senders.kit.places import HeaderItem, body
from ingest.senders.kit.sender import Example, Guide, Sender, ok, signed_by
from ingest.senders.kit.signing import Signature, in_hex

_LEADS = (
    "contact.created",
    "contact.lead.created",
    "contact.lead.added_email",
    "contact.lead.signed_up",
    "contact.user.created",
)
_ACTIVITIES = {
    "contact.unsubscribed": ActivityType.UNSUBSCRIBED,
    "contact.subscribed": ActivityType.OTHER,
    "conversation.user.created": ActivityType.OTHER,
    "conversation.user.replied": ActivityType.OTHER,
}
_PLACES: dict[LeadField, str] = {
    "contact.email": "email",
    "contact.phone": "phone",
    "contact.country": "location.country_code",
    "contact.region": "location.region",
    "contact.language": "browser_language",
    "campaign.utm_source": "utm_source",
    "campaign.utm_medium": "utm_medium",
    "campaign.utm_campaign": "utm_campaign",
    "campaign.utm_term": "utm_term",
    "campaign.utm_content": "utm_content",
    "campaign.referrer": "referrer",
}
_UNSUBSCRIBED = "unsubscribed_from_emails"
_ANSWERED = ("workspace_id", "external_id", "role", "sms_consent", "custom_attributes")


def read(source: VendorSource, delivery: Delivery) -> list[Item]:  # noqa: ARG001 - a sender's
    """The lead or activity, or nothing, for a notification. Raises NotUnderstoodError."""
    payload = json_of(delivery)
    topic, id_ = text_at(payload, ("topic",)), text_at(payload, ("id",))
    item = at(payload, path("data.item"))
    if topic == "ping":
        return []
    happened_at = unix_time(at(payload, ("created_at",)))
    if topic == "contact.deleted":
        deleted = FollowupDraft(
            type=FollowupType.DELETED,
            delivery_id=id_,
            external_id=text_at(item, ("id",)),
            occurred_at=happened_at,
        )
        return [Item(deleted)]
    if topic in _ACTIVITIES:
        # For a conversation the item is the conversation, which contains the contact.
        contact = at(item, path("source.author")) or item
        activity = ActivityDraft(
            type=_ACTIVITIES[topic],
            delivery_id=id_,
            external_id=text_at(contact, ("id",)),
            occurred_at=happened_at,
            email=text_at(contact, ("email",)),
            subject=text_at(item, path("source.subject")) or topic,
        )
        return [Item(activity)]
    if topic not in _LEADS:
        raise NotUnderstoodError(f"`topic` is '{topic}', which Baton does not know")
    denied = at(item, (_UNSUBSCRIBED,)) is True
    lead = LeadDraft(
        delivery_id=id_,
        external_id=text_at(item, ("id",)),
        occurred_at=happened_at,
        consent=ConsentDraft(status="denied" if denied else None),
    )
    lead = with_full_name(lead, text_at(item, ("name",)) or "")
    lead = placed(lead, values_at(item, _PLACES))
    return [Item(answered(lead, {name: at(item, (name,)) for name in (*_ANSWERED, _UNSUBSCRIBED)}))]


SENDER = Sender(
    kind="intercom",
    source=VendorSource,
    signing=signed_by(
        Signature(
            at=HeaderItem("x-hub-signature", "sha1"),
            signs=(body,),
            written=in_hex,
            algorithm="sha1",
        )
    ),
    reading=read,
    guide=Guide(
        name="Intercom",
        enter=(
            "In Intercom: Developer hub, the app, Webhooks. Enter the address and "
            "select the topics. The secret is the app's client secret."
        ),
        sends="New leads and users, conversations, unsubscriptions, deletions.",
        becomes=(
            "A lead for each new contact. An opt-out denies consent; without an "
            "opt-out consent stays unknown. Activities for conversations and "
            "unsubscriptions, a follow-up for a deletion."
        ),
        retries=(
            "Intercom retries once, after a minute. It switches the webhook off "
            "after many failures, or after one 410."
        ),
    ),
    example=Example(
        '{"type": "notification_event", "id": "notif_1", "topic": "contact.lead.created",'
        ' "created_at": 1769850000, "data": {"item": {"type": "contact", "id": "c1",'
        ' "email": "buyer@example.com", "name": "Vivian Example"}}}'
    ),
    answer=ok,
)
