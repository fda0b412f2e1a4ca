"""ActiveCampaign's webhooks (developers.activecampaign.com, Webhooks).

Signing: none; the secret is in the address. Id: none; the type, time, contact and list or campaign
together identify an event. Payload: a form with brackets for nested fields: `contact[email]`. There
is no retry, and a 410 switches the webhook off.
"""

from collections.abc import Iterable

from pydantic import JsonValue

from baton.events import ActivityType
from ingest.policy.vendors import VendorSource
from ingest.senders.kit.delivery import Delivery, NotUnderstoodError
from ingest.senders.kit.draft_fields import LeadField, placed
from ingest.senders.kit.drafts import ActivityDraft, LeadDraft
from ingest.senders.kit.formats import form_of, nested
from ingest.senders.kit.items import Item
from ingest.senders.kit.payloads import at, composite, path, rest, text_at, values_at
from ingest.senders.kit.sender import Example, Guide, Sender, signed_by
from ingest.senders.kit.signing import SHOWN

_LEADS = ("subscribe", "contact_add")
_ACTIVITIES = {
    "unsubscribe": ActivityType.UNSUBSCRIBED,
    "open": ActivityType.MAIL_OPENED,
    "click": ActivityType.MAIL_CLICKED,
    "bounce": ActivityType.OTHER,
    "reply": ActivityType.OTHER,
    "share": ActivityType.OTHER,
    "forward": ActivityType.OTHER,
    "contact_tag_added": ActivityType.OTHER,
}
_IGNORED = ("sent", "update", "list_add", "contact_tag_removed", "subscriber_note")
_PLACES: dict[LeadField, str] = {
    "contact.email": "contact.email",
    "contact.first_name": "contact.first_name",
    "contact.last_name": "contact.last_name",
    "contact.phone": "contact.phone",
    "company.name": "contact.orgname",
    "external_id": "contact.id",
}
_EMAIL, _ID = "contact.email", "contact.id"


def read(source: VendorSource, delivery: Delivery) -> list[Item]:  # noqa: ARG001 - a sender's
    """The lead or activity, or nothing, for one event. Raises NotUnderstoodError."""
    payload = nested(form_of(delivery))
    type_ = text_at(payload, ("type",))
    if type_ in _IGNORED:
        return []
    id_, happened_at = _id(payload), at(payload, ("date_time",))
    if type_ in _LEADS:
        lead = LeadDraft(
            delivery_id=id_, occurred_at=happened_at, answers=_answers(payload, _PLACES.values())
        )
        return [Item(placed(lead, values_at(payload, _PLACES)))]
    if type_ not in _ACTIVITIES:
        raise NotUnderstoodError(f"`type` is '{type_}', which Baton does not know")
    activity = ActivityDraft(
        type=_ACTIVITIES[type_],
        delivery_id=id_,
        external_id=at(payload, path(_ID)),
        occurred_at=happened_at,
        email=at(payload, path(_EMAIL)),
        subject=at(payload, path("link.url")) or _subject(payload, type_),
        answers=_answers(payload, (_EMAIL, _ID)),
    )
    return [Item(activity)]


def _answers(payload: JsonValue, placed_at: Iterable[str]) -> dict[str, JsonValue]:
    return rest(payload, {("type",), ("date_time",), *map(path, placed_at)})


def _id(payload: JsonValue) -> str:
    parts = ("type", "date_time", "contact.id", "list", "campaign.id", "link.id", "tag")
    return composite(*(text_at(payload, path(part)) for part in parts))


def _subject(payload: JsonValue, type_: str) -> JsonValue:
    return at(payload, ("tag",)) or at(payload, path("campaign.name")) or type_


SENDER = Sender(
    kind="activecampaign",
    source=VendorSource,
    signing=signed_by(*SHOWN),
    reading=read,
    guide=Guide(
        name="ActiveCampaign",
        enter=(
            "In ActiveCampaign: Settings, Developer, Manage webhooks. Enter the "
            "address with `?token=` and the secret."
        ),
        sends="Subscriptions, unsubscriptions, opens, clicks and other events, as forms.",
        becomes=(
            "A lead when a contact subscribes or is added. Activities for "
            "unsubscriptions, opens, clicks, bounces, replies, shares, forwards and "
            "tags. Baton ignores updates and sent mails."
        ),
        retries=(
            "ActiveCampaign does not retry. A delivery during an outage of both "
            "Kafka and PostgreSQL is lost."
        ),
    ),
    example=Example(
        "type=subscribe&date_time=2026-01-31T09%3A00%3A00%2B00%3A00&list=1&contact%5Bid%5D=36"
        "&contact%5Bemail%5D=buyer%40example.com",
        "application/x-www-form-urlencoded",
    ),
)
