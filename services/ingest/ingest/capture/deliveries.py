"""Takes the items of an authentic webhook delivery, and keeps the delivery if one of them fails."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from pydantic import JsonValue

from baton.logs import logger
from ingest.capture import submissions
from ingest.capture.erasures import Erasures
from ingest.capture.intake import Intake, IntakeResult
from ingest.capture.misfits import fitted
from ingest.capture.origin import signed_source
from ingest.capture.receipt import Receipt, ReceivedDelivery
from ingest.capture.submissions import ActivityIn, FollowupIn, PassedOnErasure
from ingest.deadline import DATABASE_AWAY
from ingest.errors import ConflictError, IntakeError, RejectedError, StorageAwayError
from ingest.features.enrichment.fetcher import Fetcher
from ingest.features.enrichment.store import Incomplete
from ingest.features.failed.failure import failed_delivery
from ingest.features.failed.store import FailedDelivery
from ingest.metrics import IngestMetrics
from ingest.policy.source import SignedSource
from ingest.publish.publisher import State
from ingest.senders.catalogue import sender_of
from ingest.senders.kit.delivery import Delivery
from ingest.senders.kit.drafts import (
    ActivityDraft,
    Draft,
    ErasureDraft,
    FollowupDraft,
    LeadDraft,
)
from ingest.senders.kit.items import Fetch, Ignored, Item, ItemResult, Unreadable

Keep = Callable[[FailedDelivery, datetime], Awaitable[None]]
"""Keeps a delivery that was not understood. Raises one of DATABASE_AWAY."""

FetchLater = Callable[[Incomplete], Awaitable[None]]
"""Notes what is to be fetched. Raises one of DATABASE_AWAY."""

_TOGETHER = 32
"""So many things that one delivery tells are published at once: its sender waits for all."""
_LOG = logger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of each item of a delivery: taken, or the reason why it was not taken."""

    became: Sequence[IntakeResult | str]

    @property
    def results(self) -> list[IntakeResult]:
        return [result for result in self.became if isinstance(result, IntakeResult)]

    @property
    def lead_ids(self) -> list[UUID]:
        """The leads of the items that were taken, as far as they are known."""
        return [results.lead_id for results in self.results if results.lead_id is not None]

    @property
    def why(self) -> str | None:
        """Why some of it was not understood; None where all was."""
        reasons = dict.fromkeys(result for result in self.became if isinstance(result, str))
        return "; ".join(reasons) or None


class DeliveryCapture:
    """Takes what authentic deliveries tell. Each method raises TryLaterError."""

    def __init__(
        self,
        intake: Intake,
        erasures: Erasures,
        keep: Keep,
        fetch_later: FetchLater,
        id_key: bytes,
        metrics: IngestMetrics,
    ) -> None:
        self._intake = intake
        self._erasures = erasures
        self._keep = keep
        self._fetch_later = fetch_later
        self._id_key = id_key
        self._metrics = metrics

    def source(self, name: str) -> SignedSource:
        """A source of the bundle in force. Raises as `signed_source`."""
        return signed_source(name, self._intake.bundle())

    def received(self, name: str, delivery: Delivery) -> ReceivedDelivery:
        """A delivery that came now. Raises as `source`."""
        receipt = self._intake.receipt(delivery.body)
        return ReceivedDelivery(name, self.source(name), delivery, receipt)

    async def outcome(self, received: ReceivedDelivery) -> Outcome:
        """Take each item of the delivery."""
        source = received.source
        try:
            items = sender_of(source).read(source, received.delivery)
        except RejectedError as error:
            return Outcome([error.reason])
        became: list[IntakeResult | str] = []
        for start in range(0, len(items), _TOGETHER):
            page = (self._item(received, item) for item in items[start : start + _TOGETHER])
            for results in await asyncio.gather(*page, return_exceptions=True):
                if isinstance(results, BaseException):
                    raise results
                became += results
        return Outcome(became)

    async def again(self, failed: FailedDelivery) -> Outcome:
        """Take a failed delivery again, with the time at which it was received first.

        Raises ConflictError where the bundle no longer has its source.
        """
        bundle = self._intake.bundle()
        try:
            source = signed_source(failed.source, bundle)
        except IntakeError as error:
            raise ConflictError(error.reason, title="Unknown source") from error
        receipt = replace(self._intake.receipt(failed.body), received_at=failed.received_at)
        delivery = sender_of(source).readable(source, Delivery(failed.headers, failed.body))
        return await self.outcome(ReceivedDelivery(failed.source, source, delivery, receipt))

    async def keep_failed(self, received: ReceivedDelivery, outcome: Outcome) -> UUID:
        """Keep the delivery whole, under the id that is returned."""
        failed = failed_delivery(received, outcome.why or "", outcome.lead_ids, self._id_key)
        try:
            await self._keep(failed, received.receipt.received_at)
        except DATABASE_AWAY as error:
            raise StorageAwayError from error
        self._metrics.deliveries.labels(received.name, "kept").inc()
        _LOG.warning("a delivery could not be read", source=received.name, delivery=str(failed.id))
        return failed.id

    async def complete(self, incomplete: Incomplete, fetcher: Fetcher) -> None:
        """Fetch the details of a lead, and take it as if it had come with them.

        Raises RejectedError where they make no lead, and what fetching raises.
        """
        name = incomplete.delivery.source
        source = self.source(name)
        completing = sender_of(source).completing
        if completing is None:
            raise RejectedError("its sender kind never sends an id alone")
        details = await fetcher.details(source, incomplete.fetch)
        draft = completing(source, incomplete.draft, details)
        receipt = Receipt(
            incomplete.delivery.body,
            incomplete.delivery.received_at,
            strict=False,
            traceparent=incomplete.traceparent,
            event_id=incomplete.event_id,
        )
        await self._lead(name, draft, receipt)

    async def _item(
        self, received: ReceivedDelivery, item: ItemResult
    ) -> Sequence[IntakeResult | str]:
        """The result of an item, or why it is not understood."""
        if isinstance(item, Unreadable):
            return [item.reason]
        if isinstance(item, Ignored):
            return []
        try:
            return await self._take(received, item)
        except RejectedError as error:
            return [error.reason]

    async def _take(self, received: ReceivedDelivery, item: Item) -> Sequence[IntakeResult]:
        if item.fetch is not None:
            return [await self._fetch(received, item, item.fetch)]
        receipt = replace(received.receipt, part=item.part, strict=False)
        match item.draft:
            case LeadDraft():
                return [await self._lead(received.name, item.draft, receipt)]
            case ActivityDraft():
                activity = submissions.read(ActivityIn, _document(received.name, item.draft))
                return [await self._intake.activity(activity, receipt)]
            case FollowupDraft():
                followup = submissions.read(FollowupIn, _document(received.name, item.draft))
                return [await self._intake.followup(followup, receipt)]
            case ErasureDraft():
                # What was said to one brand is not the other brands' to forget.
                brand: dict[str, JsonValue] = {"brand": received.source.brand}
                document = brand | _document(received.name, item.draft)
                request = submissions.read(PassedOnErasure, document)
                return await self._erasures.take(request, receipt)

    async def _lead(self, name: str, draft: LeadDraft, receipt: Receipt) -> IntakeResult:
        lead, misfits = fitted(_document(name, draft), self._intake.bundle().definitions)
        result = await self._intake.lead(lead, receipt)
        if misfits:
            self._metrics.unfitting_values.labels(name).inc(len(misfits))
            _LOG.warning("values do not fit their fields", source=name, fields=list(misfits))
        return result

    async def _fetch(self, received: ReceivedDelivery, item: Item, fetch: Fetch) -> IntakeResult:
        """Store the lead for enrichment: its details are fetched later, under the event id that it
        has from now on. A retry gets the same id, so its details are fetched once.
        """
        name = received.name
        if not isinstance(item.draft, LeadDraft) or received.source.details is None:
            raise RejectedError(
                f"its details can't be fetched: the bundle has no `details` for {name}"
            )
        receipt = replace(received.receipt, part=item.part, strict=False)
        lead, _ = fitted(_document(name, item.draft), self._intake.bundle().definitions)
        event_id, named = self._intake.at_receipt(lead, receipt)
        incomplete = Incomplete(
            event_id=event_id,
            draft=item.draft,
            part=item.part,
            fetch=fetch,
            delivery=failed_delivery(received, "it waits for its details", [named], self._id_key),
            traceparent=receipt.traceparent,
            attempts=0,
            due_at=receipt.received_at,
        )
        try:
            await self._fetch_later(incomplete)
        except DATABASE_AWAY as error:
            raise StorageAwayError from error
        self._metrics.deliveries.labels(name, State.FETCHING.value).inc()
        return IntakeResult(None, event_id, State.FETCHING)


def _document(name: str, draft: Draft) -> dict[str, JsonValue]:
    """The document from which a submission is read."""
    return {**draft.document(), "source": name}
