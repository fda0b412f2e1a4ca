"""The ids of events: the same for each attempt to send the same thing."""

from uuid import UUID

from baton import identity
from baton.policy.sources import Source
from ingest.capture.receipt import Receipt
from ingest.capture.submissions import (
    ActivityIn,
    ErasureIn,
    FollowupIn,
    LeadIn,
    PassedOnErasure,
    Submission,
)

CE_SOURCE = "/baton/ingest"


def event_id(submission: Submission, source: Source, named: UUID, receipt: Receipt) -> UUID:
    """The event's id, by the first that there is: the delivery's own id, the key, its time.

    `named` is the lead by what the submission itself says: what an alias makes of it comes and
    goes, and a retry must not become another event by that. A submission with a time of its own and
    no id is told from others by its whole body. Kind and type are part of each id, so that one id
    of the sender's for a registration and for what followed from it is two events.
    """
    sent_at, part = submission.occurred_at, _part(submission, receipt.part)
    if submission.delivery_id is not None:
        return identity.delivery_event_id(
            submission.source, submission.delivery_id, named, sent_at, part=part
        )
    if receipt.key is not None or sent_at is not None:
        return identity.delivery_event_id(
            submission.source, receipt.key or "", named, sent_at, receipt.body, part
        )
    # The same enquiry within a day is a form that was sent again; the same call is another call.
    horizon = source.retry_horizon if isinstance(submission, LeadIn) else source.repeat_horizon
    return identity.digest_event_id(
        submission.source, receipt.body, named, receipt.received_at, horizon, part
    )


def _part(submission: Submission, part: str) -> str:
    """The `part` of an id, with kind and type in front.

    An enquiry has neither in front, so that its id is the one that older releases gave it. No
    sender has a part that begins with a kind.
    """
    match submission:
        case ActivityIn():
            fact = f"activity:{submission.type.value}"
        case FollowupIn():
            fact = f"followup:{submission.type.value}"
        case _:
            return part
    return f"{fact}:{part}" if part else fact


def erasure_id(lead_id: UUID, request: ErasureIn, receipt: Receipt) -> UUID:
    """The id of a request to forget a lead.

    Each is one of its own, unless it has a key, or was passed on with an id or a time.
    """
    if isinstance(request, PassedOnErasure) and (request.delivery_id or request.occurred_at):
        return identity.delivery_event_id(
            request.source,
            request.delivery_id or "",
            lead_id,
            request.occurred_at,
            None if request.delivery_id else receipt.body,
            part="erasure",
        )
    time = receipt.received_at if receipt.key is None else None
    return identity.delivery_event_id(
        CE_SOURCE, receipt.key or "", lead_id, time, receipt.body, part="erasure"
    )
