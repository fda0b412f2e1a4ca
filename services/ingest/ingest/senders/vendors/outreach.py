"""Outreach's webhooks (developers.outreach.io, Webhooks).

Signing: `Outreach-Webhook-Signature` is the hex of an HMAC-SHA256 over the body.

Id: `meta.jobId`; `meta.deliveredAt` is the time of the attempt. Payload: `meta.eventName` is the
record's kind and the change; `data` is the record, for an update only its changed fields.
`relationships` has the ids of the prospect and other related records.
"""

from dataclasses import replace

from pydantic import JsonValue

from baton.events import FollowupType
from ingest.policy.vendors import SalesOutcome, SalesToolSource
from ingest.senders.kit import sales
from ingest.senders.kit.delivery import Delivery, NotUnderstoodError
from ingest.senders.kit.drafts import FollowupDraft
from ingest.senders.kit.formats import json_of
from ingest.senders.kit.items import Ignored, ItemResult
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
    """The follow-up for one event of a record. Raises NotUnderstoodError."""
    payload = json_of(delivery)
    event, job = text_at(payload, path("meta.eventName")), text_at(payload, path("meta.jobId"))
    id_ = text_at(payload, path("data.id"))
    if event is None or id_ is None:
        raise NotUnderstoodError("the delivery has no meta.eventName or no data.id")
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
        return [Ignored(draft)]
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
    """The follow-up, or None, and the rep who becomes the owner, or None."""
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
    """The id of the first related record, which may be inside a `data` object."""
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
            "Create webhooks with Outreach's API, `POST /api/v2/webhooks`. Enter "
            "the address as `url`, the secret, and as resource and action "
            "prospects, calls, mailings and opportunities."
        ),
        sends="The record that changed; for an update only the changed fields.",
        becomes=(
            "Follow-ups of the prospect. A call is `attempted` or `contacted`, by "
            "its outcome. A reply to a mailing is `contacted`, and an opportunity "
            "is `opportunity`. A prospect's new owner is `owner_changed`, a "
            "destroyed prospect is `deleted`. Change this with `outcomes`, by "
            "`stage` (its id), `outcome` or `eventName`. Baton ignores records "
            "without a prospect. `reps` in the source maps the user's id to a rep."
        ),
        retries=(
            "Outreach does not retry, whatever the answer. While PostgreSQL does "
            "not answer, Baton cannot find the lead of a record, so these "
            "deliveries are lost. Deliveries over the `rate_limit` are lost too."
        ),
    ),
    example=Example(
        '{"data": {"type": "call", "id": 4, "attributes": {"outcome": "Answered", "to":'
        ' "+493090182000", "updatedAt": "2026-01-31T09:00:00Z"}, "relationships": {"prospect":'
        ' {"type": "prospect", "id": 456}}}, "meta": {"eventName": "call.created", "jobId": "j1"}}'
    ),
)
