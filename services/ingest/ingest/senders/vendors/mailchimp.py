"""Mailchimp's audience webhooks (mailchimp.com/developer, Sync audience data with webhooks).

Signing: none; the secret is in the address. Handshake: a GET of the address when somebody saves the
webhook; the answer is 200.

Id: none; the type, `fired_at` (UTC), the member and the list together identify an event. Payload: a
form with brackets; `data[merges]` has the member's fields.
"""

from collections.abc import Iterable
from datetime import UTC

from pydantic import JsonValue

from baton.events import ActivityType
from ingest.policy.vendors import VendorSource
from ingest.senders.kit.delivery import Delivery, NotUnderstoodError
from ingest.senders.kit.draft_fields import LeadField, placed
from ingest.senders.kit.drafts import ActivityDraft, ConsentDraft, LeadDraft
from ingest.senders.kit.formats import form_of, nested
from ingest.senders.kit.items import Item
from ingest.senders.kit.payloads import (
    at,
    composite,
    path,
    rest,
    text_at,
    values_at,
    written_time,
)
from ingest.senders.kit.sender import Environment, Example, Guide, Reply, Sender, signed_by
from ingest.senders.kit.signing import SHOWN, verify_shown

_IGNORED = ("profile", "upemail", "campaign")
_PLACES: dict[LeadField, str] = {
    "external_id": "data.id",
    "contact.email": "data.email",
    "contact.first_name": "data.merges.FNAME",
    "contact.last_name": "data.merges.LNAME",
    "contact.phone": "data.merges.PHONE",
    "company.name": "data.merges.COMPANY",
}
_EMAIL, _ID = "data.email", "data.id"


def greet(source: VendorSource, delivery: Delivery, environment: Environment) -> Reply | None:
    """An empty answer 200. Raises NotAuthenticError if the request has no valid secret."""
    if delivery.method != "GET":
        return None
    verify_shown([environment.get(name, "") for name in source.secret_env], delivery)
    return Reply()


def read(source: VendorSource, delivery: Delivery) -> list[Item]:  # noqa: ARG001 - a sender's
    """The lead or activity, or nothing, for one event. Raises NotUnderstoodError."""
    payload = nested(form_of(delivery))
    type_ = text_at(payload, ("type",))
    if type_ in _IGNORED:
        return []
    fired_at = text_at(payload, ("fired_at",))
    whose = (text_at(payload, path(place)) for place in ("data.list_id", "data.id"))
    id_, happened_at = composite(type_, fired_at, *whose), written_time(fired_at, UTC)
    if type_ == "subscribe":
        lead = LeadDraft(
            delivery_id=id_,
            occurred_at=happened_at,
            consent=ConsentDraft(status="granted"),
            answers=_answers(payload, _PLACES.values()),
        )
        return [Item(placed(lead, values_at(payload, _PLACES)))]
    if type_ not in ("unsubscribe", "cleaned"):
        raise NotUnderstoodError(f"`type` is '{type_}', which Baton does not know")
    reason = at(payload, ("data", "reason"))
    left = type_ == "unsubscribe" or reason == "abuse"
    activity = ActivityDraft(
        type=ActivityType.UNSUBSCRIBED if left else ActivityType.OTHER,
        delivery_id=id_,
        external_id=at(payload, path(_ID)),
        occurred_at=happened_at,
        email=at(payload, path(_EMAIL)),
        subject=reason,
        answers=_answers(payload, (_EMAIL, _ID)),
    )
    return [Item(activity)]


def _answers(payload: JsonValue, placed_at: Iterable[str]) -> dict[str, JsonValue]:
    return rest(payload, {("type",), ("fired_at",), *map(path, placed_at)})


SENDER = Sender(
    kind="mailchimp",
    source=VendorSource,
    signing=signed_by(*SHOWN),
    reading=read,
    handshake=greet,
    guide=Guide(
        name="Mailchimp",
        enter=(
            "In Mailchimp: Audience, Settings, Webhooks. Enter the address with "
            "`?secret=` and the secret."
        ),
        sends="Subscriptions, unsubscriptions and cleaned addresses, as forms.",
        becomes=(
            "A lead with consent granted when a contact subscribes. Activities for "
            "unsubscriptions (also by a complaint) and for cleaned addresses. Baton "
            "ignores changes of a profile and sent campaigns."
        ),
        retries=(
            "Mailchimp retries for about a day after any answer except 2xx and then "
            "switches the webhook off."
        ),
    ),
    example=Example(
        "type=subscribe&fired_at=2026-01-31+09%3A00%3A00&data%5Bid%5D=m1&data%5Blist_id%5D=l1"
        "&data%5Bemail%5D=buyer%40example.com&data%5Bmerges%5D%5BFNAME%5D=Vivian",
        "application/x-www-form-urlencoded",
    ),
)
