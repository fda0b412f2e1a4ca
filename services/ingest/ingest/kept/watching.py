"""How many deliveries wait to be replayed is shown, and what is too old is removed."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from baton.logs import logger
from baton.metrics import IngestMetrics
from ingest.kept.store import FailedDeliveries
from ingest.patience import DATABASE_AWAY
from ingest.tables import FAILED_KEPT

_BETWEEN_LOOKS = timedelta(minutes=1)
_LOG = logger(__name__)


async def watch(
    failed: FailedDeliveries, clock: Callable[[], datetime], metrics: IngestMetrics
) -> None:
    """Once a minute; until cancelled."""
    while True:
        try:
            await failed.delete_before(clock() - FAILED_KEPT)
            waiting = await failed.waiting()
        except DATABASE_AWAY as error:
            _LOG.warning("kept deliveries can't be looked after", why=type(error).__name__)
        else:
            metrics.kept_deliveries.set(waiting.number)
            age = clock() - waiting.oldest if waiting.oldest else timedelta(0)
            metrics.kept_age.set(age.total_seconds())
        await asyncio.sleep(_BETWEEN_LOOKS.total_seconds())
