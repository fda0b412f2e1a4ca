"""What the index of published deliveries expects of sales' senders, in the words of follow-ups."""

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


def says(expected: Mapping[str, Any], told: Item | Ignored) -> list[str]:
    """What of the expected is not said."""
    return [
        f"{name}: {value!r} is not what {told!r} says"
        for name, value in expected.items()
        if name not in _NOT_TOLD and not _is_said(name, value, told)
    ]


def _is_said(name: str, value: Any, told: Item | Ignored) -> bool:
    document = told.document
    if name in _OWN_WAYS:
        return _OWN_WAYS[name](value, told)
    if document.get(name) in (value, str(value)):
        return True
    answers = document.get("answers")
    found = [_at(answers, place) for place in _SAID_IN.get(name, ())]
    return value in found or str(value) in [str(each) for each in found]


def _at(answers: JsonValue, name: str) -> JsonValue:
    if not isinstance(answers, dict):
        return None
    if name in answers:
        return answers[name]
    first, _, rest = name.partition(".")
    return _at(answers.get(first), rest) if rest else None


def _ids(told: Item | Ignored) -> list[str]:
    """All ids that are named: of the person, of records, and of the record itself."""
    records = told.document.get("records")
    several = records if isinstance(records, list) else []
    named = [str(each["id"]) for each in several if isinstance(each, dict)]
    return [str(told.document.get("external_id")), *named, str(_at(told.document["answers"], "id"))]


_KINDS: Mapping[str, tuple[type[Item | Ignored], ...]] = {
    "crm_event": (Item, Ignored),
    "engagement": (Item, Ignored),
    "follow_up": (Item, Ignored),
    "outcome": (Item,),
}
"""What changes nothing for a lead may be passed over, but for an outcome."""


def _is_kind(value: str, told: Item | Ignored) -> bool:
    return isinstance(told, _KINDS[value])


def _is_outcome(value: str, told: Item | Ignored) -> bool:
    return told.document.get("type") == value


_CALLS = {"call_started": "note", "call_ended": "contacted", "call_completed": "contacted"}


def _is_event(value: str, told: Item | Ignored) -> bool:
    return value == "call" or told.document.get("type", "none") == _CALLS.get(value)


def _is_delivery(value: str, told: Item | Ignored) -> bool:
    given = str(told.document["delivery_id"])
    return value in (given, given.partition("/")[0])


def _is_time(value: str, told: Item | Ignored) -> bool:
    given = datetime.fromisoformat(str(told.document["occurred_at"]))
    wanted = datetime.fromisoformat(re.sub(r" \(.*\)", "", value)).astimezone(UTC)
    return abs((wanted - given).total_seconds()) < 1


_OWN_WAYS: Mapping[str, Callable[[Any, Item | Ignored], bool]] = {
    "kind": _is_kind,
    "outcome": _is_outcome,
    "event": _is_event,
    "event_id": _is_delivery,
    "occurred_at": _is_time,
    "external_id": lambda value, told: value in _ids(told),
    "person_id": lambda value, told: told.document.get("external_id") == value,
    "converted_contact": lambda value, told: value in _ids(told),
    "converted_opportunity": lambda value, told: value in _ids(told),
    "needs_fetch": lambda value, told: value and "email" not in told.document,
    "is_test": lambda value, told: value is isinstance(told, Ignored),
    "full_name": lambda value, told: (
        value == f"{told.document['first_name']} {told.document['last_name']}"
    ),
}
