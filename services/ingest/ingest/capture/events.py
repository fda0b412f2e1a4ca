"""From a delivery that has been understood to its event: pure, with the ids of the design."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
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
    Record,
    Request,
    Scalar,
)
from baton.policy.bundle import Bundle
from baton.policy.definitions import CustomValueError, Definitions
from baton.policy.problems import did_you_mean
from baton.policy.sources import Source
from ingest.capture.normalisation import bots, consents, test_leads
from ingest.capture.normalisation import profile as understanding
from ingest.capture.submissions import (
    ActivityIn,
    Delivery,
    ErasureIn,
    FollowupIn,
    LeadIn,
    PassedOnErasure,
    declared,
    plain,
)
from ingest.identity.person import Person, full_name

AnyLead = TypeVar("AnyLead", bound=LeadEvent)

CE_SOURCE = "/baton/ingest"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_RETRY = timedelta(days=30)
_GIVING_BACK = (FollowupType.DECLINED, FollowupType.REJECTED)


class WrongFieldError(ValueError):
    """A field has the right shape, and what it says can't be; `field` is its path."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


@dataclass(frozen=True, slots=True)
class Receipt:
    """How a delivery came.

    `body` is what tells it from others that have no id. `key` is an `Idempotency-Key`; `part` tells
    apart the events of one delivery; `event_id` was given before all was known. `mendable`: whoever
    sent it reads our answer and can send it again mended, so a slip is refused; a form that was
    filled in can't, so what can be used is.
    """

    body: bytes
    received_at: datetime
    key: str | None = None
    part: str = ""
    mendable: bool = True
    traceparent: str | None = None
    event_id: UUID | None = None


def source_of(given: Delivery, bundle: Bundle) -> Source:
    """The source that a delivery names. Raises WrongFieldError for one that nobody declared."""
    source = bundle.sources.get(given.source)
    if source is None:
        hint = did_you_mean(given.source, bundle.sources)
        raise WrongFieldError("source", f"the policy declares no such source{hint}")
    return source


def brand_of(given: str | None, source: Source, bundle: Bundle) -> str:
    """The brand of a delivery: its own, or its source's.

    Raises WrongFieldError for a brand that no source has: it would make leads of their own, which
    an erasure by email would not find.
    """
    brands = {each.brand for each in bundle.sources.values()}
    if given is not None and given not in brands:
        raise WrongFieldError(
            "brand", f"no source of the policy has this brand{did_you_mean(given, brands)}"
        )
    return given or source.brand


def person_of(given: Delivery, brand: str, source: Source) -> Person:
    """Whom a delivery is about, as far as it says so itself."""
    named: Delivery | object = given.contact if isinstance(given, LeadIn) else given
    said = {
        name: getattr(given, name) or getattr(named, name)
        for name in ("email", "phone", "first_name", "last_name")
    }
    return Person(
        brand=brand,
        source=given.source,
        email=said["email"],
        external_id=given.external_id,
        phone=said["phone"],
        name=full_name(said["first_name"], said["last_name"]),
        records=_naming(given),
        countries=(source.default_country,) if source.default_country else (),
    )


def _naming(given: Delivery) -> tuple[Record, ...]:
    """The records of a delivery that tell whose it is: what one was merged into is another's."""
    if not isinstance(given, FollowupIn) or given.type is FollowupType.MERGED:
        return ()
    return given.records


def check_time(given: Delivery, receipt: Receipt, ahead: timedelta) -> None:
    """Raises WrongFieldError where a time is further ahead than clocks differ, or before 1970."""
    if given.occurred_at is None:
        return
    if receipt.mendable and given.occurred_at > receipt.received_at + ahead:
        raise WrongFieldError("occurred_at", f"is more than {ahead} ahead of our clock")
    if given.occurred_at < _EPOCH:
        raise WrongFieldError("occurred_at", "is before 1970")


def event_id(given: Delivery, source: Source, named: UUID, receipt: Receipt) -> UUID:
    """The event's id, by the first that there is: the delivery's own id, the key, its time.

    `named` is the lead by what the delivery itself says: what an alias makes of it comes and goes,
    and a retry must not become another event by that. A delivery with a time of its own and no id
    is told from others by its whole body. Kind and type are part of each id, so that one id of the
    sender's for a registration and for what followed from it is two events.
    """
    sent_at, part = given.occurred_at, _part(given, receipt.part)
    if given.delivery_id is not None:
        return identity.delivery_event_id(
            given.source, given.delivery_id, named, sent_at, part=part
        )
    if receipt.key is not None or sent_at is not None:
        return identity.delivery_event_id(
            given.source, receipt.key or "", named, sent_at, receipt.body, part
        )
    # The same enquiry within a day is a form that was sent again; the same call is another call.
    horizon = source.retry_horizon if isinstance(given, LeadIn) else source.repeat_horizon
    return identity.digest_event_id(
        given.source, receipt.body, named, receipt.received_at, horizon, part
    )


def _part(given: Delivery, part: str) -> str:
    """The `part` of an id, with kind and type in front.

    An enquiry has neither in front, so that its id is the one that older releases gave it. No
    sender has a part that begins with a kind.
    """
    match given:
        case ActivityIn():
            fact = f"activity:{given.type.value}"
        case FollowupIn():
            fact = f"followup:{given.type.value}"
        case _:
            return part
    return f"{fact}:{part}" if part else fact


def captured(
    given: LeadIn, brand: str, lead_id: UUID, bundle: Bundle, receipt: Receipt
) -> LeadCaptured:
    """The enquiry as an event. Raises WrongFieldError for a custom value of the wrong type."""
    custom, unknown = custom_fields(given.custom, bundle.definitions)
    occurred_at = happened_at(given, receipt)
    said = Profile(
        brand=brand,
        source=given.source,
        external_id=given.external_id,
        contact=given.whole_contact(),
        company=plain(Company, given.company),
        campaign=plain(Campaign, given.campaign),
        consent=consents.dated(plain(Consent, given.consent), occurred_at),
        request=plain(Request, given.request),
        custom=custom,
    )
    answers = {**given.answers, **given.undeclared(), **unknown}
    source = bundle.sources[given.source]
    understood = understanding.understood(said, answers, source, bundle.definitions)
    test_mark = test_leads.mark(given.test, understood.profile, answers, bundle.definitions)
    return LeadCaptured(
        lead_id=lead_id,
        occurred_at=occurred_at,
        received_at=receipt.received_at,
        delivery_id=given.delivery_id,
        profile=understood.profile,
        answers=answers,
        as_sent=understood.as_sent,
        test=test_mark is not None,
        test_mark=test_mark,
        history=None if given.history is None else plain(History, given.history),
    )


def activity(
    given: ActivityIn, lead_id: UUID, definitions: Definitions, receipt: Receipt
) -> LeadActivity:
    """The activity as an event."""
    said = LeadActivity(
        lead_id=lead_id,
        occurred_at=happened_at(given, receipt),
        source=given.source,
        received_at=receipt.received_at,
        type=given.type,
        subject=given.subject,
        bot=given.bot,
        answers={**given.answers, **given.undeclared()},
    )
    bot_mark = bots.mark(said, said.answers, definitions)
    return said.model_copy(update={"bot": bot_mark is not None, "bot_mark": bot_mark})


def followup(
    given: FollowupIn, brand: str, lead_id: UUID, definitions: Definitions, receipt: Receipt
) -> LeadFollowup:
    """The follow-up as an event.

    Raises WrongFieldError where it gives a lead back for a reason that the bundle's table has not:
    nobody could tell what should become of the lead.
    """
    if given.type in _GIVING_BACK and given.reason is not None:
        codes = [reason.code for reason in definitions.reasons_for(given.type)]
        if given.reason not in codes:
            raise WrongFieldError(
                "reason",
                f"the policy has no such reason for '{given.type}'"
                f"{did_you_mean(given.reason, codes)}",
            )
    said = declared(given)
    return LeadFollowup.model_validate(
        {name: said[name] for name in LeadFollowup.model_fields if name in said}
        | {
            "lead_id": lead_id,
            "occurred_at": happened_at(given, receipt),
            "received_at": receipt.received_at,
            "brand": brand,
            "answers": {**given.answers, **given.undeclared()},
        }
    )


def erased(lead_id: UUID, given: ErasureIn, receipt: Receipt) -> LeadErased:
    """That all of the lead's data up to the request must go.

    One that was passed on reaches up to when it was made, where its sender says so: a retry must
    not take with it what the person has sent since. A time that is longer ago than any sender goes
    on trying is none that a sender can mean.
    """
    asked_at = receipt.received_at
    if isinstance(given, PassedOnErasure) and given.occurred_at is not None:
        said = given.occurred_at
        if receipt.received_at - _LONGEST_RETRY <= said < receipt.received_at:
            asked_at = said
    return LeadErased(
        lead_id=lead_id, occurred_at=asked_at, requested_by=given.requested_by, why=given.why
    )


def erasure_id(lead_id: UUID, given: ErasureIn, receipt: Receipt) -> UUID:
    """The id of a request to forget a lead.

    Each is one of its own, unless it has a key, or was passed on with an id or a time.
    """
    if isinstance(given, PassedOnErasure) and (given.delivery_id or given.occurred_at):
        return identity.delivery_event_id(
            given.source,
            given.delivery_id or "",
            lead_id,
            given.occurred_at,
            None if given.delivery_id else receipt.body,
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
    given: Mapping[str, JsonValue], definitions: Definitions
) -> tuple[dict[str, Scalar], dict[str, JsonValue]]:
    """The declared fields, typed, and by their path those that nobody declared.

    Raises WrongFieldError for a value that does not fit its field.
    """
    custom: dict[str, Scalar] = {}
    unknown: dict[str, JsonValue] = {}
    for name, value in given.items():
        field = definitions.custom_field(name)
        if field is None:
            unknown[f"custom.{name}"] = value
            continue
        try:
            typed = field.coerce(value)
        except CustomValueError as error:
            raise WrongFieldError(f"custom.{name}", error.reason) from error
        if typed is not None:
            custom[name] = typed
    return custom, unknown


def happened_at(given: Delivery, receipt: Receipt) -> datetime:
    """When it happened. Never after it was received: a sender's clock may be ahead of ours."""
    return min(given.occurred_at or receipt.received_at, receipt.received_at)
