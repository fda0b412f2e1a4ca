"""Salesloft's webhooks (developer.salesloft.com, Webhook subscriptions).

Signing: `x-salesloft-signature` is the hex of an HMAC-SHA1 over the body, by the `callback_token`
of the subscription.

Id: none; event, record and its `updated_at` are the same for each attempt. Payload: the record;
`x-salesloft-event` says what happened to it. `person` has the id of whom it is about.
"""

from pydantic import JsonValue

from baton.events import FollowupType
from ingest.policy.vendors import SalesOutcome, SalesToolSource
from ingest.senders.kit import sales
from ingest.senders.kit.delivery import Delivery, NotUnderstoodError
from ingest.senders.kit.drafts import FollowupDraft
from ingest.senders.kit.formats import json_of
from ingest.senders.kit.items import ItemResult
from ingest.senders.kit.payloads import at, composite, path, text_at
from ingest.senders.kit.places import Header, body
from ingest.senders.kit.sender import Example, Guide, Sender, headers, signed_by
from ingest.senders.kit.signing import Signature, in_hex

_EVENT = "x-salesloft-event"
_KNOWN: sales.Known = {
    "call_created": FollowupType.ATTEMPTED,
    "call_updated": FollowupType.NOTE,
    "meeting_booked": FollowupType.MEETING_BOOKED,
    "meeting_updated": FollowupType.MEETING_MOVED,
    "note_created": FollowupType.NOTE,
    "note_updated": FollowupType.NOTE,
    "person_deleted": FollowupType.DELETED,
    "task_created": FollowupType.NOTE,
    "task_updated": FollowupType.NOTE,
    "task_completed": FollowupType.NOTE,
}
_CHANNELS = {"call": "phone", "meeting": "meeting", "task": None, "note": None, "person": None}
_DISPOSITIONS: sales.Known = {"Connected": FollowupType.CONTACTED}
_TEXTS = ("subject", "title", "content", "description", "note")


def read(source: SalesToolSource, delivery: Delivery) -> list[ItemResult]:
    """What happened to the record. Raises NotUnderstoodError."""
    event, payload = delivery.headers.get(_EVENT, ""), json_of(delivery)
    kind, id_ = event.partition("_")[0], text_at(payload, ("id",))
    if not isinstance(payload, dict) or id_ is None:
        raise NotUnderstoodError("it is no record with an id")
    if kind not in _CHANNELS:
        return [sales.passed(payload, id_)]
    outcome = sales.outcome(source, "event", event, {**_KNOWN, **_others(event)})
    if outcome is None:
        return [sales.passed(payload, id_)]
    outcome = _by_result(source, payload, event, outcome)
    if outcome is None:
        return [sales.passed(payload, id_)]
    at_ = text_at(payload, ("updated_at",)) or text_at(payload, ("created_at",))
    person = id_ if kind == "person" else text_at(payload, path("person.id"))
    draft = FollowupDraft(
        delivery_id=composite(event, id_, at_),
        external_id=person or text_at(payload, path("called_person.id")),
        occurred_at=at_,
        email=text_at(payload, ("recipient_email",)),
        phone=text_at(payload, ("to",)),
        rep=sales.rep(source, text_at(payload, path("user.id"))),
        channel=_CHANNELS[kind],
        disposition=text_at(payload, ("disposition",)),
        starts_at=text_at(payload, ("start_time",)),
        records=sales.records(**{kind: id_} if kind in ("call", "meeting") else {}),
        answers={name: value for name, value in payload.items() if value not in (None, {}, [])},
    )
    return [sales.followup(draft, outcome, note=[text_at(payload, (name,)) for name in _TEXTS])]


def _others(event: str) -> sales.Known:
    """Other events of a record, such as its creation: nothing happened to a lead by them."""
    return {} if event in _KNOWN else {event: None}


def _by_result(
    source: SalesToolSource, payload: JsonValue, event: str, by_event: SalesOutcome
) -> SalesOutcome | None:
    """What the record says of how it went; else it is what the event is."""
    if event.startswith("call"):
        disposition = text_at(payload, ("disposition",))
        known = _DISPOSITIONS if disposition in _DISPOSITIONS else None
        return sales.outcome(source, "disposition", disposition, known, by_event)
    if event == "meeting_updated" and at(payload, ("no_show",)) is True:
        return SalesOutcome(type=FollowupType.MEETING_MISSED)
    return by_event


SENDER = Sender(
    kind="salesloft",
    source=SalesToolSource,
    signing=signed_by(
        Signature(
            at=Header("x-salesloft-signature"), signs=(body,), written=in_hex, algorithm="sha1"
        )
    ),
    reading=read,
    guide=Guide(
        name="Salesloft",
        enter=(
            "By its API, `POST /v2/webhook_subscriptions`: the address as `callback_url`, the "
            "secret as `callback_token`, one subscription for each event."
        ),
        sends="The record that something happened to.",
        becomes=(
            "A follow-up of the person: calls are `attempted`, or `contacted` where they are "
            "disposed as Connected; meetings are booked, moved or missed; tasks and notes go along "
            "as a `note`; a person is `deleted`. `outcomes` may say otherwise, by `event` or "
            "`disposition`. `reps` by the user's id."
        ),
        retries="Three more times, 15 seconds apart.",
    ),
    example=Example(
        '{"id": 1, "updated_at": "2026-01-31T09:00:00Z", "disposition": "Connected",'
        ' "person": {"id": 5}, "user": {"id": 7}}',
        headers={"x-salesloft-event": "call_created"},
    ),
    read_headers=headers(_EVENT),
)
