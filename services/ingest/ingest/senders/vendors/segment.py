"""Segment's webhook destination (segment.com/docs/connections/destinations/catalog/webhooks).

Signing: `X-Signature` is the hex of an HMAC-SHA1 over the body, by the shared secret.

Id: `messageId` is the same for each attempt. Payload: a call of Segment's specification: `identify`
with `traits`, `track` with `event`, `page` and `screen`; `userId` or `anonymousId` is the
person's id.
"""

from pydantic import JsonValue

from baton.events import ActivityType
from ingest.policy.vendors import VendorSource
from ingest.senders.kit.delivery import Delivery, NotUnderstoodError
from ingest.senders.kit.draft_fields import LeadField, placed
from ingest.senders.kit.drafts import ActivityDraft, LeadDraft
from ingest.senders.kit.formats import json_of
from ingest.senders.kit.forms import with_full_name
from ingest.senders.kit.items import Item
from ingest.senders.kit.payloads import Path, at, path, rest, text_at
from ingest.senders.kit.places import Header, body
from ingest.senders.kit.sender import Example, Guide, Sender, signed_by
from ingest.senders.kit.signing import Signature, in_hex

_PLACES: dict[LeadField, str] = {
    "contact.email": "traits.email",
    "contact.first_name": "traits.firstName",
    "contact.last_name": "traits.lastName",
    "contact.phone": "traits.phone",
    "contact.job_title": "traits.title",
    "contact.country": "traits.address.country",
    "contact.region": "traits.address.state",
    "contact.language": "context.locale",
    "company.name": "traits.company.name",
    "company.industry": "traits.company.industry",
    "campaign.utm_source": "context.campaign.source",
    "campaign.utm_medium": "context.campaign.medium",
    "campaign.utm_campaign": "context.campaign.name",
    "campaign.utm_term": "context.campaign.term",
    "campaign.utm_content": "context.campaign.content",
    "campaign.landing_url": "context.page.url",
    "campaign.referrer": "context.page.referrer",
}
_NOTHING_TO_US = ("alias", "group")
_ALWAYS_PLACED = [path(text) for text in ["type", "messageId", "timestamp", "traits.name"]]
_NOT_ANSWERS = [
    path(text) for text in ["integrations", "receivedAt", "sentAt", "version", "channel"]
]


def read(source: VendorSource, delivery: Delivery) -> list[Item]:  # noqa: ARG001 - a sender's
    """The lead or activity, or nothing, for one call. Raises NotUnderstoodError."""
    payload = json_of(delivery)
    type_ = text_at(payload, ("type",))
    if type_ in _NOTHING_TO_US:
        return []
    id_path = ("userId",) if text_at(payload, ("userId",)) else ("anonymousId",)
    if type_ == "identify":
        return [Item(_identified(payload, id_path))]
    if type_ == "track":
        done, subject = ActivityType.OTHER, text_at(payload, ("event",))
    elif type_ in ("page", "screen"):
        url = text_at(payload, path("properties.url"))
        done, subject = ActivityType.PAGE_VIEWED, url or text_at(payload, ("name",))
    else:
        raise NotUnderstoodError(f"`type` is '{type_}', which Baton does not know")
    email = text_at(payload, path("context.traits.email"))
    activity = ActivityDraft(
        type=done,
        delivery_id=text_at(payload, ("messageId",)),
        external_id=text_at(payload, id_path),
        occurred_at=at(payload, ("timestamp",)),
        email=email or text_at(payload, path("properties.email")),
        subject=subject,
        answers=rest(payload, [*_ALWAYS_PLACED, *_NOT_ANSWERS, id_path]),
    )
    return [Item(activity)]


def _identified(payload: JsonValue, id_path: Path) -> LeadDraft:
    places = [path(place) for place in _PLACES.values()]
    lead = LeadDraft(
        delivery_id=text_at(payload, ("messageId",)),
        external_id=text_at(payload, id_path),
        occurred_at=at(payload, ("timestamp",)),
        answers=rest(payload, [*places, *_ALWAYS_PLACED, *_NOT_ANSWERS, id_path]),
    )
    lead = placed(lead, {to: text_at(payload, path(place)) for to, place in _PLACES.items()})
    name = text_at(payload, path("traits.name"))
    return with_full_name(lead, name) if name and lead.contact.first_name is None else lead


SENDER = Sender(
    kind="segment",
    source=VendorSource,
    signing=signed_by(
        Signature(at=Header("x-signature"), signs=(body,), written=in_hex, algorithm="sha1")
    ),
    reading=read,
    guide=Guide(
        name="Segment",
        enter=(
            "In Segment: destination Webhooks. Enter the address, and the secret as shared secret."
        ),
        sends="The calls of the Segment source: identify, track, page, screen.",
        becomes=(
            "A lead for `identify`. Activities for the others: `page` and `screen` "
            "are page views, and `track` is an activity of type `other` with the "
            "event's name as subject. Baton ignores `alias` and `group`."
        ),
        retries="Segment tries up to ten times within some hours after 5xx and 429.",
    ),
    example=Example(
        '{"type": "identify", "messageId": "m1", "userId": "u1",'
        ' "timestamp": "2026-01-31T09:00:00.000Z",'
        ' "traits": {"email": "buyer@example.com", "name": "Vivian Example"}}'
    ),
)
