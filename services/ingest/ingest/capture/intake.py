"""The steps of taking a submission: whose it is, which event it becomes, and where that goes."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar
from uuid import UUID

from baton.cloudevents import Event
from baton.events import LeadActivity, LeadCaptured, LeadErased, LeadEvent, LeadFollowup
from baton.policy.bundle import Bundle
from baton.tracing import current_traceparent
from ingest.capture import events
from ingest.capture.events import AnyLead, event_id
from ingest.capture.origin import brand_of, check_time, person_of, source_of
from ingest.capture.receipt import Receipt
from ingest.capture.submissions import ActivityIn, FollowupIn, LeadIn, Submission, validation
from ingest.deadline import DATABASE_AWAY
from ingest.errors import IntakeError, RejectedError, StorageAwayError, TryLaterError
from ingest.features.quarantine.decisions import holding
from ingest.features.quarantine.store import QuarantinedEnquiry
from ingest.features.unmatched.queue import UnmatchedQueue, unnamed
from ingest.identity.aliases import AliasKind, AliasName, SeveralLeadsError, lead_named
from ingest.identity.person import BY_EMAIL, Identified, Person
from ingest.metrics import IngestMetrics
from ingest.policy.sources import Source
from ingest.publish.publisher import Publisher, State

LeadsOf = Callable[[Sequence[AliasName]], Awaitable[Mapping[AliasName, Sequence[UUID]]]]
"""The leads of each name, the one that was seen last first. Raises one of DATABASE_AWAY."""

Hold = Callable[[Sequence[QuarantinedEnquiry]], Awaitable[Sequence[State]]]
"""Puts enquiries in quarantine. Raises StorageAwayError."""

NamesALead = TypeVar("NamesALead", LeadActivity, LeadFollowup)

Enquiry = Event[LeadCaptured] | QuarantinedEnquiry


class PolicyInForce(Protocol):
    """The runtime's policy feed: the newest known bundle, without any I/O."""

    def in_force(self, now: datetime) -> Bundle | None:
        """None until a bundle is in force."""


@dataclass(frozen=True, slots=True)
class _Whose:
    """The lead id from a submission's own fields. With a `person`, the aliases may know another
    lead.
    """

    named_lead_id: UUID
    person: Person | None = None


@dataclass(frozen=True, slots=True)
class IntakeResult:
    """The result of an accepted submission. `lead_id` is None while the submission is unmatched."""

    lead_id: UUID | None
    event_id: UUID
    state: State


class Intake:
    """Accepts submissions. Each method raises IntakeError; then nothing of the submission is
    stored. If an activity or follow-up names its lead only by a record or a phone number, its lead
    is looked up in the aliases, because the lead's id is made from its email. If the aliases do not
    know the name, the submission is stored as unmatched. If the aliases cannot be read, the sender
    must send it again: a guessed lead could not be corrected after publishing.
    """

    def __init__(  # noqa: PLR0913 - the parts of the edge, each by its name
        self,
        *,
        id_key: bytes,
        policy: PolicyInForce,
        leads_of: LeadsOf,
        publisher: Publisher,
        hold: Hold,
        unmatched: UnmatchedQueue,
        clock: Callable[[], datetime],
        ahead: timedelta,
        metrics: IngestMetrics,
    ) -> None:
        self._id_key = id_key
        self._policy = policy
        self._leads_of = leads_of
        self._publisher = publisher
        self._hold = hold
        self._unmatched = unmatched
        self._clock = clock
        self._ahead = ahead
        self._metrics = metrics

    def bundle(self) -> Bundle:
        """The bundle in force. Raises TryLaterError where this process knows none."""
        bundle = self._policy.in_force(self._clock())
        if bundle is None:
            raise TryLaterError(
                "ingest accepts leads once a bundle is in force that this release can read; "
                "/readyz says more",
                title="No policy to go by",
            )
        return bundle

    def receipt(self, body: bytes, key: str | None = None) -> Receipt:
        """The receipt of a delivery that arrives at our own API now."""
        return Receipt(body, self._clock(), key, traceparent=current_traceparent())

    async def lead(self, submission: LeadIn, receipt: Receipt) -> IntakeResult:
        """Take an enquiry."""
        enquiry = self.enquiry(submission, receipt)
        if isinstance(enquiry, QuarantinedEnquiry):
            (state,) = await self._hold([enquiry])
        else:
            state = await self._publisher.publish(enquiry)
        return self._captured(enquiry, state)

    def enquiry(self, submission: LeadIn, receipt: Receipt) -> Enquiry:
        """The event of an enquiry, or the enquiry in quarantine if a rule of the bundle stops it.
        It needs no look-up.
        """
        bundle = self.bundle()
        with validation():
            source, brand = self._from(submission, receipt, bundle)
            lead_id = self._identified(submission, source, brand, receipt).lead_id
            data = events.captured(submission, brand, lead_id, bundle, receipt)
            id_ = receipt.event_id or event_id(submission, source, lead_id, receipt)
            event = events.event(data, id_, receipt, bundle)
            return holding(event, bundle) or event

    def at_receipt(self, submission: LeadIn, receipt: Receipt) -> tuple[UUID, UUID]:
        """The event id and the lead id of an enquiry whose details are still missing. The event id
        stays; the lead id may change when the details are known.
        """
        source, brand = self._from(submission, receipt, self.bundle())
        lead_id = self._identified(submission, source, brand, receipt).lead_id
        return event_id(submission, source, lead_id, receipt), lead_id

    async def enquiries(self, enquiries: Sequence[Enquiry]) -> list[IntakeResult | IntakeError]:
        """Accept many enquiries at once and return the result of each. Enquiries of one lead are
        published in their order.
        """
        to_quarantine = [
            candidate for candidate in enquiries if isinstance(candidate, QuarantinedEnquiry)
        ]
        to_publish = [
            candidate for candidate in enquiries if not isinstance(candidate, QuarantinedEnquiry)
        ]
        published = iter(await self._publisher.publish_all(to_publish))
        quarantined = iter(await self._quarantine(to_quarantine))
        put = [
            next(quarantined) if isinstance(candidate, QuarantinedEnquiry) else next(published)
            for candidate in enquiries
        ]
        return [
            self._captured(enquiry, where) if isinstance(where, State) else where
            for enquiry, where in zip(enquiries, put, strict=True)
        ]

    async def _quarantine(
        self, enquiries: Sequence[QuarantinedEnquiry]
    ) -> Sequence[State | IntakeError]:
        try:
            return await self._hold(enquiries) if enquiries else []
        except StorageAwayError as error:
            return [error] * len(enquiries)

    async def activity(self, submission: ActivityIn, receipt: Receipt) -> IntakeResult:
        """Take an activity of a lead."""
        bundle = self.bundle()
        with validation():
            source, brand = self._from(submission, receipt, bundle)
            whose = self._whose(submission, submission.lead_id, source, brand, receipt)
            data = events.activity(submission, whose.named_lead_id, bundle.definitions, receipt)
            id_ = event_id(submission, source, whose.named_lead_id, receipt)
            event = events.event(data, id_, receipt, bundle)
        return await self._take(event, submission.source, whose)

    async def followup(self, submission: FollowupIn, receipt: Receipt) -> IntakeResult:
        """Take what a rep or a CRM did about a lead."""
        bundle = self.bundle()
        with validation():
            source, brand = self._from(submission, receipt, bundle)
            whose = self._whose(submission, submission.lead_id, source, brand, receipt)
            data = events.followup(
                submission, brand, whose.named_lead_id, bundle.definitions, receipt
            )
            id_ = event_id(submission, source, whose.named_lead_id, receipt)
            event = events.event(data, id_, receipt, bundle)
        return await self._take(event, submission.source, whose)

    def _from(self, submission: Submission, receipt: Receipt, bundle: Bundle) -> tuple[Source, str]:
        source = source_of(submission, bundle)
        check_time(submission, receipt, self._ahead)
        return source, brand_of(submission.brand, source, bundle)

    def _identified(
        self, submission: Submission, source: Source, brand: str, receipt: Receipt
    ) -> Identified:
        person = person_of(submission, brand, source)
        return person.identified(self._id_key, pass_over_unusable=not receipt.strict)

    def _whose(
        self,
        submission: Submission,
        lead_id: UUID | None,
        source: Source,
        brand: str,
        receipt: Receipt,
    ) -> _Whose:
        if lead_id is not None:
            return _Whose(lead_id)
        identified = self._identified(submission, source, brand, receipt)
        by_email = identified.by == BY_EMAIL
        person = None if by_email else person_of(submission, brand, source)
        return _Whose(identified.lead_id, person)

    async def _take(self, event: Event[NamesALead], source: str, whose: _Whose) -> IntakeResult:
        """Publish it for the lead that is said or known, or have it wait until one is known."""
        if whose.person is None:
            return await self.publish(event, source)
        names = whose.person.names()
        try:
            lead_id = lead_named(names, await self.known(names))
        except SeveralLeadsError as error:
            if names[0].kind is AliasKind.PHONE:
                reason = "is that of several leads: name one by its lead_id"
                raise RejectedError(reason, "phone") from error
            lead_id = None
        if lead_id is not None:
            return await self.publish(events.of_lead(event, lead_id), source)
        try:
            await self._unmatched.keep(unnamed(event, source, whose.person, self._id_key))
        except DATABASE_AWAY as error:
            raise StorageAwayError from error
        self._count(event.data, source, State.WAITING)
        return IntakeResult(None, event.id, State.WAITING)

    async def known(self, names: Sequence[AliasName]) -> Mapping[AliasName, Sequence[UUID]]:
        """The leads that the aliases know by each name. Raises StorageAwayError."""
        try:
            return await self._leads_of(names)
        except DATABASE_AWAY as error:
            raise StorageAwayError from error

    async def publish(self, event: Event[AnyLead], source: str) -> IntakeResult:
        """Put an event on its way, and count it under the source. Raises as `Publisher.publish`."""
        state = await self._publisher.publish(event)
        self._count(event.data, source, state)
        return IntakeResult(event.data.lead_id, event.id, state)

    def _captured(self, enquiry: Enquiry, state: State) -> IntakeResult:
        event = event_of(enquiry)
        self._count(event.data, event.data.profile.source, state)
        return IntakeResult(event.data.lead_id, event.id, state)

    def _count(self, data: LeadEvent, source: str, state: State) -> None:
        if not isinstance(data, LeadErased):
            self._metrics.undeclared_fields.labels(source).inc(len(getattr(data, "answers", ())))
        self._metrics.deliveries.labels(source, state.value).inc()


def event_of(enquiry: Enquiry) -> Event[LeadCaptured]:
    """The event of an enquiry, held or not."""
    return enquiry.event if isinstance(enquiry, QuarantinedEnquiry) else enquiry
