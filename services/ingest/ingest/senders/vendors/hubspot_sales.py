"""Follow-ups from HubSpot's events: stages, owners, deals, merged contacts.

`propertyName` and `propertyValue` are the changed property. An association connects `fromObjectId`
and `toObjectId`; `associationType` names their kinds. After a merge of contacts, `mergedObjectIds`
no longer exist and `newObjectId` continues.
"""

from collections.abc import Iterator
from dataclasses import replace

from pydantic import JsonValue

from baton.events import FollowupType
from ingest.policy.vendors import HubspotSource
from ingest.senders.kit import sales
from ingest.senders.kit.delivery import NotUnderstoodError
from ingest.senders.kit.drafts import FollowupDraft
from ingest.senders.kit.items import Ignored, ItemResult
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
    draft: FollowupDraft,
) -> Iterator[ItemResult]:
    """The follow-ups of one event. Raises NotUnderstoodError."""
    kind, _, happened = type_.partition(".")
    values = {name: at(event, (name,)) for name in _ABOUT}
    answers = {name: value for name, value in values.items() if value is not None}
    draft = replace(draft, answers=answers)
    of_deal = replace(draft, external_id=None, records=sales.records(opportunity=object_id))
    match kind, happened:
        case "contact", "merge":
            yield from _merged(event, draft)
        case (("contact" | "deal"), "associationChange"):
            yield _associated(event, draft)
        case "contact", "propertyChange":
            yield _changed(source, event, draft)
        case "deal", "propertyChange":
            yield _changed(source, event, of_deal)
        case "deal", "creation":
            yield sales.followup(of_deal, FollowupType.OPPORTUNITY)
        case ("deal", "deletion") | ("contact", "restore"):
            yield Ignored(draft)
        case _ if kind in _OF_NO_LEAD:
            yield Ignored(draft)
        case _:
            raise NotUnderstoodError(f"the event type is '{type_}', which Baton does not know")


def _merged(event: JsonValue, draft: FollowupDraft) -> Iterator[ItemResult]:
    lives_on = text_at(event, ("newObjectId",)) or text_at(event, ("primaryObjectId",))
    for number in list_at(event, ("mergedObjectIds",)):
        if str(number) != lives_on:
            records = sales.records(person=lives_on)
            gone = replace(draft, external_id=str(number), records=records)
            yield sales.followup(gone, FollowupType.MERGED, part=str(number))


def _associated(event: JsonValue, draft: FollowupDraft) -> ItemResult:
    ends = text_at(event, ("fromObjectId",)), text_at(event, ("toObjectId",))
    type_ = text_at(event, ("associationType",))
    if type_ not in ("DEAL_TO_CONTACT", "CONTACT_TO_DEAL") or at(event, ("associationRemoved",)):
        return Ignored(draft)
    deal, contact = ends if type_ == "DEAL_TO_CONTACT" else ends[::-1]
    linked = replace(draft, external_id=contact, records=sales.records(opportunity=deal))
    return sales.followup(linked, FollowupType.NOTE)


def _changed(source: HubspotSource, event: JsonValue, draft: FollowupDraft) -> ItemResult:
    name, value = (text_at(event, (part,)) for part in ("propertyName", "propertyValue"))
    if name is None:
        raise NotUnderstoodError("the change has no propertyName")
    if value is None or sales.is_ignored(source, name, value):
        return Ignored(draft)
    if name == _OWNER and draft.external_id is not None:
        owned_draft = replace(draft, rep=sales.owner(source, value))
        return sales.followup(owned_draft, FollowupType.OWNER_CHANGED)
    known = _STAGES if name == "dealstage" and value in _STAGES else None
    outcome = sales.outcome(source, name, value, known)
    if outcome is None:
        raise NotUnderstoodError(
            f"the source has neither `outcomes` nor `ignore` for the property {name}; add one"
        )
    return sales.followup(draft, outcome)
