"""Salesloft's webhooks (developer.salesloft.com, Webhook subscriptions).

Signing: `x-salesloft-signature` is the hex of an HMAC-SHA1 over the body, by the `callback_token`
of the subscription.

Id: none; event, record and its `updated_at` together identify an event. Payload: the record. The
header `x-salesloft-event` is the type of the event. `person` has the person's id.
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
    """The follow-up for one event of a record. Raises NotUnderstoodError."""
    event, payload = delivery.headers.get(_EVENT, ""), json_of(delivery)
    kind, id_ = event.partition("_")[0], text_at(payload, ("id",))
    if not isinstance(payload, dict) or id_ is None:
        raise NotUnderstoodError("the body is not a record with an id")
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
    """None for other events of a record, such as its creation: they do not change a lead."""
    return {} if event in _KNOWN else {event: None}


def _by_result(
    source: SalesToolSource, payload: JsonValue, event: str, by_event: SalesOutcome
) -> SalesOutcome | None:
    """The outcome by the record's disposition or status, otherwise the outcome of the event."""
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
            "Create a subscription for each event with Salesloft's API, `POST "
            "/v2/webhook_subscriptions`. Enter the address as `callback_url` and "
            "the secret as `callback_token`."
        ),
        sends="The record that an event is about.",
        becomes=(
            "Follow-ups of the person. A call is `contacted` with the disposition "
            "Connected, else `attempted`. Meetings are booked, moved or missed. "
            "Tasks and notes are a `note`, and a deleted person is `deleted`. "
            "Change this with `outcomes`, by `event` or `disposition`. `reps` in "
            "the source maps the user's id to a rep."
        ),
        retries="Salesloft tries three more times, 15 seconds apart.",
    ),
    example=Example(
        '{"id": 1, "updated_at": "2026-01-31T09:00:00Z", "disposition": "Connected",'
        ' "person": {"id": 5}, "user": {"id": 7}}',
        headers={"x-salesloft-event": "call_created"},
    ),
    read_headers=headers(_EVENT),
)
