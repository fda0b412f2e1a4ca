"""The steps of taking something in: whose it is, which event it becomes, and where that goes."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar
from uuid import UUID

from baton.cloudevents import Event
from baton.events import LeadActivity, LeadCaptured, LeadErased, LeadEvent, LeadFollowup
from baton.policy.bundle import Bundle
from baton.policy.sources import Source
from baton.problems import Problem
from baton.tracing import current_traceparent
from ingest.capture import events
from ingest.capture.events import AnyLead, Receipt, WrongFieldError
from ingest.capture.submissions import ActivityIn, Delivery, ErasureIn, FollowupIn, LeadIn, PersonIn
from ingest.deadline import DATABASE_AWAY
from ingest.edge import problems
from ingest.features.quarantine.decisions import holding
from ingest.features.quarantine.store import Held
from ingest.features.unmatched.queue import FullError, WaitingRoom, unnamed
from ingest.identity.aliases import (
    AliasKind,
    AliasName,
    SeveralLeadsError,
    lead_named,
    name_by_external_id,
)
from ingest.identity.person import BY_EMAIL, Person, full_name
from ingest.metrics import IngestMetrics
from ingest.publish.publisher import (
    NOT_TAKEN,
    NotTaken,
    NowhereToPutItError,
    Publisher,
    State,
    TooLargeEventError,
)

LeadsOf = Callable[[Sequence[AliasName]], Awaitable[Mapping[AliasName, Sequence[UUID]]]]
"""The leads of each name, the one that was seen last first. Raises one of DATABASE_AWAY."""

Hold = Callable[[Sequence[Held]], Awaitable[Sequence[State]]]
"""Puts enquiries in quarantine. Raises NowhereToPutItError."""

NamesALead = TypeVar("NamesALead", LeadActivity, LeadFollowup)


Enquiry = Event[LeadCaptured] | Held

SamePerson = Callable[[Sequence[UUID]], Awaitable[list[UUID]]]
"""These leads, and others of the same person. Raises one of DATABASE_AWAY."""


class PolicyInForce(Protocol):
    """What the runtime's policy feed gives: the last that it heard of, without any I/O."""

    def in_force(self, now: datetime) -> Bundle | None:
        """None until a bundle is in force."""


@dataclass(frozen=True, slots=True)
class _Whose:
    """The lead by what a delivery says. It is that of the `person`, unless a name is known."""

    said: UUID
    person: Person | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a delivery that was taken; while it waits, it has no lead."""

    lead_id: UUID | None
    event_id: UUID
    state: State


class Intake:
    """Takes in what has been read.

    Each method raises Problem, or one of `refusals.REFUSED`; then nothing of the delivery is kept.

    Whom an activity or a follow-up is about that names only a record or a phone, the aliases know:
    a lead that was captured with an email has another id than that name makes. One whose names they
    do not know waits until they do. While they can't be asked, the answer is 503: what is guessed
    and published can't be taken back.
    """

    def __init__(  # noqa: PLR0913 - the parts of the edge, each by its name
        self,
        *,
        id_key: bytes,
        policy: PolicyInForce,
        leads_of: LeadsOf,
        same_person: SamePerson,
        publisher: Publisher,
        hold: Hold,
        waiting_room: WaitingRoom,
        clock: Callable[[], datetime],
        ahead: timedelta,
        metrics: IngestMetrics,
    ) -> None:
        self.id_key = id_key
        self._policy = policy
        self._leads_of = leads_of
        self._same_person = same_person
        self._publisher = publisher
        self._hold = hold
        self._waiting_room = waiting_room
        self._clock = clock
        self._ahead = ahead
        self._metrics = metrics

    def bundle(self) -> Bundle:
        """The bundle in force. Raises Problem 503 where this process knows none."""
        bundle = self._policy.in_force(self._clock())
        if bundle is None:
            raise problems.no_policy()
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
            raise problems.not_taken(error) from error
        return self._captured(enquiry, state)

    def enquiry(self, given: LeadIn, receipt: Receipt) -> Enquiry:
        """The event of an enquiry, held where a rule of the bundle has it so.

        No look-up is needed for it.
        """
        bundle = self.bundle()
        source, brand = self._from(given, receipt, bundle)
        who = events.person_of(given, brand, source).identified(
            self.id_key, pass_over_unusable=not receipt.mendable
        )
        data = events.captured(given, brand, who.lead_id, bundle, receipt)
        id_ = receipt.event_id or events.event_id(given, source, who.lead_id, receipt)
        event = _event(data, id_, receipt, bundle)
        return holding(event, bundle) or event

    def at_receipt(self, given: LeadIn, receipt: Receipt) -> tuple[UUID, UUID]:
        """The ids of an enquiry's event and of the lead as far as it is named so far.

        The event's stays, whatever else becomes known; the lead may turn out to be another.
        """
        bundle = self.bundle()
        source, brand = self._from(given, receipt, bundle)
        named = events.person_of(given, brand, source).identified(
            self.id_key, pass_over_unusable=not receipt.mendable
        )
        return events.event_id(given, source, named.lead_id, receipt), named.lead_id

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
            else problems.not_taken(where)
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
        whose = self._whose(given, given.lead_id, source, brand, receipt)
        data = events.activity(given, whose.said, bundle.definitions, receipt)
        id_ = events.event_id(given, source, whose.said, receipt)
        return await self._take(_event(data, id_, receipt, bundle), given.source, whose)

    async def followup(self, given: FollowupIn, receipt: Receipt) -> Taken:
        """Take what a rep or a CRM did about a lead."""
        bundle = self.bundle()
        source, brand = self._from(given, receipt, bundle)
        whose = self._whose(given, given.lead_id, source, brand, receipt)
        data = events.followup(given, brand, whose.said, bundle.definitions, receipt)
        id_ = events.event_id(given, source, whose.said, receipt)
        return await self._take(_event(data, id_, receipt, bundle), given.source, whose)

    async def erasure(self, given: ErasureIn, receipt: Receipt) -> list[Taken]:
        """Have every lead forgotten that the person may be, in all brands unless one is given."""
        bundle = self.bundle()
        taken = []
        for lead_id in await self.leads_of(given):
            data = events.erased(lead_id, given, receipt)
            id_ = events.erasure_id(lead_id, given, receipt)
            taken.append(await self._publish(_event(data, id_, receipt, bundle), "privacy"))
        return taken

    def _from(self, given: Delivery, receipt: Receipt, bundle: Bundle) -> tuple[Source, str]:
        source = events.source_of(given, bundle)
        events.check_time(given, receipt, self._ahead)
        return source, events.brand_of(given.brand, source, bundle)

    def _whose(
        self, given: Delivery, lead_id: UUID | None, source: Source, brand: str, receipt: Receipt
    ) -> _Whose:
        if lead_id is not None:
            return _Whose(lead_id)
        person = events.person_of(given, brand, source)
        said = person.identified(self.id_key, pass_over_unusable=not receipt.mendable)
        return _Whose(said.lead_id, None if said.by == BY_EMAIL else person)

    async def _take(self, event: Event[NamesALead], source: str, whose: _Whose) -> Taken:
        """Publish it for the lead that is said or known, or have it wait until one is known."""
        if whose.person is None:
            return await self._publish(event, source)
        names = whose.person.names()
        try:
            lead_id = lead_named(names, await self._known(names))
        except SeveralLeadsError as error:
            if names[0].kind is AliasKind.PHONE:
                reason = "is that of several leads: name one by its lead_id"
                raise WrongFieldError("phone", reason) from error
            lead_id = None
        if lead_id is not None:
            return await self._publish(events.of_lead(event, lead_id), source)
        try:
            await self._waiting_room.keep(unnamed(event, source, whose.person, self.id_key))
        except FullError as error:
            raise problems.too_much_waits() from error
        except TooLargeEventError as error:
            raise problems.not_taken(error) from error
        except DATABASE_AWAY as error:
            raise problems.away() from error
        self._count(event.data, source, State.WAITING)
        return Taken(None, event.id, State.WAITING)

    async def _known(self, names: Sequence[AliasName]) -> Mapping[AliasName, Sequence[UUID]]:
        try:
            return await self._leads_of(names)
        except DATABASE_AWAY as error:
            raise problems.away() from error

    async def leads_of(self, given: PersonIn) -> list[UUID]:
        """Every lead that a person may be.

        Those that what is said of the person would make, and those that a sender's or the CRM's
        record has in common with them. While the aliases can't be asked, it is not known who all
        is meant: Problem 503.
        """
        found = await self._named(given)
        try:
            return await self._same_person(found)
        except DATABASE_AWAY as error:
            raise problems.away() from error

    async def _named(self, given: PersonIn) -> list[UUID]:
        bundle = self.bundle()
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
            name = name_by_external_id(brand, given.source or "", given.external_id)
            if name is not None:
                found |= dict.fromkeys((await self._known([name]))[name])
        return list(found)

    async def _publish(self, event: Event[AnyLead], source: str) -> Taken:
        try:
            state = await self._publisher.publish(event)
        except NOT_TAKEN as error:
            raise problems.not_taken(error) from error
        self._count(event.data, source, state)
        return Taken(event.data.lead_id, event.id, state)

    def _captured(self, enquiry: Enquiry, state: State) -> Taken:
        event = event_of(enquiry)
        self._count(event.data, event.data.profile.source, state)
        return Taken(event.data.lead_id, event.id, state)

    def _count(self, data: LeadEvent, source: str, state: State) -> None:
        if not isinstance(data, LeadErased):
            self._metrics.undeclared_fields.labels(source).inc(len(getattr(data, "answers", ())))
        self._metrics.deliveries.labels(source, state.value).inc()


def event_of(enquiry: Enquiry) -> Event[LeadCaptured]:
    """The event of an enquiry, held or not."""
    return enquiry.event if isinstance(enquiry, Held) else enquiry


def _event(data: AnyLead, id_: UUID, receipt: Receipt, bundle: Bundle) -> Event[AnyLead]:
    return Event(
        id=id_,
        source=events.CE_SOURCE,
        time=receipt.received_at,
        subject=str(data.lead_id),
        data=data,
        traceparent=receipt.traceparent,
        policyversion=bundle.hash,
    )
