"""Compares items of sales tools with the index of published deliveries."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import JsonValue

from ingest.senders.kit.items import Ignored, Item

OF_SALES = {
    "aircall": "{kind: aircall}",
    "calendly": "{kind: calendly}",
    "gong": "{kind: gong}",
    "hubspot": "{kind: hubspot, outcomes: {lifecyclestage: {subscriber: {type: note}}}}",
    "outreach": "{kind: outreach}",
    "pipedrive": "{kind: pipedrive}",
    "ringcentral": "{kind: ringcentral}",
    "salesforce": "{kind: salesforce, ignore: {Status: [Closed - Converted]}}",
    "salesloft": "{kind: salesloft}",
    "twilio": "{kind: twilio}",
}
"""By the samples' names of the vendors, what a bundle says of a source of theirs."""

_SAID_IN = {
    "account": ("AccountId",),
    "account_id": ("portalId", "workspaceId"),
    "changed": ("changed",),
    "company": ("name",),
    "domain": ("domain",),
    "due": ("due_date",),
    "duration": ("duration", "data.duration", "CallDuration"),
    "agent_email": ("data.user.email",),
    "first_name": ("firstName",),
    "last_name": ("lastName",),
    "is_closed": ("IsClosed",),
    "is_won": ("IsWon",),
    "participants": ("participants",),
    "property": ("propertyName",),
    "stage": ("StageName",),
    "state": ("state", "current_state"),
    "status": ("Status",),
    "subject": ("subject",),
    "timezone": ("payload.timezone",),
    "value": ("propertyValue",),
}
"""Among the answers, under the vendor's own name."""

_NOT_TOLD = ("attempt", "object")
"""How often it was tried is not what happened; of which kind a record is, its place says."""


def says(expected: Mapping[str, Any], item: Item | Ignored) -> list[str]:
    """The expected values that the item does not have."""
    return [
        f"{name}: {value!r} is not what {item!r} says"
        for name, value in expected.items()
        if name not in _NOT_TOLD and not _is_said(name, value, item)
    ]


def _is_said(name: str, value: Any, item: Item | Ignored) -> bool:
    document = item.document
    if name in _OWN_WAYS:
        return _OWN_WAYS[name](value, item)
    if document.get(name) in (value, str(value)):
        return True
    answers = document.get("answers")
    found = [_at(answers, place) for place in _SAID_IN.get(name, ())]
    return value in found or str(value) in [str(element) for element in found]


def _at(answers: JsonValue, name: str) -> JsonValue:
    if not isinstance(answers, dict):
        return None
    if name in answers:
        return answers[name]
    first, _, rest = name.partition(".")
    return _at(answers.get(first), rest) if rest else None


def _ids(item: Item | Ignored) -> list[str]:
    """All ids that are named: of the person, of records, and of the record itself."""
    records = item.document.get("records")
    several = records if isinstance(records, list) else []
    named = [str(element["id"]) for element in several if isinstance(element, dict)]
    return [str(item.document.get("external_id")), *named, str(_at(item.document["answers"], "id"))]


_KINDS: Mapping[str, tuple[type[Item | Ignored], ...]] = {
    "crm_event": (Item, Ignored),
    "engagement": (Item, Ignored),
    "follow_up": (Item, Ignored),
    "outcome": (Item,),
}
"""What changes nothing for a lead may be passed over, but for an outcome."""


def _is_kind(value: str, item: Item | Ignored) -> bool:
    return isinstance(item, _KINDS[value])


def _is_outcome(value: str, item: Item | Ignored) -> bool:
    return item.document.get("type") == value


_CALLS = {"call_started": "note", "call_ended": "contacted", "call_completed": "contacted"}


def _is_event(value: str, item: Item | Ignored) -> bool:
    return value == "call" or item.document.get("type", "none") == _CALLS.get(value)


def _is_delivery(value: str, item: Item | Ignored) -> bool:
    text = str(item.document["delivery_id"])
    return value in (text, text.partition("/")[0])


def _is_time(value: str, item: Item | Ignored) -> bool:
    occurred_at = datetime.fromisoformat(str(item.document["occurred_at"]))
    expected = datetime.fromisoformat(re.sub(r" \(.*\)", "", value)).astimezone(UTC)
    return abs((expected - occurred_at).total_seconds()) < 1


_OWN_WAYS: Mapping[str, Callable[[Any, Item | Ignored], bool]] = {
    "kind": _is_kind,
    "outcome": _is_outcome,
    "event": _is_event,
    "event_id": _is_delivery,
    "occurred_at": _is_time,
    "external_id": lambda value, item: value in _ids(item),
    "person_id": lambda value, item: item.document.get("external_id") == value,
    "converted_contact": lambda value, item: value in _ids(item),
    "converted_opportunity": lambda value, item: value in _ids(item),
    "needs_fetch": lambda value, item: value and "email" not in item.document,
    "is_test": lambda value, item: value is isinstance(item, Ignored),
    "full_name": lambda value, item: (
        value == f"{item.document['first_name']} {item.document['last_name']}"
    ),
}
