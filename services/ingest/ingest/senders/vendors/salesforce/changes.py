"""Change events (Change Data Capture guide) that a relay posts: one event, or a list of events.

`ChangeEventHeader` names the change and the records; the fields are beside it. `transactionKey` and
`sequenceNumber` together are the event's id; each of several records adds its own. A null in an
update means that a field has not changed.
"""

from collections.abc import Iterator
from dataclasses import replace

from pydantic import JsonValue

from baton.events import FollowupType
from ingest.policy.vendors import SalesforceSource
from ingest.senders.kit import sales
from ingest.senders.kit.delivery import NotUnderstoodError
from ingest.senders.kit.drafts import FollowupDraft
from ingest.senders.kit.items import Ignored, Item, ItemResult, read_each
from ingest.senders.kit.payloads import at, list_at, path, text_at, unix_time
from ingest.senders.vendors.salesforce import selling
from ingest.senders.vendors.salesforce.people import KNOWN, PEOPLE, of_record, with_person

_WRAPPERS = (path("payload"), path("data.payload"), path("detail.payload"))
_HEADER = "ChangeEventHeader"
_TIMES = ("CreatedDate", "LastModifiedDate")
_GAP = "GAP_"
"""Prefix of a change type for which Salesforce does not send the fields."""


def read(source: SalesforceSource, payload: JsonValue) -> Iterator[ItemResult]:
    """The items of each change. Raises NotUnderstoodError."""
    changes = payload if isinstance(payload, list) else [payload]
    return read_each(changes, lambda change: _read_one(source, change))


def _read_one(source: SalesforceSource, change: JsonValue) -> list[ItemResult]:
    event = _unwrapped(change)
    header = at(event, (_HEADER,))
    kind, happened = text_at(header, ("entityName",)), text_at(header, ("changeType",))
    key, number = text_at(header, ("transactionKey",)), text_at(header, ("sequenceNumber",))
    if not isinstance(event, dict) or kind is None or happened is None or key is None:
        raise NotUnderstoodError(f"the change event has no {_HEADER} with entity and change type")
    if kind not in KNOWN or happened.startswith(_GAP):
        raise NotUnderstoodError(
            f"Baton does not know the object '{kind}' or the change '{happened}'"
        )
    items: list[ItemResult] = []
    for id_ in list_at(header, ("recordIds",)):
        draft = FollowupDraft(
            delivery_id=f"{key}:{number}",
            external_id=id_,
            occurred_at=unix_time(at(header, ("commitTimestamp",))),
        )
        found = list(_of_record(source, kind, happened, _fields(event), draft))
        changed = {"changed": at(header, ("changedFields",))}
        items += found or [Ignored(replace(draft, answers=changed))]
    return items


def _of_record(
    source: SalesforceSource,
    kind: str,
    happened: str,
    fields: dict[str, JsonValue],
    draft: FollowupDraft,
) -> Iterator[ItemResult]:
    new = happened == "CREATE"
    if happened == "DELETE":
        if kind in PEOPLE:
            yield sales.followup(draft, FollowupType.DELETED)
    elif kind == "Opportunity":
        yield from selling.of_opportunity(source, fields, draft, new=new)
    elif kind not in PEOPLE:
        yield from selling.of_activity(source, kind, fields, draft, new=new)
    elif new:
        yield Item(with_person(of_record(draft), source, fields))
    else:
        yield from selling.of_person(source, fields, draft, changed=True)


def _unwrapped(change: JsonValue) -> JsonValue:
    for wrapper in _WRAPPERS:
        if isinstance(at(change, (*wrapper, _HEADER)), dict):
            return at(change, wrapper)
    return change


def _fields(event: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """The fields beside the header. The parts of a compound name are fields of their own."""
    fields = {key: value for key, value in event.items() if key not in (_HEADER, *_TIMES)}
    if isinstance(fields.get("Name"), dict):
        parts = fields.pop("Name")
        fields |= parts if isinstance(parts, dict) else {}
    return fields
