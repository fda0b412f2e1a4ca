"""Retries unmatched deliveries when a name becomes known, and reports those that wait too long."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

import asyncpg

from baton import cloudevents, identity, logs
from baton.cloudevents import Event
from baton.database import connection
from baton.events import DeliveriesWaiting, LeadEvent
from baton.logs import logger
from baton.times import Times
from ingest.capture.events import CE_SOURCE, of_lead
from ingest.deadline import DATABASE_AWAY
from ingest.errors import TooLargeError
from ingest.features.unmatched import store
from ingest.features.unmatched.queue import UnmatchedQueue
from ingest.features.unmatched.store import GrownOld, Waiting
from ingest.identity.alias_store import leads_of
from ingest.identity.aliases import SeveralLeadsError, lead_named
from ingest.publish.publisher import addressed
from ingest.publish.spool import Spool
from ingest.publish.spool_store import Addressed, SpoolTable

PAGE = 200
_BETWEEN_REPORTS = timedelta(minutes=5)
_LOG = logger(__name__)


class Retrier:
    """Moves what waits to the spool, with its lead, under the id that it was given at receipt.

    The alias keeper marks what a new name may help. But it does not see what is put down while its
    transaction is open, so all that waits is also gone through, a page at a time.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        room: UnmatchedQueue,
        spool: Spool,
        spooled: SpoolTable,
        shards: int,
        old: timedelta,
    ) -> None:
        """`old`: the age at which what waits is reported."""
        self._pool = pool
        self._room = room
        self._spool = spool
        self._spooled = spooled
        self._shards = shards
        self._old = old
        self._gone_through = 0
        # Of what waits: what the log has been told of already.
        self._unusable: set[int] = set()
        self._reported_at: datetime | None = None

    async def run(self, times: Times, clock: Callable[[], datetime]) -> None:
        """Look once in `times.look`, and at once while there is more; until cancelled."""
        while True:
            more = False
            try:
                more = await self._try_again(clock())
                await self._report(clock())
                await self._room.look()
            except DATABASE_AWAY as error:
                _LOG.warning("unmatched deliveries can't be retried", why=type(error).__name__)
            if not more:
                await asyncio.sleep(times.look.total_seconds())

    async def _try_again(self, now: datetime) -> bool:
        """Whether more is marked than was tried."""
        async with connection(self._pool) as db:
            async with db.transaction():
                due = await store.lock_due(db, PAGE)
                await self._try(db, due, now)
            async with db.transaction():
                others = await store.lock_after(db, self._gone_through, PAGE)
                await self._try(db, others, now)
                self._gone_through = others[-1].number if len(others) == PAGE else 0
        return len(due) == PAGE

    async def _try(
        self, db: asyncpg.Connection, deliveries: Sequence[Waiting], now: datetime
    ) -> None:
        names = list(dict.fromkeys(name for delivery in deliveries for name in delivery.names))
        leads = await leads_of(db, names)
        found: dict[int, Addressed] = {}
        for delivery in deliveries:
            try:
                lead_id = lead_named(delivery.names, leads)
                if lead_id is not None:
                    found[delivery.number] = addressed(_of(delivery, lead_id), self._shards)
            except SeveralLeadsError:
                continue
            except Exception as error:  # noqa: BLE001 - whatever it is, the others go on
                self._say_once(delivery, type(error).__name__, logs.stack_of(error))
            if delivery.unreadable is not None:
                self._say_once(delivery, delivery.unreadable)
        await self._spooled.add_within(db, list(found.values()), now)
        await store.settle(
            db, found, [delivery.number for delivery in deliveries if delivery.number not in found]
        )
        if found:
            self._spool.filled.set()

    def _say_once(self, waiting: Waiting, why: str, place: str = "") -> None:
        """Log once that a delivery stays unmatched because this release cannot read it; another
        release may.
        """
        if waiting.number not in self._unusable:
            self._unusable.add(waiting.number)
            _LOG.error(
                "an unmatched delivery can't be read",
                source=waiting.source,
                delivery=str(waiting.event_id),
                why=why,
                place=place,
            )

    async def _report(self, now: datetime) -> None:
        """Once in a while, tell of what has grown old, and give up what is past its retention."""
        if self._reported_at is not None and now < self._reported_at + _BETWEEN_REPORTS:
            return
        async with connection(self._pool) as db, db.transaction():
            reports = await store.report(db, now - self._old, now)
            events = [
                event for report in reports if (event := self._report_of(report, now)) is not None
            ]
            await self._spooled.add_within(db, events, now)
        self._reported_at = now
        await self._room.give_up()
        for report in reports:
            _LOG.warning(
                "unmatched deliveries wait too long",
                source=report.source,
                deliveries=report.deliveries,
            )

    def _report_of(self, old: GrownOld, now: datetime) -> Addressed | None:
        """None where a row has a source's name that no event can have."""
        try:
            return addressed(_report_event(old, now), self._shards)
        except (ValueError, TooLargeError):
            return None


def _of(waiting: Waiting, lead_id: UUID) -> Event[LeadEvent]:
    """The event of what waits, now that its lead is known."""
    message = waiting.message
    event = cloudevents.decode(message.key, message.value, message.headers)
    return of_lead(cast(Event[LeadEvent], event), lead_id)


def _report_event(of: GrownOld, now: datetime) -> Event[DeliveriesWaiting]:
    data = DeliveriesWaiting(
        subject=of.source,
        service="ingest",
        occurred_at=now,
        deliveries=of.deliveries,
        oldest_at=of.oldest_at,
    )
    id_ = identity.named_id("deliveries-waiting", of.source, str(of.first))
    return Event(id_, CE_SOURCE, now, of.source, data)
