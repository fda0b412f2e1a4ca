"""Vendors are asked for details, again and again with pauses, up to a bound."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from baton import logs
from baton.logs import logger
from baton.times import Times
from ingest.deadline import DATABASE_AWAY
from ingest.errors import RejectedError, TryLaterError
from ingest.features.enrichment.fetcher import Fetcher, VendorNotReadyError
from ingest.features.enrichment.store import FetchTable, Incomplete
from ingest.features.failed.store import FailedDelivery
from ingest.metrics import IngestMetrics

AT_ONCE = 8
_FIRST_PAUSE = timedelta(seconds=5)
_LONGEST_PAUSE = 1_800.0
_BETWEEN_COUNTS = timedelta(seconds=15)
_LOG = logger(__name__)

Complete = Callable[[Incomplete, Fetcher], Awaitable[None]]
"""Fetches the details and takes the lead. Raises what fetching and taking do."""

Keep = Callable[[FailedDelivery, datetime], Awaitable[None]]
"""Keeps a delivery that was given up. Raises one of DATABASE_AWAY."""


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """`within`: so long after receipt a vendor is asked no more. `lease`: longer than an answer."""

    within: timedelta
    lease: timedelta


class FetchWorker:
    """Works off what is to be fetched; each item is one process's at a time."""

    def __init__(
        self,
        *,
        table: FetchTable,
        fetcher: Fetcher,
        complete: Complete,
        keep: Keep,
        limits: FetchLimits,
        clock: Callable[[], datetime],
        metrics: IngestMetrics,
    ) -> None:
        self._table = table
        self._fetcher = fetcher
        self._complete = complete
        self._keep = keep
        self._limits = limits
        self._clock = clock
        self._metrics = metrics
        self._counted_at: datetime | None = None

    async def run(self, times: Times) -> None:
        """Look for work every `times.look`, and again at once while there is more, until cancelled.
        If a fetch is in progress then, another process repeats it after the lease.
        """
        while True:
            more = False
            try:
                await self._count()
                more = await self._work()
            except DATABASE_AWAY as error:
                _LOG.warning(
                    "leads that wait for enrichment can't be read", why=type(error).__name__
                )
            if not more:
                await asyncio.sleep(times.look.total_seconds())

    async def _work(self) -> bool:
        claimed = await self._table.claim(self._clock(), self._limits.lease, AT_ONCE)
        await asyncio.gather(*map(self._try, claimed))
        return len(claimed) == AT_ONCE

    async def _try(self, incomplete: Incomplete) -> None:
        if not incomplete.readable:
            await self._later(incomplete, "its row is not as this release writes it")
            return
        try:
            await self._complete(incomplete, self._fetcher)
        except VendorNotReadyError as error:
            await self._later(incomplete, error.reason, error.after)
        except TryLaterError as error:
            await self._later(incomplete, error.reason)
        except RejectedError as error:
            await self._give_up(incomplete, error.reason)
        except DATABASE_AWAY:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the other leads go on
            kind = type(error).__name__
            _LOG.error(
                "enrichment failed by a fault of Baton",
                source=incomplete.delivery.source,
                error=kind,
                place=logs.stack_of(error),
            )
            await self._later(incomplete, f"a fault of ours, {kind}: the log says where")
        else:
            await self._table.done(incomplete.event_id)
            self._report_outcome(incomplete, "fetched")

    async def _later(
        self, incomplete: Incomplete, why: str, after: timedelta = timedelta(0)
    ) -> None:
        now = self._clock()
        if now - incomplete.delivery.received_at >= self._limits.within:
            await self._give_up(incomplete, why)
            return
        due_at = now + max(pause(incomplete.attempts), after)
        await self._table.put_off(incomplete.event_id, due_at, why)
        self._report_outcome(incomplete, "not_fetched")
        _LOG.warning("details could not be fetched", source=incomplete.delivery.source, why=why)

    async def _give_up(self, incomplete: Incomplete, why: str) -> None:
        """Kept first: what is in both tables for a moment is lost from neither."""
        delivery = incomplete.delivery
        failed = FailedDelivery(
            id=delivery.id,
            source=delivery.source,
            headers=delivery.headers,
            body=delivery.body,
            reason=f"{incomplete.fetch.record} {incomplete.fetch.id} could not be fetched: {why}",
            lead_ids=delivery.lead_ids,
            received_at=delivery.received_at,
        )
        await self._keep(failed, self._clock())
        await self._table.done(incomplete.event_id)
        self._report_outcome(incomplete, "kept")
        _LOG.warning(
            "a delivery could not be read", source=delivery.source, delivery=str(failed.id)
        )

    async def _count(self) -> None:
        now = self._clock()
        if self._counted_at is not None and now - self._counted_at < _BETWEEN_COUNTS:
            return
        backlog = await self._table.backlog()
        self._counted_at = now
        self._metrics.fetches.set(backlog.number)
        age = now - backlog.oldest if backlog.oldest else timedelta(0)
        self._metrics.fetches_age.set(age.total_seconds())

    def _report_outcome(self, incomplete: Incomplete, outcome: str) -> None:
        self._metrics.deliveries.labels(incomplete.delivery.source, outcome).inc()


def pause(attempts: int) -> timedelta:
    """Before the next attempt: twice as long each time up to a bound, a random half of it less.

    So a vendor that comes back is not asked for everything at one moment.
    """
    longest = min(_FIRST_PAUSE.total_seconds() * 2 ** min(attempts, 30), _LONGEST_PAUSE)
    return timedelta(seconds=random.uniform(longest / 2, longest))  # noqa: S311 - protects nothing
