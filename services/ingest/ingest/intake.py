"""The steps of taking something in: whose it is, which event it becomes, and where that goes."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar
from uuid import UUID

from baton.cloudevents import Event
from baton.events import LeadCaptured, LeadErased, LeadEvent
from baton.metrics import IngestMetrics
from baton.policy.bundle import Bundle
from baton.policy.sources import Source
from baton.problems import Problem
from baton.tracing import current_traceparent
from ingest import capturing, refusals
from ingest.capturing import Receipt, WrongFieldError
from ingest.deliveries import ActivityIn, Delivery, ErasureIn, FollowupIn, LeadIn
from ingest.domain import AliasName, name_by_external_id, name_by_phone
from ingest.identifying import BY_EMAIL, BY_EXTERNAL_ID, Person, full_name
from ingest.patience import DATABASE_AWAY
from ingest.publishing import NOT_TAKEN, NotTaken, NowhereToPutItError, Publisher, State
from ingest.quarantine.holding import holding
from ingest.quarantine.store import Held
from ingest.understanding import lead as understanding

AnyLead = TypeVar("AnyLead", bound=LeadEvent)

Hold = Callable[[Sequence[Held]], Awaitable[Sequence[State]]]
"""Puts enquiries in quarantine. Raises NowhereToPutItError."""

LeadsOf = Callable[[AliasName], Awaitable[Sequence[UUID]]]
"""The leads of a name, the one that was seen last first. Raises one of DATABASE_AWAY."""


Enquiry = Event[LeadCaptured] | Held


class PolicyInForce(Protocol):
    """What the runtime's policy feed gives: the last that it heard of, without any I/O."""

    def in_force(self, now: datetime) -> Bundle | None:
        """None until a bundle is in force."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a delivery that was taken."""

    lead_id: UUID
    event_id: UUID
    state: State


class Intake:
    """Takes in what has been read.

    Each method raises Problem, or one of `refusals.REFUSED`; then nothing of the delivery is kept.

    Whom an activity or a follow-up is about that names only a record or a phone, the aliases know:
    a lead that was captured with an email has another id than that name makes. A name that they do
    not know stands for the lead that is captured with it and nothing else, be it later. While they
    can't be asked, the answer is 503: what is guessed and published can't be taken back.
    """

    def __init__(  # noqa: PLR0913 - the parts of the edge, each by its name
        self,
        *,
        id_key: bytes,
        policy: PolicyInForce,
        leads_of: LeadsOf,
        publisher: Publisher,
        hold: Hold,
        clock: Callable[[], datetime],
        ahead: timedelta,
        metrics: IngestMetrics,
    ) -> None:
        self.id_key = id_key
        self._policy = policy
        self._leads_of = leads_of
        self._publisher = publisher
        self._hold = hold
        self._clock = clock
        self._ahead = ahead
        self._metrics = metrics

    def bundle(self) -> Bundle:
        """The bundle in force. Raises Problem 503 where this process knows none."""
        bundle = self._policy.in_force(self._clock())
        if bundle is None:
            raise refusals.no_policy()
        return bundle

    def receipt(self, body: bytes, key: str | None = None) -> Receipt:
        """That a delivery to our own API came now."""
        return Receipt(body, self._clock(), key, traceparent=current_traceparent())

    async def lead(self, given: LeadIn, receipt: Receipt) -> Taken:
        """Take an enquiry."""
        enquiry = self.enquiry(given, receipt)
        try:
            if isinstance(enquiry, Held):
                (state,) = await self._hold([enquiry])
            else:
                state = await self._publisher.publish(enquiry)
        except NOT_TAKEN as error:
            raise refusals.not_taken(error) from error
        return self._captured(enquiry, state)

    def enquiry(self, given: LeadIn, receipt: Receipt) -> Enquiry:
        """The event of an enquiry, held where a rule of the bundle has it so.

        No look-up is needed for it.
        """
        bundle = self.bundle()
        source, brand = self._from(given, receipt, bundle)
        who = capturing.person_of(given, brand).identified(
            self.id_key, pass_over_unusable=not receipt.mendable
        )
        data = capturing.captured(given, brand, who.lead_id, bundle, receipt)
        id_ = capturing.event_id(given, source, who.lead_id, receipt)
        event = _event(data, id_, receipt, bundle)
        return holding(event, bundle) or event

    async def enquiries(self, enquiries: Sequence[Enquiry]) -> list[Taken | Problem]:
        """Take many at once. What became of each; those of one lead go out in their order."""
        held = [each for each in enquiries if isinstance(each, Held)]
        events = [each for each in enquiries if not isinstance(each, Held)]
        published = iter(await self._publisher.publish_all(events))
        kept = iter(await self._held(held))
        put = [next(kept) if isinstance(each, Held) else next(published) for each in enquiries]
        return [
            self._captured(enquiry, where)
            if isinstance(where, State)
            else refusals.not_taken(where)
            for enquiry, where in zip(enquiries, put, strict=True)
        ]

    async def _held(self, held: Sequence[Held]) -> Sequence[State | NotTaken]:
        try:
            return await self._hold(held) if held else []
        except NowhereToPutItError as error:
            return [error] * len(held)

    async def activity(self, given: ActivityIn, receipt: Receipt) -> Taken:
        """Take an activity of a lead."""
        bundle = self.bundle()
        source, brand = self._from(given, receipt, bundle)
        named, lead_id = await self._whose(given, given.lead_id, source, brand, receipt)
        data = capturing.activity(given, lead_id, receipt)
        id_ = capturing.event_id(given, source, named, receipt)
        return await self._publish(data, id_, receipt, bundle, given.source)

    async def followup(self, given: FollowupIn, receipt: Receipt) -> Taken:
        """Take what a rep or a CRM did about a lead."""
        bundle = self.bundle()
        source, brand = self._from(given, receipt, bundle)
        named, lead_id = await self._whose(given, given.lead_id, source, brand, receipt)
        data = capturing.followup(given, lead_id, bundle.definitions, receipt)
        id_ = capturing.event_id(given, source, named, receipt)
        return await self._publish(data, id_, receipt, bundle, given.source)

    async def erasure(self, given: ErasureIn, receipt: Receipt) -> list[Taken]:
        """Have every lead forgotten that the person may be, in all brands unless one is given."""
        bundle = self.bundle()
        taken = []
        for lead_id in await self._to_erase(given, bundle):
            data = capturing.erased(lead_id, given.why, given.requested_by, receipt.received_at)
            id_ = capturing.erasure_id(lead_id, receipt)
            taken.append(await self._publish(data, id_, receipt, bundle, "privacy"))
        return taken

    def _from(self, given: Delivery, receipt: Receipt, bundle: Bundle) -> tuple[Source, str]:
        source = capturing.source_of(given, bundle)
        capturing.check_time(given, receipt, self._ahead)
        return source, capturing.brand_of(given.brand, source, bundle)

    async def _whose(
        self, given: Delivery, lead_id: UUID | None, source: Source, brand: str, receipt: Receipt
    ) -> tuple[UUID, UUID]:
        """The lead by what is said, and by what is known."""
        if lead_id is not None:
            return lead_id, lead_id
        person = capturing.person_of(given, brand)
        said = person.identified(self.id_key, pass_over_unusable=not receipt.mendable)
        if said.by == BY_EMAIL:
            return said.lead_id, said.lead_id
        if said.by == BY_EXTERNAL_ID:
            known = await self._known(name_by_external_id(brand, given.source, given.external_id))
        else:
            number = understanding.phone(given.phone, None, source)
            known = await self._known(name_by_phone(brand, number))
            if not known and number != given.phone:
                known = await self._known(name_by_phone(brand, given.phone))
            if len(known) > 1:
                raise WrongFieldError("phone", "is that of several leads: name one by its lead_id")
        return said.lead_id, known[0] if known else said.lead_id

    async def _known(self, name: AliasName | None) -> Sequence[UUID]:
        if name is None:
            return ()
        try:
            return await self._leads_of(name)
        except DATABASE_AWAY as error:
            raise refusals.away() from error

    async def _to_erase(self, given: ErasureIn, bundle: Bundle) -> list[UUID]:
        if given.lead_id is not None:
            return [given.lead_id]
        if given.source is None and (given.external_id or given.phone):
            raise WrongFieldError("source", "is needed to tell whose external_id or phone it is")
        brands = {source.brand for source in bundle.sources.values()}
        found: dict[UUID, None] = {}
        for brand in sorted(brands) if given.brand is None else [given.brand]:
            person = Person(
                brand=brand,
                source=given.source or "",
                email=given.email,
                external_id=given.external_id,
                phone=given.phone,
                name=full_name(given.first_name, given.last_name),
            )
            found |= dict.fromkeys(who.lead_id for who in person.all(self.id_key))
            if given.source is not None:
                known = await self._known(
                    name_by_external_id(brand, given.source, given.external_id)
                )
                found |= dict.fromkeys(known)
        return list(found)

    async def _publish(
        self, data: LeadEvent, id_: UUID, receipt: Receipt, bundle: Bundle, source: str
    ) -> Taken:
        try:
            state = await self._publisher.publish(_event(data, id_, receipt, bundle))
        except NOT_TAKEN as error:
            raise refusals.not_taken(error) from error
        if not isinstance(data, LeadErased):
            self._metrics.undeclared_fields.labels(source).inc(len(getattr(data, "answers", ())))
        self._metrics.deliveries.labels(source, state.value).inc()
        return Taken(data.lead_id, id_, state)

    def _captured(self, enquiry: Enquiry, state: State) -> Taken:
        event = enquiry.event if isinstance(enquiry, Held) else enquiry
        source = event.data.profile.source
        self._metrics.undeclared_fields.labels(source).inc(len(event.data.answers))
        self._metrics.deliveries.labels(source, state.value).inc()
        return Taken(event.data.lead_id, event.id, state)


def _event(data: AnyLead, id_: UUID, receipt: Receipt, bundle: Bundle) -> Event[AnyLead]:
    return Event(
        id=id_,
        source=capturing.CE_SOURCE,
        time=receipt.received_at,
        subject=str(data.lead_id),
        data=data,
        traceparent=receipt.traceparent,
        policyversion=bundle.hash,
    )
