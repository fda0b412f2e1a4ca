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
from ingest.deadline import DATABASE_AWAY
from ingest.metrics import IngestMetrics
from ingest.publish.circuit import Circuit
from ingest.publish.spool import Spool
from ingest.publish.spool_store import Spooled, SpoolTable

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
        # Rows that this release can't send, and why: they stay for one that can.
        self._unsendable: dict[int, str] = {}
        self._page_was_short = False

    async def run(self, times: Times, clock: Callable[[], datetime]) -> None:
        """Look once in `times.look`, and at once when something was spooled; until cancelled."""
        while True:
            try:
                rows = await self._spool.look(self._metrics, clock())
                await self._forget_what_is_gone()
                self._say_what_is_wrong()
                waits = rows or self._spool.used
                if waits and self._circuit.closed.is_set() and await self._forward(rows):
                    continue
            except DATABASE_AWAY as error:
                _LOG.warning("the spool can't be read", why=type(error).__name__)
            there = self._circuit.closed.is_set()
            wake = self._spool.filled if there else self._circuit.closed
            await _wait(wake, times.look)
            self._spool.filled.clear()

    async def _forget_what_is_gone(self) -> None:
        """Another process, of a release that can send it, may have done so."""
        if self._unsendable:
            left = await self._table.left_of(self._unsendable)
            self._unsendable = {id_: why for id_, why in self._unsendable.items() if id_ in left}

    def _say_what_is_wrong(self) -> None:
        if self._spool.full:
            self._status.not_ready("spool", _FULL)
        elif self._unsendable:
            events, why = len(self._unsendable), "; ".join(sorted(set(self._unsendable.values())))
            self._status.not_ready(
                "spool",
                f"{events} events in the spool can't be sent by this release: {why}; "
                "start the release that wrote them",
            )
        else:
            self._status.ready("spool")

    async def _forward(self, rows: int) -> bool:
        """Whether something was forwarded; the last page while nobody adds to it."""
        # `rows` also counts what was put off, and what lies between and is gone.
        if rows > PAGE and not self._page_was_short:
            return await self._forward_page()
        async with self._spool.handing_over():
            return await self._forward_page()

    async def _forward_page(self) -> bool:
        """Whether something was forwarded or put off."""
        async with connection(self._pool) as db, db.transaction():
            page = await self._table.page(db, PAGE, self._unsendable)
            if not page:
                return False
            self._page_was_short = len(page) < PAGE
            rows = self._sendable(page)
            sent = await self._circuit.send_all(
                [(row.message, row.shard) for row in rows if row.message is not None]
            )
            done = deletable(rows, sent)
            await self._table.delete(db, done)
        _LOG.info("forwarded from the spool", events=len(done))
        return bool(done) or len(rows) < len(page)

    def _sendable(self, page: Sequence[Spooled]) -> list[Spooled]:
        """Postpone an event that can never be sent, so that it does not stop the others."""
        refused = {row.id: why for row in page if (why := self._refusal(row)) is not None}
        if refused:
            self._unsendable |= refused
            reasons = sorted(set(refused.values()))
            _LOG.error("events in the spool can't be sent", events=len(refused), why=reasons)
        return [row for row in page if row.id not in refused]

    def _refusal(self, row: Spooled) -> str | None:
        if row.message is None:
            return "the headers in a row can't be read"
        return self._circuit.refusal(row.message, row.shard)


def deletable(rows: Sequence[Spooled], sent: Sequence[bool]) -> list[int]:
    """The ids of the rows that need not be sent again. Events of a shard after a failed one are
    sent again, although Kafka has them: readers drop duplicates, but a wrong order could not be
    repaired.
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
