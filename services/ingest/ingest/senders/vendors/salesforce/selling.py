"""Follow-ups from records of Salesforce: stages, owners, conversions, deals, meetings.

The fields have the same names in outbound messages, as text, and in change events, as JSON.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from pydantic import JsonValue

from baton.events import FollowupType
from ingest.policy.vendors import SalesforceSource, SalesOutcome
from ingest.senders.kit import sales
from ingest.senders.kit.delivery import NotUnderstoodError
from ingest.senders.kit.drafts import FollowupDraft
from ingest.senders.kit.items import ItemResult
from ingest.senders.kit.payloads import composite, text_at

Fields = Mapping[str, JsonValue]

_QUEUE = "00G"
"""Prefix of a queue's id. A record in a queue has no owner."""
_CLOSED_TASK = "Completed"
_WITH_WHOM = ("WhoId", "ContactId")
_DEAL = ("Name", "StageName", "ForecastCategoryName", "IsClosed", "IsWon", "AccountId")


def of_person(
    source: SalesforceSource, fields: Fields, draft: FollowupDraft, *, changed: bool
) -> Iterator[ItemResult]:
    """The follow-ups of a Lead or Contact. `changed`: `fields` has only the changed fields."""
    if _is_true(fields, "IsConverted"):
        became = sales.records(
            person=_text(fields, "ConvertedContactId"),
            opportunity=_text(fields, "ConvertedOpportunityId"),
        )
        done = replace(draft, records=became, answers={"Status": fields.get("Status")})
        yield sales.followup(done, FollowupType.CONVERTED, part="converted")
        return
    master = _text(fields, "MasterRecordId")
    if master is not None:
        into = replace(draft, records=sales.records(person=master))
        yield sales.followup(into, FollowupType.MERGED, part="merged")
    owner = _text(fields, "OwnerId")
    if owner is not None and not owner.startswith(_QUEUE):
        rep = sales.owner(source, owner) if changed else sales.rep(source, owner)
        if rep is not None:
            yield sales.followup(replace(draft, rep=rep), FollowupType.OWNER_CHANGED, part="owner")
    status = _text(fields, "Status")
    outcome = sales.outcome(source, "Status", status)
    if outcome is not None:
        changed_draft = draft if changed else _once(source, fields, draft)
        yield sales.followup(changed_draft, outcome, part="status")


def _once(source: SalesforceSource, fields: Fields, draft: FollowupDraft) -> FollowupDraft:
    """Makes a status count once, although every message of the record repeats it.

    With `status_since` a status counts again when the record comes back to it. The time of the last
    change is no substitute. A rejection would count again when the next rep is written into the
    record, and would take the lead away from that rep too.
    """
    record = None if draft.external_id is None else str(draft.external_id)
    parts = [record, "Status", _text(fields, "Status")]
    since = _text(fields, source.status_since) if source.status_since else None
    if since is not None:
        parts.append(since)
    return replace(draft, delivery_id=composite(*parts), occurred_at=since)


def of_opportunity(
    source: SalesforceSource, fields: Fields, draft: FollowupDraft, *, new: bool
) -> Iterator[ItemResult]:
    """The follow-ups of an Opportunity, for the lead that it belongs to."""
    deal = replace(
        draft,
        external_id=_text(fields, "ContactId"),
        rep=sales.rep(source, _text(fields, "OwnerId")),
        amount=_text(fields, "Amount"),
        currency=_text(fields, "CurrencyIsoCode"),
        records=sales.records(opportunity=_record(draft)),
        answers={name: fields[name] for name in _DEAL if fields.get(name) is not None},
    )
    closed = FollowupType.WON if _is_true(fields, "IsWon") else FollowupType.LOST
    stage = _text(fields, "StageName")
    known: sales.Known | None = None
    if stage is not None and _is_true(fields, "IsClosed"):
        known = {stage: closed}
    elif stage is not None and new:
        known = {stage: FollowupType.OPPORTUNITY}
    outcome = sales.outcome(source, "StageName", stage, known)
    if outcome is not None:
        note = _text(fields, "NextStep")
        yield sales.followup(deal, outcome, note=[note])


def of_activity(
    source: SalesforceSource,
    kind: str,
    fields: Fields,
    draft: FollowupDraft,
    *,
    new: bool,
) -> Iterator[ItemResult]:
    """The follow-ups of a Task or an Event, for its Lead or Contact."""
    meeting = kind == "Event"
    made = replace(
        draft,
        external_id=next(filter(None, (_text(fields, name) for name in _WITH_WHOM)), None),
        rep=sales.rep(source, _text(fields, "OwnerId")),
        disposition=_text(fields, "CallDisposition"),
        starts_at=_text(fields, "StartDateTime"),
        records=sales.records(**{"meeting" if meeting else "call": _record(draft)}),
    )
    note = [_text(fields, "Subject"), _text(fields, "Description")]
    outcome: SalesOutcome | FollowupType | None
    if meeting:
        outcome = FollowupType.MEETING_BOOKED if new else FollowupType.MEETING_MOVED
        if not new and _text(fields, "StartDateTime") is None:
            outcome = None
    else:
        called = _text(fields, "TaskSubtype") == "Call" or _text(fields, "CallType") is not None
        done = SalesOutcome(type=FollowupType.ATTEMPTED if called else FollowupType.NOTE)
        is_done = _text(fields, "Status") == _CLOSED_TASK
        outcome = sales.outcome(
            source,
            "CallDisposition",
            _text(fields, "CallDisposition"),
            otherwise=done if is_done else None,
        )
    if outcome is not None:
        yield sales.followup(made, outcome, note=note)


def _record(draft: FollowupDraft) -> str:
    """The record's id. Raises NotUnderstoodError if the record has none."""
    if draft.external_id is None:
        raise NotUnderstoodError("the record has no id")
    return str(draft.external_id)


def _text(fields: Fields, name: str) -> str | None:
    return text_at(dict(fields), (name,))


def _is_true(fields: Fields, name: str) -> bool:
    return str(fields.get(name)).lower() == "true"
