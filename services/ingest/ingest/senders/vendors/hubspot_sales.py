"""What HubSpot's events tell of sales: stages, owners, deals, merged contacts.

`propertyName` and `propertyValue` are those of a property that has changed. Of an association
`fromObjectId` and `toObjectId` are the two, and `associationType` which they are. Of merged
contacts `mergedObjectIds` are gone, and `newObjectId` lives on.
"""

from collections.abc import Iterator

from pydantic import JsonValue

from baton.events import FollowupType
from baton.policy.sources import HubspotSource
from ingest.senders.kit import sales
from ingest.senders.kit.delivery import NotUnderstoodError
from ingest.senders.kit.items import Passed, Told
from ingest.senders.kit.payloads import at, list_at, text_at

_STAGES: sales.Known = {"closedwon": FollowupType.WON, "closedlost": FollowupType.LOST}
_OWNER = "hubspot_owner_id"
_ABOUT = ("portalId", "changeSource", "propertyName", "propertyValue")
_OF_NO_LEAD = ("company", "ticket", "product", "line_item")


def read(
    source: HubspotSource,
    type_: str,
    event: JsonValue,
    object_id: str,
    document: dict[str, JsonValue],
) -> Iterator[Told]:
    """What one event tells. Raises NotUnderstoodError."""
    kind, _, happened = type_.partition(".")
    told = {name: at(event, (name,)) for name in _ABOUT}
    answers: JsonValue = {name: value for name, value in told.items() if value is not None}
    document = document | {"answers": answers}
    of_deal = {name: value for name, value in document.items() if name != "external_id"}
    of_deal["records"] = sales.records(opportunity=object_id)
    match kind, happened:
        case "contact", "merge":
            yield from _merged(event, document)
        case (("contact" | "deal"), "associationChange"):
            yield _associated(event, document)
        case "contact", "propertyChange":
            yield _changed(source, event, document)
        case "deal", "propertyChange":
            yield _changed(source, event, of_deal)
        case "deal", "creation":
            yield sales.followup(of_deal, FollowupType.OPPORTUNITY)
        case ("deal", "deletion") | ("contact", "restore"):
            yield Passed(document)
        case _ if kind in _OF_NO_LEAD:
            yield Passed(document)
        case _:
            raise NotUnderstoodError(f"an event that is not known: {type_}")


def _merged(event: JsonValue, document: dict[str, JsonValue]) -> Iterator[Told]:
    lives_on = text_at(event, ("newObjectId",)) or text_at(event, ("primaryObjectId",))
    for number in list_at(event, ("mergedObjectIds",)):
        gone = document | {"external_id": str(number)}
        if str(number) != lives_on:
            records = sales.records(person=lives_on)
            yield sales.followup(gone, FollowupType.MERGED, part=str(number), records=records)


def _associated(event: JsonValue, document: dict[str, JsonValue]) -> Told:
    ends = text_at(event, ("fromObjectId",)), text_at(event, ("toObjectId",))
    type_ = text_at(event, ("associationType",))
    if type_ not in ("DEAL_TO_CONTACT", "CONTACT_TO_DEAL") or at(event, ("associationRemoved",)):
        return Passed(document)
    deal, contact = ends if type_ == "DEAL_TO_CONTACT" else ends[::-1]
    linked = document | {"external_id": contact}
    return sales.followup(linked, FollowupType.NOTE, records=sales.records(opportunity=deal))


def _changed(source: HubspotSource, event: JsonValue, document: dict[str, JsonValue]) -> Told:
    name, value = (text_at(event, (part,)) for part in ("propertyName", "propertyValue"))
    if name is None:
        raise NotUnderstoodError("a change without a propertyName")
    if value is None or sales.is_ignored(source, name, value):
        return Passed(document)
    if name == _OWNER and "external_id" in document:
        new = sales.owner(source, value)
        return sales.followup(document, FollowupType.OWNER_CHANGED, rep=new)
    known = _STAGES if name == "dealstage" and value in _STAGES else None
    what = sales.outcome(source, name, value, known)
    if what is None:
        raise NotUnderstoodError(f"the bundle says of {name} neither outcomes nor ignore")
    return sales.followup(document, what)
