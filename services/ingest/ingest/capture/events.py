"""From a submission to the event of a lead, with the id that is the same for each attempt: pure."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

from pydantic import JsonValue

from baton import identity
from baton.cloudevents import Event
from baton.events import (
    Campaign,
    Company,
    Consent,
    FollowupType,
    History,
    LeadActivity,
    LeadCaptured,
    LeadErased,
    LeadEvent,
    LeadFollowup,
    Profile,
    Request,
    Scalar,
)
from baton.policy.bundle import Bundle
from baton.policy.definitions import CustomValueError, Definitions
from baton.policy.problems import did_you_mean
from ingest.capture.normalisation import bots, consents, test_leads
from ingest.capture.normalisation.profile import normalise
from ingest.capture.origin import happened_at
from ingest.capture.receipt import Receipt
from ingest.capture.submissions import (
    ActivityIn,
    ErasureIn,
    FollowupIn,
    LeadIn,
    PassedOnErasure,
    Submission,
    declared,
    plain,
)
from ingest.errors import RejectedError
from ingest.policy.sources import Source, sources_of

AnyLead = TypeVar("AnyLead", bound=LeadEvent)

CE_SOURCE = "/baton/ingest"
_LONGEST_RETRY = timedelta(days=30)
_GIVING_BACK = (FollowupType.DECLINED, FollowupType.REJECTED)


def captured(
    submission: LeadIn, brand: str, lead_id: UUID, bundle: Bundle, receipt: Receipt
) -> LeadCaptured:
    """The enquiry as an event. Raises RejectedError for a custom value of the wrong type."""
    custom, unknown = custom_fields(submission.custom, bundle.definitions)
    occurred_at = happened_at(submission, receipt)
    profile = Profile(
        brand=brand,
        source=submission.source,
        external_id=submission.external_id,
        contact=submission.whole_contact(),
        company=plain(Company, submission.company),
        campaign=plain(Campaign, submission.campaign),
        consent=consents.dated(plain(Consent, submission.consent), occurred_at),
        request=plain(Request, submission.request),
        custom=custom,
    )
    answers = {**submission.answers, **submission.undeclared(), **unknown}
    source = sources_of(bundle)[submission.source]
    normal = normalise(profile, answers, source, bundle.definitions)
    test_mark = test_leads.mark(submission.test, normal.profile, answers, bundle.definitions)
    return LeadCaptured(
        lead_id=lead_id,
        occurred_at=occurred_at,
        received_at=receipt.received_at,
        delivery_id=submission.delivery_id,
        profile=normal.profile,
        answers=answers,
        as_sent=normal.as_sent,
        test=test_mark is not None,
        test_mark=test_mark,
        history=None if submission.history is None else plain(History, submission.history),
    )


def activity(
    submission: ActivityIn, lead_id: UUID, definitions: Definitions, receipt: Receipt
) -> LeadActivity:
    """The activity as an event."""
    data = LeadActivity(
        lead_id=lead_id,
        occurred_at=happened_at(submission, receipt),
        source=submission.source,
        received_at=receipt.received_at,
        type=submission.type,
        subject=submission.subject,
        bot=submission.bot,
        answers={**submission.answers, **submission.undeclared()},
    )
    bot_mark = bots.mark(data, data.answers, definitions)
    return data.model_copy(update={"bot": bot_mark is not None, "bot_mark": bot_mark})


def followup(
    submission: FollowupIn, brand: str, lead_id: UUID, definitions: Definitions, receipt: Receipt
) -> LeadFollowup:
    """The follow-up as an event.

    Raises RejectedError where it gives a lead back for a reason that the bundle's table has not:
    nobody could tell what should become of the lead.
    """
    if submission.type in _GIVING_BACK and submission.reason is not None:
        codes = [reason.code for reason in definitions.reasons_for(submission.type)]
        if submission.reason not in codes:
            raise RejectedError(
                f"the policy has no such reason for '{submission.type}'"
                f"{did_you_mean(submission.reason, codes)}",
                "reason",
            )
    fields = declared(submission)
    return LeadFollowup.model_validate(
        {name: fields[name] for name in LeadFollowup.model_fields if name in fields}
        | {
            "lead_id": lead_id,
            "occurred_at": happened_at(submission, receipt),
            "received_at": receipt.received_at,
            "brand": brand,
            "answers": {**submission.answers, **submission.undeclared()},
        }
    )


def erased(lead_id: UUID, request: ErasureIn, receipt: Receipt) -> LeadErased:
    """The event that erases the lead's data up to the request. If a sender passed the request on
    and says when it was made, the erasure reaches up to that time, so that a late retry does not
    erase newer data. A time that is older than any sender's retries is ignored.
    """
    asked_at = receipt.received_at
    if isinstance(request, PassedOnErasure) and request.occurred_at is not None:
        sent_at = request.occurred_at
        if receipt.received_at - _LONGEST_RETRY <= sent_at < receipt.received_at:
            asked_at = sent_at
    return LeadErased(
        lead_id=lead_id, occurred_at=asked_at, requested_by=request.requested_by, why=request.why
    )


def event(data: AnyLead, id_: UUID, receipt: Receipt, bundle: Bundle) -> Event[AnyLead]:
    """The event of a lead, under an id that was given at receipt."""
    return Event(
        id=id_,
        source=CE_SOURCE,
        time=receipt.received_at,
        subject=str(data.lead_id),
        data=data,
        traceparent=receipt.traceparent,
        policyversion=bundle.hash,
    )


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


def of_lead(event: Event[AnyLead], lead_id: UUID) -> Event[AnyLead]:
    """The same event, of the lead that it turned out to be about; its id was given at receipt."""
    data = event.data.model_copy(update={"lead_id": lead_id})
    return replace(event, subject=str(lead_id), data=data)


def custom_fields(
    fields: Mapping[str, JsonValue], definitions: Definitions
) -> tuple[dict[str, Scalar], dict[str, JsonValue]]:
    """The declared fields, typed, and by their path those that nobody declared.

    Raises RejectedError for a value that does not fit its field.
    """
    custom: dict[str, Scalar] = {}
    unknown: dict[str, JsonValue] = {}
    for name, value in fields.items():
        field = definitions.custom_field(name)
        if field is None:
            unknown[f"custom.{name}"] = value
            continue
        try:
            typed = field.coerce(value)
        except CustomValueError as error:
            raise RejectedError(error.reason, f"custom.{name}") from error
        if typed is not None:
            custom[name] = typed
    return custom, unknown
