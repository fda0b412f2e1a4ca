"""Klaviyo's system webhooks (developers.klaviyo.com, Working with system webhooks).

Signing: `Klaviyo-Signature` is the hex of an HMAC-SHA256 over the body and then the header
`Klaviyo-Timestamp`, which is in ISO 8601.

Id: `external_id` of an event is the same for each attempt, and so is the event's own `id`. Payload:
each element of `data[]` has a `topic` and a `payload` in JSON:API. There, `data` is the event, and
`included` may contain its profile.
"""

from collections.abc import Iterator

from pydantic import JsonValue

from baton.events import ActivityType
from ingest.policy.vendors import VendorSource
from ingest.senders.kit.delivery import Delivery, NotUnderstoodError
from ingest.senders.kit.draft_fields import LeadField, placed
from ingest.senders.kit.drafts import ActivityDraft, ConsentDraft, LeadDraft
from ingest.senders.kit.formats import json_of
from ingest.senders.kit.items import Item, ItemResult, read_each
from ingest.senders.kit.payloads import Path, at, list_at, path, text_at, unix_time, values_at
from ingest.senders.kit.places import Header, body
from ingest.senders.kit.sender import Example, Guide, Sender, signed_by
from ingest.senders.kit.signing import SentAt, Signature, in_hex, iso_time

_TIME = Header("klaviyo-timestamp")
_PREFIX = "event:klaviyo."
_LEADS = ("subscribed_to_email", "subscribed_to_list", "subscribed_to_sms", "submitted_form")
_ACTIVITIES = {
    "unsubscribed_from_email": ActivityType.UNSUBSCRIBED,
    "unsubscribed_from_list": ActivityType.UNSUBSCRIBED,
    "marked_email_as_spam": ActivityType.UNSUBSCRIBED,
    "received_email": ActivityType.MAIL_DELIVERED,
    "opened_email": ActivityType.MAIL_OPENED,
    "clicked_email": ActivityType.MAIL_CLICKED,
    "bounced_email": ActivityType.OTHER,
}
_ANSWERS: Path = ("data", "attributes", "event_properties")
_PLACES: dict[LeadField, str] = {
    "contact.email": "email",
    "contact.phone": "phone_number",
    "contact.first_name": "first_name",
    "contact.last_name": "last_name",
    "contact.job_title": "title",
    "contact.country": "location.country",
    "contact.region": "location.region",
    "contact.language": "locale",
    "company.name": "organization",
}


def read(source: VendorSource, delivery: Delivery) -> Iterator[ItemResult]:  # noqa: ARG001 - a sender's
    """The lead or activity for each event. Raises NotUnderstoodError."""
    events = at(json_of(delivery), ("data",))
    if not isinstance(events, list):
        raise NotUnderstoodError("`data` is not a list of events")
    return read_each(events, _read_one)


def _read_one(event: JsonValue) -> list[Item]:
    topic = (text_at(event, ("topic",)) or "").removeprefix(_PREFIX)
    payload = at(event, ("payload",))
    profile_id = text_at(payload, path("data.relationships.profile.data.id"))
    profile = next(
        (
            at(included, ("attributes",))
            for included in list_at(payload, ("included",))
            if text_at(included, ("id",)) == profile_id
        ),
        None,
    )
    id_ = text_at(event, ("external_id",)) or text_at(payload, path("data.id"))
    happened_at = unix_time(at(payload, path("data.attributes.timestamp")))
    form_answers = at(payload, _ANSWERS)
    answers = form_answers if isinstance(form_answers, dict) else {}
    if topic in _LEADS:
        lead = LeadDraft(
            delivery_id=id_,
            external_id=profile_id,
            occurred_at=happened_at,
            consent=ConsentDraft(status="granted" if topic == "subscribed_to_email" else None),
            answers=answers,
        )
        return [Item(placed(lead, values_at(profile, _PLACES)))]
    if topic not in _ACTIVITIES:
        raise NotUnderstoodError(f"`topic` is '{topic}', which Baton does not know")
    activity = ActivityDraft(
        type=_ACTIVITIES[topic],
        delivery_id=id_,
        external_id=profile_id,
        occurred_at=happened_at,
        email=text_at(profile, ("email",)),
        subject=text_at(form_answers, ("URL",)) or text_at(form_answers, ("Subject",)),
        answers=answers,
    )
    return [Item(activity)]


SENDER = Sender(
    kind="klaviyo",
    source=VendorSource,
    signing=signed_by(
        Signature(
            at=Header("klaviyo-signature"),
            signs=(body, _TIME),
            written=in_hex,
            sent_at=SentAt(_TIME, iso_time),
        )
    ),
    reading=read,
    guide=Guide(
        name="Klaviyo",
        enter=(
            "In Klaviyo: Integrations, Webhooks. Enter the address and a secret of "
            "your own, and select the topics."
        ),
        sends="The events of profiles, several together, with or without the profile.",
        becomes=(
            "A lead for each subscription and each form; `subscribed_to_email` "
            "grants consent. Activities for unsubscriptions, complaints, bounces, "
            "and mails received, opened and clicked. An event without a profile "
            "goes to the lead with the profile's id."
        ),
        retries=(
            "Klaviyo retries for about a day after 5xx, 408 and 429. It does not "
            "retry after other answers."
        ),
    ),
    example=Example(
        '{"data": [{"topic": "event:klaviyo.subscribed_to_email", "external_id": "e1", "payload":'
        ' {"data": {"type": "event", "id": "e1", "attributes": {"timestamp": 1769850000},'
        ' "relationships": {"profile": {"data": {"type": "profile", "id": "p1"}}}},'
        ' "included": [{"type": "profile", "id": "p1",'
        ' "attributes": {"email": "buyer@example.com"}}]}}]}'
    ),
)
