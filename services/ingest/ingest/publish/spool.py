"""The spool of this process: what Kafka could not take, kept in order until it can."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ingest.deadline import within
from ingest.metrics import IngestMetrics
from ingest.publish.spool_store import Addressed, SpoolSize, SpoolTable

_BETWEEN_COUNTS = timedelta(seconds=10)


class SpoolFullError(Exception):
    """The spool has as much as it may; nothing is added until some of it has been forwarded."""


@dataclass(frozen=True, slots=True)
class SpoolBounds:
    """The most that may be in the spool, of all processes together."""

    rows: int
    bytes: int

    def allow(self, size: SpoolSize) -> bool:
        return size.rows < self.rows and size.bytes < self.bytes


class Spool:
    """The spool, and of which shards this process has events in it."""

    def __init__(self, table: SpoolTable, patience: timedelta, bounds: SpoolBounds) -> None:
        self._table = table
        self._patience = patience
        self._bounds = bounds
        self._count_from = datetime.min.replace(tzinfo=UTC)
        self.full = False
        self._shards: set[int] = set()
        self._adding = 0
        self._nothing_added = asyncio.Event()
        self._nothing_added.set()
        self._open = asyncio.Event()
        self._open.set()
        self.filled = asyncio.Event()
        """Set when there is something to forward."""

    @property
    def used(self) -> bool:
        """Whether any of this process's shards goes through the spool."""
        return bool(self._shards)

    def holds(self, shard: int) -> bool:
        """Whether this process has events of the shard in the spool: later ones must follow."""
        return shard in self._shards

    async def handed_over(self, shards: Collection[int]) -> bool:
        """Wait while the last events of these shards are handed over.

        False where that takes too long: the database hangs, and Kafka alone is left to be tried.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._patience.total_seconds()):
                while not self._open.is_set() and not self._shards.isdisjoint(shards):
                    await self._open.wait()
                return True
        return False

    async def add(self, event: Addressed, now: datetime) -> None:
        """Keep an event.

        Raises SpoolFullError, and one of DATABASE_AWAY: then the event may be kept all the same.
        """
        if self.full:
            raise SpoolFullError
        self._shards.add(event.shard)
        self._adding += 1
        self._nothing_added.clear()
        try:
            await within(self._patience, self._table.add([event], now))
        finally:
            self._adding -= 1
            if not self._adding:
                self._nothing_added.set()
        self.filled.set()

    async def look(self, metrics: IngestMetrics, now: datetime) -> int:
        """How many events of any process there are, at most; whether it is full is known then."""
        size = await self._table.size()
        if self._bounds.allow(size):
            self.full = False
        elif now >= self._count_from:
            size = await self._table.counted()
            self._count_from = now + _BETWEEN_COUNTS
            self.full = not self._bounds.allow(size)
        metrics.spool_rows.set(size.rows)
        metrics.spool_bytes.set(size.bytes)
        metrics.spool_age.set(0 if size.oldest is None else (now - size.oldest).total_seconds())
        return size.rows

    @asynccontextmanager
    async def handing_over(self) -> AsyncIterator[None]:
        """For the time of the block, events that would follow others through the spool wait.

        At its end, those shards are let go of which nothing is left; without such a moment, a
        shard that is never quiet would go through the spool for ever.
        """
        self._open.clear()
        try:
            await self._nothing_added.wait()
            before = set(self._shards)
            yield
            self._shards -= before - await self._table.shards()
        finally:
            self._open.set()
