"""Change events (Change Data Capture guide), as a relay posts them: one, or a list.

`ChangeEventHeader` says what happened to which records; beside it are the fields. `transactionKey`
and `sequenceNumber` together are the id, of several records each with its own. A null in an update
means that a field has not changed.
"""

from collections.abc import Iterator

from pydantic import JsonValue

from baton.policy.sources import SalesforceSource
from ingest.senders.delivery import NotUnderstoodError
from ingest.senders.items import Item, Told, each
from ingest.senders.payloads import at, list_at, path, put, text_at, unix_time
from ingest.senders.salesforce.people import PEOPLE, put_person

_WRAPPERS = (path("payload"), path("data.payload"), path("detail.payload"))
_HEADER = "ChangeEventHeader"
_TIMES = ("CreatedDate", "LastModifiedDate")


def read(source: SalesforceSource, payload: JsonValue) -> Iterator[Told]:
    """What each change tells. Raises NotUnderstoodError."""
    changes = payload if isinstance(payload, list) else [payload]
    return each(changes, lambda change: _read_one(source, change))


def _read_one(source: SalesforceSource, change: JsonValue) -> list[Item]:
    event = _unwrapped(change)
    header = at(event, (_HEADER,))
    kind, happened = text_at(header, ("entityName",)), text_at(header, ("changeType",))
    key, number = text_at(header, ("transactionKey",)), text_at(header, ("sequenceNumber",))
    if not isinstance(event, dict) or kind is None or happened is None or key is None:
        raise NotUnderstoodError(f"it has no {_HEADER} that says what happened")
    if kind not in PEOPLE:
        raise NotUnderstoodError(f"an object that is not known: {kind}")
    items = []
    for id_ in list_at(header, ("recordIds",)):
        document: dict[str, JsonValue] = {"delivery_id": f"{key}:{number}"}
        put(document, ("external_id",), id_)
        put(document, ("occurred_at",), unix_time(at(header, ("commitTimestamp",))))
        if happened == "CREATE":
            put_person(document, source, _fields(event))
            items.append(Item("lead", document))
        elif happened == "DELETE":
            items.append(Item("followup", document | {"type": "deleted"}))
    return items


def _unwrapped(change: JsonValue) -> JsonValue:
    for wrapper in _WRAPPERS:
        if isinstance(at(change, (*wrapper, _HEADER)), dict):
            return at(change, wrapper)
    return change


def _fields(event: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """The fields beside the header, those of a name of several parts by themselves."""
    fields = {key: value for key, value in event.items() if key not in (_HEADER, *_TIMES)}
    if isinstance(fields.get("Name"), dict):
        parts = fields.pop("Name")
        fields |= parts if isinstance(parts, dict) else {}
    return fields
