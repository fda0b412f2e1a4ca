"""A delivery that was not understood is read again, after the mapping has been mended."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from baton.logs import logger
from ingest.capture.deliveries import DeliveryCapture
from ingest.capture.intake import IntakeResult
from ingest.errors import ConflictError, UnknownError
from ingest.features.failed.store import FailedDeliveries
from ingest.metrics import IngestMetrics

_LOG = logger(__name__)


class Replays:
    """Has kept deliveries taken as they would have been when they came."""

    def __init__(
        self,
        failed: FailedDeliveries,
        capture: DeliveryCapture,
        clock: Callable[[], datetime],
        metrics: IngestMetrics,
    ) -> None:
        self._failed = failed
        self._capture = capture
        self._clock = clock
        self._metrics = metrics

    async def replay(self, delivery_id: UUID) -> list[IntakeResult]:
        """Read the delivery again and return the result of each of its items. Its events get the
        ids that they would have had, so a second replay has no further effect. Raises UnknownError,
        TryLaterError, or ConflictError if it was replayed already or still cannot be read; then it
        stays, with the new reason.
        """
        found = await self._failed.get(delivery_id)
        if found is None:
            raise unknown(delivery_id)
        delivery, stands = found
        if stands.replayed_at is not None:
            raise ConflictError(f"it was taken at {stands.replayed_at}", title="Replayed already")
        outcome = await self._capture.again(delivery)
        lead_ids = outcome.lead_ids
        if outcome.why is not None:
            await self._failed.failed_again(delivery_id, outcome.why, lead_ids, self._clock())
            raise ConflictError(outcome.why, title="Still not understood")
        await self._failed.replayed(delivery_id, lead_ids, self._clock())
        self._metrics.deliveries.labels(delivery.source, "replayed").inc()
        _LOG.info("a delivery was replayed", source=delivery.source, delivery=str(delivery_id))
        return outcome.results


def unknown(delivery_id: UUID) -> UnknownError:
    return UnknownError(f"there is no kept delivery {delivery_id}", title="No such delivery")
