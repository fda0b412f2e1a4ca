"""Outreach's webhooks (developers.outreach.io, Webhooks).

Signing: `Outreach-Webhook-Signature` is the hex of an HMAC-SHA256 over the body.

Id: `meta.jobId`; `meta.deliveredAt` is the time of the attempt. Payload: `meta.eventName` is the
record's kind and what happened to it; `data` is the record, of an update only what has changed.
`relationships` has the ids of whom it is about.
"""

from dataclasses import replace

from pydantic import JsonValue

from baton.events import FollowupType
from ingest.policy.vendors import SalesOutcome, SalesToolSource
from ingest.senders.kit import sales
from ingest.senders.kit.delivery import Delivery, NotUnderstoodError
from ingest.senders.kit.drafts import FollowupDraft
from ingest.senders.kit.formats import json_of
from ingest.senders.kit.items import ItemResult, Passed
from ingest.senders.kit.payloads import at, list_at, path, text_at
from ingest.senders.kit.places import Header, body
from ingest.senders.kit.sender import Example, Guide, Sender, signed_by
from ingest.senders.kit.signing import Signature, in_hex

_CALLS: sales.Known = {
    "Answered": FollowupType.CONTACTED,
    "No Answer": FollowupType.ATTEMPTED,
    "Busy": FollowupType.ATTEMPTED,
}
_KNOWN: sales.Known = {
    "prospect.destroyed": FollowupType.DELETED,
    "opportunity.created": FollowupType.OPPORTUNITY,
    "call.created": FollowupType.ATTEMPTED,
    "mailing.delivered": FollowupType.ATTEMPTED,
    "mailing.replied": FollowupType.CONTACTED,
}
_CHANNELS = {"call": "phone", "mailing": "mail"}
_TEXTS = ("note", "subject")


def read(source: SalesToolSource, delivery: Delivery) -> list[ItemResult]:
    """What happened to the record. Raises NotUnderstoodError."""
    payload = json_of(delivery)
    event, job = text_at(payload, path("meta.eventName")), text_at(payload, path("meta.jobId"))
    id_ = text_at(payload, path("data.id"))
    if event is None or id_ is None:
        raise NotUnderstoodError("it has no meta.eventName, or no data.id")
    kind = event.partition(".")[0]
    attributes = at(payload, path("data.attributes"))
    draft = FollowupDraft(
        delivery_id=job,
        external_id=id_,
        occurred_at=text_at(attributes, ("updatedAt",)),
        answers=attributes if isinstance(attributes, dict) else {},
    )
    person = id_ if kind == "prospect" else _related(payload, "prospect")
    outcome, owner = _outcome_and_owner(source, payload, event, kind)
    if outcome is None or (person is None and kind not in ("call", "opportunity")):
        return [Passed(draft)]
    draft = replace(
        draft,
        external_id=person,
        phone=text_at(attributes, ("to",)) if kind == "call" else None,
        rep=owner or sales.rep(source, _related(payload, "user"), _related(payload, "owner")),
        channel=_CHANNELS.get(kind),
        amount=text_at(attributes, ("amount",)),
        records=sales.records(**{kind: id_} if kind in ("call", "opportunity") else {}),
    )
    notes = [text_at(attributes, (name,)) for name in _TEXTS]
    return [sales.followup(draft, outcome, note=notes)]


def _outcome_and_owner(
    source: SalesToolSource, payload: JsonValue, event: str, kind: str
) -> tuple[SalesOutcome | None, str | None]:
    """The follow-up, if it is any, and the rep whom it gives the lead to."""
    if sales.is_ignored(source, "eventName", event):
        return None, None
    known = _KNOWN if event in _KNOWN else {event: None}
    by_name = sales.outcome(source, "eventName", event, known)
    if not event.endswith((".updated", ".created")):
        return by_name, None
    if kind == "call":
        result = text_at(payload, path("data.attributes.outcome"))
        of_calls = _CALLS if result in _CALLS else None
        return sales.outcome(source, "outcome", result, of_calls, by_name), None
    if kind not in ("prospect", "opportunity"):
        return by_name, None
    stage = _related(payload, "stage") or _related(payload, "opportunityStage")
    owner = _related(payload, "owner")
    staged = sales.outcome(source, "stage", stage)
    if staged is None and event == "prospect.updated" and owner is not None:
        return SalesOutcome(type=FollowupType.OWNER_CHANGED), sales.owner(source, owner)
    return sales.outcome(source, "stage", stage, otherwise=by_name), None


def _related(payload: JsonValue, name: str) -> str | None:
    """The id of a related record, with or without a `data` around it; of several, the first."""
    place = ("data", "relationships", name)
    for inner in ((*place, "data"), place):
        several = list_at(payload, inner)
        found = text_at(several[0], ("id",)) if several else text_at(payload, (*inner, "id"))
        if found:
            return found
    return None


SENDER = Sender(
    kind="outreach",
    source=SalesToolSource,
    signing=signed_by(
        Signature(at=Header("outreach-webhook-signature"), signs=(body,), written=in_hex)
    ),
    reading=read,
    guide=Guide(
        name="Outreach",
        enter=(
            "By its API, `POST /api/v2/webhooks`: the address as `url`, the secret, and as "
            "resource and action prospects, calls, mailings and opportunities."
        ),
        sends="The record that something happened to; of an update what has changed.",
        becomes=(
            "A follow-up of the prospect: calls are `attempted` or `contacted` by their outcome, a "
            "reply to a mailing is `contacted`, an opportunity is one, a prospect's new owner is "
            "`owner_changed`, one that is destroyed `deleted`. `outcomes` may say otherwise, by "
            "`stage` (its id), `outcome` or `eventName`. What is about no prospect is passed over. "
            "`reps` by the user's id."
        ),
        retries=(
            "Any answer counts as delivered. What it sends names a record, and while PostgreSQL is "
            "away nobody can say whose that is: then it is lost, as is what is refused for the "
            "moment."
        ),
    ),
    example=Example(
        '{"data": {"type": "call", "id": 4, "attributes": {"outcome": "Answered", "to":'
        ' "+493090182000", "updatedAt": "2026-01-31T09:00:00Z"}, "relationships": {"prospect":'
        ' {"type": "prospect", "id": 456}}}, "meta": {"eventName": "call.created", "jobId": "j1"}}'
    ),
)
