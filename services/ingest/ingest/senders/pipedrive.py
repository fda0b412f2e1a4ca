"""Pipedrive's webhooks, version 2 (pipedrive.readme.io, Guide for Webhooks v2).

Signing: none; HTTP basic authentication, by the user and password of the webhook.

Id: `meta.correlation_id` is shared by all that one act has changed; with entity, id and action it
is that of one event, and the same for each attempt. Payload: `data` is the entity as it is now,
`previous` what it was in the fields that have changed.
"""

from collections.abc import Iterator

from pydantic import JsonValue

from baton.events import FollowupType
from baton.policy.sources import SalesOutcome, SalesToolSource
from ingest.senders import sales
from ingest.senders.delivery import Delivery, NotUnderstoodError
from ingest.senders.formats import json_of
from ingest.senders.items import Item, Passed, Told
from ingest.senders.payloads import at, composite, list_at, path, put, text_at
from ingest.senders.places import Authorization
from ingest.senders.sender import Example, Guide, Sender, signed_by
from ingest.senders.signing import Token

_STATUS: sales.Known = {
    "won": FollowupType.WON,
    "lost": FollowupType.LOST,
    "open": None,
    "deleted": None,
}
_DONE = {"meeting": FollowupType.MEETING_HELD, "call": FollowupType.ATTEMPTED}
_PERSON = ("contact", "emails", "phones", "first_name", "last_name", "name", "id", "add_time")


def read(source: SalesToolSource, delivery: Delivery) -> Iterator[Told]:
    """What happened to the entity. Raises NotUnderstoodError."""
    payload = json_of(delivery)
    entity, action = (text_at(payload, ("meta", name)) for name in ("entity", "action"))
    number = text_at(payload, path("data.id")) or text_at(payload, path("meta.entity_id"))
    if entity is None or action is None or number is None:
        raise NotUnderstoodError("it has no meta.entity, no meta.action, or no id")
    document: dict[str, JsonValue] = {"delivery_id": _id(payload, entity, number, action)}
    put(document, ("occurred_at",), text_at(payload, path("meta.timestamp")))
    known = {"person": _of_person, "deal": _of_deal, "activity": _of_activity, "note": _of_note}
    told = known[entity](source, payload, document, action, number) if entity in known else iter(())
    found = False
    for item in told:
        found = True
        yield item
    if not found:
        yield Passed(document | {"external_id": number, "answers": at(payload, ("data",))})


def _id(payload: JsonValue, entity: str, number: str, action: str) -> str:
    correlation = text_at(payload, path("meta.correlation_id"))
    return composite(correlation, entity, number, action)


def _of_person(
    source: SalesToolSource,
    payload: JsonValue,
    document: dict[str, JsonValue],
    action: str,
    number: str,
) -> Iterator[Told]:
    data = at(payload, ("data",))
    document = document | {"external_id": number}
    if action == "create":
        lead = dict(document)
        put(lead, ("email",), _primary(data, "emails"))
        put(lead, ("phone",), _primary(data, "phones"))
        put(lead, ("first_name",), text_at(data, ("first_name",)))
        put(lead, ("last_name",), text_at(data, ("last_name",)))
        lead["answers"] = {
            name: value
            for name, value in (data.items() if isinstance(data, dict) else ())
            if name not in _PERSON and value not in (None, [], {})
        }
        yield Item("lead", lead)
    elif action == "delete":
        yield sales.followup(document, FollowupType.DELETED)
    else:
        yield from _owner(source, payload, document)


def _of_deal(
    source: SalesToolSource,
    payload: JsonValue,
    document: dict[str, JsonValue],
    action: str,
    number: str,
) -> Iterator[Told]:
    data = at(payload, ("data",))
    document = document | {"records": sales.records(opportunity=number)}
    put(document, ("external_id",), text_at(data, ("person_id",)))
    put(document, ("rep",), sales.rep(source, text_at(data, ("owner_id",))))
    document["answers"] = {"title": at(data, ("title",)), "stage_id": at(data, ("stage_id",))}
    if action == "delete":
        return
    yield from _owner(source, payload, document)
    status = sales.outcome(source, "status", text_at(data, ("status",)), _STATUS)
    if status is not None and (action == "create" or _changed(payload, "status")):
        lost = text_at(data, ("lost_reason",))
        put(document, ("amount",), text_at(data, ("value",)))
        put(document, ("currency",), text_at(data, ("currency",)))
        yield sales.followup(document, status, part="status", note=[lost])
    elif action == "create" or _changed(payload, "stage_id"):
        staged = sales.outcome(source, "stage_id", text_at(data, ("stage_id",)))
        first = SalesOutcome(type=FollowupType.OPPORTUNITY) if action == "create" else None
        what = staged or first
        if what is not None:
            yield sales.followup(document, what, part="stage")


def _of_activity(
    source: SalesToolSource,
    payload: JsonValue,
    document: dict[str, JsonValue],
    action: str,
    number: str,
) -> Iterator[Told]:
    data = at(payload, ("data",))
    type_ = text_at(data, ("type",)) or ""
    kind = type_ if type_ in ("call", "meeting") else None
    document = document | {"records": sales.records(**{kind: number} if kind else {})}
    put(document, ("external_id",), text_at(data, ("person_id",)))
    put(document, ("rep",), sales.rep(source, text_at(data, ("owner_id",))))
    document["answers"] = {"subject": at(data, ("subject",)), "type": type_}
    done = at(data, ("done",)) in (True, 1)
    notes = [text_at(data, ("note",)), text_at(data, ("public_description",))]
    if done and (action == "create" or _changed(payload, "done")):
        default = _DONE.get(type_, FollowupType.NOTE)
        what = sales.outcome(source, "activity", type_, {type_: default})
        if what is not None:
            yield sales.followup(document, what, part="done", note=notes)
    elif type_ == "meeting" and action in ("create", "change") and not done:
        moved = any(_changed(payload, name) for name in ("due_date", "due_time"))
        booked = FollowupType.MEETING_BOOKED if action == "create" else FollowupType.MEETING_MOVED
        day, hour = text_at(data, ("due_date",)), text_at(data, ("due_time",))
        if action == "create" or moved:
            begins = f"{day}T{hour}Z" if day and hour else None
            yield sales.followup(document, booked, starts_at=begins, note=notes)


def _of_note(
    source: SalesToolSource,
    payload: JsonValue,
    document: dict[str, JsonValue],
    action: str,
    number: str,  # noqa: ARG001 - as the others have it
) -> Iterator[Told]:
    data = at(payload, ("data",))
    deal = text_at(data, ("deal_id",))
    document = document | {"records": sales.records(opportunity=deal)}
    put(document, ("external_id",), text_at(data, ("person_id",)))
    put(document, ("rep",), sales.rep(source, text_at(data, ("user_id",))))
    if action != "delete" and ("external_id" in document or deal):
        yield sales.followup(document, FollowupType.NOTE, note=[text_at(data, ("content",))])


def _owner(
    source: SalesToolSource, payload: JsonValue, document: dict[str, JsonValue]
) -> Iterator[Told]:
    owner = text_at(payload, path("data.owner_id"))
    if _changed(payload, "owner_id") and owner is not None:
        taken = dict(document)
        taken["rep"] = sales.owner(source, owner)
        yield sales.followup(taken, FollowupType.OWNER_CHANGED, part="owner")


def _changed(payload: JsonValue, field: str) -> bool:
    previous = at(payload, ("previous",))
    return isinstance(previous, dict) and field in previous


def _primary(data: JsonValue, name: str) -> str | None:
    each = list_at(data, (name,))
    first = next((one for one in each if at(one, ("primary",)) is True), each[0] if each else None)
    return text_at(first, ("value",))


SENDER = Sender(
    kind="pipedrive",
    source=SalesToolSource,
    signing=signed_by(Token(Authorization("Basic"))),
    reading=read,
    guide=Guide(
        name="Pipedrive",
        enter=(
            "Tools and apps, Webhooks, version 2: the address, and as HTTP authentication a user "
            "and a password; the secret is `user:password`."
        ),
        sends="What was created, changed or deleted: people, deals, activities, notes.",
        becomes=(
            "A new person is a lead. A deal is an `opportunity`, `won` or `lost` of its person, a "
            "meeting is booked, moved or held, a call that is done is `attempted`, a new owner is "
            "`owner_changed`, a person that is deleted `deleted`, notes go along. `outcomes` may "
            "say otherwise, by `status`, `stage_id` or `activity` (its type). All else is passed "
            "over. `reps` by the user's id."
        ),
        retries="Three times; after three days without 2xx the webhook is deleted.",
    ),
    example=Example(
        '{"meta": {"entity": "deal", "action": "change", "correlation_id": "c1", "timestamp":'
        ' "2026-01-31T09:00:00.000Z"}, "data": {"id": 1, "person_id": 3, "status": "won",'
        ' "value": 2, "currency": "EUR"}, "previous": {"status": "open"}}'
    ),
)
