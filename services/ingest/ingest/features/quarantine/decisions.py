"""Puts enquiries into quarantine, releases them and discards them."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from baton.cloudevents import Event
from baton.events import LeadCaptured
from baton.logs import logger
from baton.policy.bundle import Bundle
from ingest.deadline import DATABASE_AWAY, within
from ingest.errors import ConflictError, StorageAwayError, UnknownError
from ingest.features.quarantine.store import Decision, QuarantinedEnquiry, QuarantineTable, Standing
from ingest.metrics import IngestMetrics
from ingest.publish.publisher import Publisher, State

_LOG = logger(__name__)


def holding(event: Event[LeadCaptured], bundle: Bundle) -> QuarantinedEnquiry | None:
    """The enquiry with the rule that stops it, or None. Test leads are never routed and imported
    leads already belong to sales, so neither is put into quarantine.
    """
    data = event.data
    is_exempt = data.test or data.history is not None
    found = None if is_exempt else bundle.definitions.holding(data.profile)
    if found is None:
        return None
    rule, outcome = found
    return QuarantinedEnquiry(event, rule.id, outcome.reasons(f"quarantine.{rule.id}", rule.label))


class Quarantine:
    """Stores enquiries instead of publishing them, until a person decides."""

    def __init__(
        self,
        table: QuarantineTable,
        publisher: Publisher,
        patience: timedelta,
        clock: Callable[[], datetime],
        metrics: IngestMetrics,
    ) -> None:
        self._table = table
        self._publisher = publisher
        self._patience = patience
        self._clock = clock
        self._metrics = metrics

    async def hold(self, enquiries: Sequence[QuarantinedEnquiry]) -> list[State]:
        """Store the enquiries and return the state of each. An enquiry that was released before
        stays published.

        Raises StorageAwayError: only PostgreSQL can hold an enquiry.
        """
        try:
            released = await within(self._patience, self._table.hold(enquiries))
        except DATABASE_AWAY as error:
            raise StorageAwayError from error
        return [
            State.PUBLISHED if enquiry.event.id in released else State.QUARANTINED
            for enquiry in enquiries
        ]

    async def release(self, event_id: UUID, by: str, why: str) -> State:
        """Publish an enquiry as if no rule had stopped it, under its original event id. So it takes
        effect once, whatever is killed or repeated in between. A discarded enquiry can still be
        released. Raises UnknownError, ConflictError if it was released already, and the errors of
        publishing.
        """
        enquiry, standing = await self._found(event_id)
        if standing.decision is Decision.RELEASED:
            raise _released(standing)
        state = await self._publisher.publish(enquiry.event)
        await self._decide(enquiry, Decision.RELEASED, by, why)
        return state

    async def discard(self, event_id: UUID, by: str, why: str) -> None:
        """Keep an enquiry from everybody for good.

        Raises UnknownError, and ConflictError once it is released.
        """
        enquiry, standing = await self._found(event_id)
        if standing.decision is Decision.RELEASED or not await self._decide(
            enquiry, Decision.DISCARDED, by, why
        ):
            raise _released(standing)

    async def _found(self, event_id: UUID) -> tuple[QuarantinedEnquiry, Standing]:
        found = await self._table.get(event_id)
        if found is None:
            raise unknown(event_id)
        return found

    async def _decide(
        self, enquiry: QuarantinedEnquiry, decision: Decision, by: str, why: str
    ) -> bool:
        decided = Standing(decision, self._clock(), by, why)
        counts = await self._table.decide(enquiry.event.id, decided)
        if counts:
            source = enquiry.event.data.profile.source
            self._metrics.deliveries.labels(source, decision.value).inc()
            _LOG.info(
                "an enquiry left quarantine", decision=decision, enquiry=str(enquiry.event.id)
            )
        return counts


def unknown(event_id: UUID) -> UnknownError:
    return UnknownError(f"no enquiry {event_id} is or was in quarantine", title="No such enquiry")


def _released(standing: Standing) -> ConflictError:
    at = f" at {standing.decided_at}" if standing.decided_at else ""
    return ConflictError(f"it was sent on{at}; sales can reject it", title="Released already")
