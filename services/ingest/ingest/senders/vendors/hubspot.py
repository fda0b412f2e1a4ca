"""HubSpot's webhooks of apps and workflows (developers.hubspot.com, Validating requests).

Signing, by the app's client secret, in three versions. v3: `X-HubSpot-Signature-v3` is the base64
of an HMAC-SHA256 over method, address, body and `X-HubSpot-Request-Timestamp` (Unix milliseconds).
v2 and v1: `X-HubSpot-Signature` is the hex of a plain SHA-256 over the secret, then method, address
and body (v2), or the body (v1). `X-HubSpot-Signature-Version` names the version.

Id: `eventId` is not unique. Together with the subscription, the object and the time it is unique
and the same for each attempt. Payload: a list of up to a hundred events with ids only.
`subscriptionType` (formerly `eventType`) is the type. A workflow sends one contact with properties.
"""

from collections.abc import Iterator

from pydantic import JsonValue

from baton.events import FollowupType
from ingest.policy.vendors import HubspotSource
from ingest.senders.kit import forms, sales
from ingest.senders.kit.delivery import Delivery, NotUnderstoodError
from ingest.senders.kit.draft_fields import answered
from ingest.senders.kit.drafts import ErasureDraft, FollowupDraft, LeadDraft
from ingest.senders.kit.formats import json_of
from ingest.senders.kit.forms import Answer
from ingest.senders.kit.items import Fetch, Item, ItemResult, read_each
from ingest.senders.kit.payloads import at, composite, text_at, unix_time
from ingest.senders.kit.places import Header, body, method, url
from ingest.senders.kit.sender import Example, Guide, Sender, signed_by
from ingest.senders.kit.signing import SentAt, Signature, in_base64, in_hex, unix_milliseconds
from ingest.senders.vendors import hubspot_sales

_OLD = Header("x-hubspot-signature")
_VERSION = Header("x-hubspot-signature-version")
_TIME = Header("x-hubspot-request-timestamp")
_OBJECTS = ("objectId", "primaryObjectId", "fromObjectId")
_WRITTEN_OUT = {
    "%3A": ":",
    "%2F": "/",
    "%3F": "?",
    "%40": "@",
    "%21": "!",
    "%24": "$",
    "%27": "'",
    "%28": "(",
    "%29": ")",
    "%2A": "*",
    "%2C": ",",
    "%3B": ";",
}


def address(delivery: Delivery) -> bytes:
    """The address that v3 signs: HubSpot signs some characters unescaped but sends them escaped."""
    text = delivery.url
    for escape, character in _WRITTEN_OUT.items():
        text = text.replace(escape, character).replace(escape.lower(), character)
    return text.encode("utf-8", "surrogateescape")


def read(source: HubspotSource, delivery: Delivery) -> Iterator[ItemResult]:
    """The items of each event. Raises NotUnderstoodError."""
    payload = json_of(delivery)
    if isinstance(payload, dict):
        return read_each([payload], lambda contact: [_of_workflow(source, contact)])
    if not isinstance(payload, list):
        raise NotUnderstoodError("the body is neither a list of events nor a contact")
    return read_each(payload, lambda event: _read_one(source, event))


def _read_one(source: HubspotSource, event: JsonValue) -> list[ItemResult]:
    type_ = text_at(event, ("subscriptionType",)) or text_at(event, ("eventType",))
    ids = (text_at(event, (name,)) for name in _OBJECTS)
    object_id = next(filter(None, ids), None)
    if type_ is None or object_id is None:
        raise NotUnderstoodError("an event has no subscriptionType or no objectId")
    id_, happened_at = _id(event, object_id), unix_time(at(event, ("occurredAt",)))
    match type_:
        case "contact.creation":
            lead = LeadDraft(delivery_id=id_, external_id=object_id, occurred_at=happened_at)
            values = {name: at(event, (name,)) for name in ("portalId", "changeSource")}
            return [Item(answered(lead, values), fetch=Fetch("contact", object_id))]
        case "contact.privacyDeletion":
            erasure = ErasureDraft(
                why="a privacy deletion in HubSpot",
                requested_by="hubspot",
                delivery_id=id_,
                external_id=object_id,
                occurred_at=happened_at,
            )
            return [Item(erasure)]
    followup = FollowupDraft(delivery_id=id_, external_id=object_id, occurred_at=happened_at)
    if type_ == "contact.deletion":
        return [sales.followup(followup, FollowupType.DELETED)]
    return list(hubspot_sales.read(source, type_, event, object_id, followup))


def _id(event: JsonValue, object_id: str) -> str:
    before, after = (text_at(event, (name,)) for name in ("subscriptionId", "occurredAt"))
    return composite(text_at(event, ("eventId",)), before, object_id, after)


def _of_workflow(source: HubspotSource, contact: dict[str, JsonValue]) -> Item:
    """The lead of a workflow's contact. A property is an object with `value`, or the value."""
    draft = LeadDraft(external_id=text_at(contact, ("vid",)) or text_at(contact, ("objectId",)))
    return Item(_with_properties(source, draft, contact.get("properties", contact)))


def complete(source: HubspotSource, draft: LeadDraft, details: JsonValue) -> LeadDraft:
    """Adds the `properties`, by their names, from the answer of the contacts API to the lead."""
    return _with_properties(source, draft, at(details, ("properties",)))


def _with_properties(source: HubspotSource, draft: LeadDraft, properties: JsonValue) -> LeadDraft:
    if not isinstance(properties, dict):
        raise NotUnderstoodError("the contact's properties are not an object")
    answers = (
        Answer(name, value["value"] if isinstance(value, dict) and "value" in value else value)
        for name, value in properties.items()
    )
    return forms.place(draft, answers, source.answers)


SENDER = Sender(
    kind="hubspot",
    source=HubspotSource,
    signing=signed_by(
        Signature(
            at=Header("x-hubspot-signature-v3"),
            signs=(method, address, body, _TIME),
            written=in_base64,
            sent_at=SentAt(_TIME, unix_milliseconds),
        ),
        Signature(
            at=_OLD,
            signs=(method, url, body),
            written=in_hex,
            keyed=False,
            only_if=[(_VERSION, "v2")],
        ),
        Signature(at=_OLD, signs=(body,), written=in_hex, keyed=False, only_if=[(_VERSION, "v1")]),
    ),
    reading=read,
    completing=complete,
    guide=Guide(
        name="HubSpot",
        enter=(
            "In HubSpot: Webhooks of a private or public app. Enter the address as "
            "target, and subscribe to contacts, deals, their associations and "
            "properties. Or use the step Send a webhook of a workflow. The secret "
            "is the app's client secret. Set `BATON_WEBHOOKS_URL`, because HubSpot "
            "signs the address."
        ),
        sends="Up to a hundred events together, with ids only. A workflow sends a whole contact.",
        becomes=(
            "A lead for each new contact, after Baton fetched its properties, and "
            "for each contact that a workflow sends. A request to forget the person "
            "for a privacy deletion. Follow-ups for deleted and merged contacts, a "
            "new owner (`hubspot_owner_id`) and new deals. Further follow-ups as "
            "`outcomes` maps the values of properties such as `lifecyclestage` and "
            "`dealstage`. Baton stores changes of other properties as failed "
            "deliveries, unless `ignore` names the property. A deal belongs to a "
            "contact after HubSpot sent their association. In `answers` of the "
            "source, `ref` is the name of a property. `reps` in the source maps the "
            "owner's id to a rep."
        ),
        retries=(
            "HubSpot tries ten times within a day after 5xx and 429. It does not "
            "retry after other answers."
        ),
        details="""\
url: https://api.hubapi.com/crm/v3/objects/contacts/{id}?properties=email,firstname,lastname,phone
token_env: HUBSPOT_TOKEN # a private app's, with crm.objects.contacts.read
""",
    ),
    example=Example(
        '[{"eventId": 1, "subscriptionId": 2, "portalId": 3, "occurredAt": 1769850000000,'
        ' "subscriptionType": "contact.creation", "attemptNumber": 0, "objectId": 123}]'
    ),
)
