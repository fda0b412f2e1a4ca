"""The way out of the spool, beside the requests."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import asyncpg

from baton.database import connection
from baton.logs import logger
from baton.runtime.status import Status
from baton.times import Times
from ingest.circuit import Circuit
from ingest.metrics import IngestMetrics
from ingest.patience import DATABASE_AWAY
from ingest.publishing import Spool
from ingest.store import Spooled, SpoolTable

PAGE = 500
_FULL = "the spool is full, so what Kafka does not take gets 503: bring Kafka back"
_LOG = logger(__name__)


class Forwarder:
    """Brings the spool to Kafka, its own process's events and those that others left."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        table: SpoolTable,
        spool: Spool,
        circuit: Circuit,
        metrics: IngestMetrics,
        status: Status,
    ) -> None:
        self._status = status
        self._pool = pool
        self._table = table
        self._spool = spool
        self._circuit = circuit
        self._metrics = metrics

    async def run(self, times: Times, clock: Callable[[], datetime]) -> None:
        """Look once in `times.look`, and at once when something was spooled; until cancelled."""
        while True:
            try:
                rows = await self._spool.look(self._metrics, clock())
                self._say_whether_full()
                waits = rows or self._spool.used
                if waits and self._circuit.closed.is_set() and await self._forward(rows):
                    continue
            except DATABASE_AWAY as error:
                _LOG.warning("the spool can't be read", why=type(error).__name__)
            there = self._circuit.closed.is_set()
            wake = self._spool.filled if there else self._circuit.closed
            await _wait(wake, times.look)
            self._spool.filled.clear()

    def _say_whether_full(self) -> None:
        if self._spool.full:
            self._status.not_ready("spool", _FULL)
        else:
            self._status.ready("spool")

    async def _forward(self, rows: int) -> bool:
        """Whether something was forwarded; the last page while nobody adds to it."""
        if rows > PAGE:
            return await self._forward_page()
        async with self._spool.handing_over():
            return await self._forward_page()

    async def _forward_page(self) -> bool:
        """Whether something was forwarded."""
        async with connection(self._pool) as db, db.transaction():
            rows = await self._table.page(db, PAGE)
            if not rows:
                return False
            sent = await self._circuit.send_all([(row.message, row.shard) for row in rows])
            done = deletable(rows, sent)
            await self._table.delete(db, done)
        _LOG.info("forwarded from the spool", events=len(done))
        return bool(done)


def deletable(rows: Sequence[Spooled], sent: Sequence[bool]) -> list[int]:
    """The ids of the rows that need not be sent again.

    What Kafka has of a shard behind something that failed is sent again after it: there it is seen
    as a duplicate, while the order would be lost for good.
    """
    failed: set[int] = set()
    done = []
    for row, has in zip(rows, sent, strict=True):
        if not has:
            failed.add(row.shard)
        elif row.shard not in failed:
            done.append(row.id)
    return done


async def _wait(event: asyncio.Event, at_most: timedelta) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(at_most.total_seconds()):
            await event.wait()
