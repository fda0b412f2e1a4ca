"""Pipedrive's webhooks, version 2 (pipedrive.readme.io, Guide for Webhooks v2).

Signing: none; HTTP basic authentication, by the user and password of the webhook.

Id: `meta.correlation_id` is shared by all that one act has changed; with entity, id and action it
is that of one event, and the same for each attempt. Payload: `data` is the entity as it is now,
`previous` what it was in the fields that have changed.
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
from ingest.senders.kit.items import Item, ItemResult, Passed
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
    """What happened to an entity; `draft` has what is told of it whatever it is."""

    source: SalesToolSource
    payload: JsonValue
    action: str
    number: str
    draft: FollowupDraft

    @property
    def data(self) -> JsonValue:
        return at(self.payload, ("data",))

    def text(self, field: str) -> str | None:
        """What the entity has there now."""
        return text_at(self.data, (field,))

    def of(self, field: str) -> bool:
        """Whether it is this that has changed."""
        previous = at(self.payload, ("previous",))
        return isinstance(previous, dict) and field in previous

    def by(self, user: str, **records: str | None) -> FollowupDraft:
        """The draft of something that a rep does with a person; `user` is where the rep is."""
        return replace(
            self.draft,
            external_id=self.text("person_id"),
            rep=sales.rep(self.source, self.text(user)),
            records=sales.records(**records),
        )


def read(source: SalesToolSource, delivery: Delivery) -> Iterator[ItemResult]:
    """What happened to the entity. Raises NotUnderstoodError."""
    payload = json_of(delivery)
    entity, action = (text_at(payload, ("meta", name)) for name in ("entity", "action"))
    number = text_at(payload, path("data.id")) or text_at(payload, path("meta.entity_id"))
    if entity is None or action is None or number is None:
        raise NotUnderstoodError("it has no meta.entity, no meta.action, or no id")
    draft = FollowupDraft(
        delivery_id=_id(payload, entity, number, action),
        occurred_at=text_at(payload, path("meta.timestamp")),
    )
    change = _Change(source, payload, action, number, draft)
    items = list(_OF[entity](change)) if entity in _OF else []
    answers = change.data if isinstance(change.data, dict) else None
    yield from items or [Passed(replace(draft, external_id=number, answers=answers))]


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
