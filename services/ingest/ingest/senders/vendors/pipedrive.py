"""Pipedrive's webhooks, version 2 (pipedrive.readme.io, Guide for Webhooks v2).

Signing: none; HTTP basic authentication, by the user and password of the webhook.

Id: `meta.correlation_id` is common to all changes of one action. With the entity, id and action it
identifies an event and is the same for each attempt. Payload: `data` is the entity now, `previous`
has the former values of the changed fields.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from pydantic import JsonValue

from baton.events import FollowupType
from ingest.policy.vendors import SalesOutcome, SalesToolSource
from ingest.senders.kit import sales
from ingest.senders.kit.delivery import Delivery, NotUnderstoodError
from ingest.senders.kit.drafts import FollowupDraft, LeadDraft
from ingest.senders.kit.formats import json_of
from ingest.senders.kit.items import Ignored, Item, ItemResult
from ingest.senders.kit.payloads import at, composite, list_at, path, text_at
from ingest.senders.kit.places import Authorization
from ingest.senders.kit.sender import Example, Guide, Sender, signed_by
from ingest.senders.kit.signing import Token

_STATUS: sales.Known = {
    "won": FollowupType.WON,
    "lost": FollowupType.LOST,
    "open": None,
    "deleted": None,
}
_DONE = {"meeting": FollowupType.MEETING_HELD, "call": FollowupType.ATTEMPTED}
_PERSON = ("contact", "emails", "phones", "first_name", "last_name", "name", "id", "add_time")


@dataclass(frozen=True, slots=True)
class _Change:
    """One change of an entity. `draft` has the fields that all follow-ups of the change share."""

    source: SalesToolSource
    payload: JsonValue
    action: str
    number: str
    draft: FollowupDraft

    @property
    def data(self) -> JsonValue:
        return at(self.payload, ("data",))

    def text(self, field: str) -> str | None:
        """The entity's present value of the field."""
        return text_at(self.data, (field,))

    def of(self, field: str) -> bool:
        """Whether this field has changed."""
        previous = at(self.payload, ("previous",))
        return isinstance(previous, dict) and field in previous

    def by(self, user: str, **records: str | None) -> FollowupDraft:
        """The draft of a rep's action with a person; `user` is the field with the rep's id."""
        return replace(
            self.draft,
            external_id=self.text("person_id"),
            rep=sales.rep(self.source, self.text(user)),
            records=sales.records(**records),
        )


def read(source: SalesToolSource, delivery: Delivery) -> Iterator[ItemResult]:
    """The items of one change. Raises NotUnderstoodError."""
    payload = json_of(delivery)
    entity, action = (text_at(payload, ("meta", name)) for name in ("entity", "action"))
    number = text_at(payload, path("data.id")) or text_at(payload, path("meta.entity_id"))
    if entity is None or action is None or number is None:
        raise NotUnderstoodError("the delivery has no meta.entity, no meta.action or no id")
    draft = FollowupDraft(
        delivery_id=_id(payload, entity, number, action),
        occurred_at=text_at(payload, path("meta.timestamp")),
    )
    change = _Change(source, payload, action, number, draft)
    items = list(_OF[entity](change)) if entity in _OF else []
    answers = change.data if isinstance(change.data, dict) else None
    yield from items or [Ignored(replace(draft, external_id=number, answers=answers))]


def _id(payload: JsonValue, entity: str, number: str, action: str) -> str:
    correlation = text_at(payload, path("meta.correlation_id"))
    return composite(correlation, entity, number, action)


def _of_person(change: _Change) -> Iterator[ItemResult]:
    data = change.data
    if change.action == "create":
        lead = LeadDraft(
            delivery_id=change.draft.delivery_id,
            external_id=change.number,
            occurred_at=change.draft.occurred_at,
            email=_primary(data, "emails"),
            phone=_primary(data, "phones"),
            first_name=change.text("first_name"),
            last_name=change.text("last_name"),
            answers={
                name: value
                for name, value in (data.items() if isinstance(data, dict) else ())
                if name not in _PERSON and value not in (None, [], {})
            },
        )
        yield Item(lead)
        return
    draft = replace(change.draft, external_id=change.number)
    if change.action == "delete":
        yield sales.followup(draft, FollowupType.DELETED)
    else:
        yield from _owner(change, draft)


def _of_deal(change: _Change) -> Iterator[ItemResult]:
    draft = change.by("owner_id", opportunity=change.number)
    answers = {name: at(change.data, (name,)) for name in ("title", "stage_id")}
    draft = replace(draft, answers=answers)
    new = change.action == "create"
    if change.action == "delete":
        return
    yield from _owner(change, draft)
    status = sales.outcome(change.source, "status", change.text("status"), _STATUS)
    if status is not None and (new or change.of("status")):
        amount, currency = change.text("value"), change.text("currency")
        closed = replace(draft, amount=amount, currency=currency)
        yield sales.followup(closed, status, part="status", note=[change.text("lost_reason")])
    elif new or change.of("stage_id"):
        first = SalesOutcome(type=FollowupType.OPPORTUNITY) if new else None
        outcome = sales.outcome(change.source, "stage_id", change.text("stage_id"), otherwise=first)
        if outcome is not None:
            yield sales.followup(draft, outcome, part="stage")


def _of_activity(change: _Change) -> Iterator[ItemResult]:
    type_ = change.text("type") or ""
    kind = type_ if type_ in ("call", "meeting") else None
    draft = change.by("owner_id", **{kind: change.number} if kind else {})
    draft = replace(draft, answers={"subject": at(change.data, ("subject",)), "type": type_})
    new = change.action == "create"
    done = at(change.data, ("done",)) in (True, 1)
    notes = [change.text("note"), change.text("public_description")]
    default = _DONE.get(type_, FollowupType.NOTE)
    outcome = sales.outcome(change.source, "activity", type_, {type_: default})
    if outcome is None:
        return
    if done and (new or change.of("done")):
        yield sales.followup(draft, outcome, part="done", note=notes)
    elif type_ == "meeting" and change.action in ("create", "change") and not done:
        booked = FollowupType.MEETING_BOOKED if new else FollowupType.MEETING_MOVED
        day, hour = change.text("due_date"), change.text("due_time")
        if new or change.of("due_date") or change.of("due_time"):
            begins = f"{day}T{hour}Z" if day and hour else None
            yield sales.followup(replace(draft, starts_at=begins), booked, note=notes)


def _of_note(change: _Change) -> Iterator[ItemResult]:
    deal = change.text("deal_id")
    draft = change.by("user_id", opportunity=deal)
    if change.action != "delete" and (draft.external_id is not None or deal):
        yield sales.followup(draft, FollowupType.NOTE, note=[change.text("content")])


_OF: Mapping[str, Callable[[_Change], Iterator[ItemResult]]] = {
    "person": _of_person,
    "deal": _of_deal,
    "activity": _of_activity,
    "note": _of_note,
}


def _owner(change: _Change, draft: FollowupDraft) -> Iterator[ItemResult]:
    owner = change.text("owner_id")
    if change.of("owner_id") and owner is not None:
        owned_draft = replace(draft, rep=sales.owner(change.source, owner))
        yield sales.followup(owned_draft, FollowupType.OWNER_CHANGED, part="owner")


def _primary(data: JsonValue, name: str) -> str | None:
    elements = list_at(data, (name,))
    first = next(
        (element for element in elements if at(element, ("primary",)) is True),
        elements[0] if elements else None,
    )
    return text_at(first, ("value",))


SENDER = Sender(
    kind="pipedrive",
    source=SalesToolSource,
    signing=signed_by(Token(Authorization("Basic"))),
    reading=read,
    guide=Guide(
        name="Pipedrive",
        enter=(
            "In Pipedrive: Tools and apps, Webhooks, version 2. Enter the address, "
            "and a user and a password as HTTP authentication. The secret is "
            "`user:password`."
        ),
        sends="Created, changed and deleted people, deals, activities and notes.",
        becomes=(
            "A lead for each new person. Follow-ups: a deal is `opportunity`, `won` "
            "or `lost`; a meeting is booked, moved or held; a finished call is "
            "`attempted`. A new owner is `owner_changed`, a deleted person is "
            "`deleted`, a note is a `note`. Change this with `outcomes`, by "
            "`status`, `stage_id` or `activity` (its type). Baton ignores "
            "everything else. `reps` in the source maps the user's id to a rep."
        ),
        retries=(
            "Pipedrive tries three times. After three days without a 2xx it deletes the webhook."
        ),
    ),
    example=Example(
        '{"meta": {"entity": "deal", "action": "change", "correlation_id": "c1", "timestamp":'
        ' "2026-01-31T09:00:00.000Z"}, "data": {"id": 1, "person_id": 3, "status": "won",'
        ' "value": 2, "currency": "EUR"}, "previous": {"status": "open"}}'
    ),
)
