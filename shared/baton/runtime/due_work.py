"""Reads the commands and due timers of the open shards in pages. A breach timer is passed on only
when its gate lets it fire.
"""

import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from uuid import UUID

import asyncpg
from aiokafka import AIOKafkaConsumer

from baton.metrics import RuntimeMetrics
from baton.runtime import command_rows, replays, timers
from baton.runtime.batch import Item, Partition, Reader
from baton.runtime.shard_opener import Shard, ShardOpener
from baton.runtime.timer_gate import TimerGate
from baton.runtime.timers import DueTimer
from baton.settings import ServiceSettings

_COUNT_EVERY = 1.0


class DueWork:
    """Looks for work that is not in Kafka, once a second, and at once while there is more.

    A page has at most `batch_events` commands, about as many breach timers, and about as many other
    timers.
    """

    def __init__(
        self,
        settings: ServiceSettings,
        version: int,
        reader: Reader,
        gate: TimerGate,
        consumer: AIOKafkaConsumer,
        opener: ShardOpener,
        metrics: RuntimeMetrics,
    ) -> None:
        self._settings = settings
        self._version = version
        self._reader = reader
        self._gate = gate
        self._consumer = consumer
        self._opener = opener
        self._metrics = metrics
        self._due: list[DueTimer] = []
        # Whether the page was full, so that more timers may be due.
        self._page_full = False
        self.more_may_fire = False
        """Whether timers may fire for which the last batch had no room."""
        self.accuses_soon = False
        """Whether a breach timer is due now or soon."""
        self.next_look = 0.0
        self._next_count = 0.0

    def expect(self, seconds: float | None) -> None:
        """Look again in so many seconds, if not sooner."""
        if seconds is not None:
            self.next_look = min(self.next_look, time.monotonic() + max(0.0, seconds))

    def clear(self) -> None:
        """The shards are no longer this process's."""
        self._due = []
        self._page_full = self.more_may_fire = self.accuses_soon = False
        for gauge in (self._metrics.commands, self._metrics.overdue, self._metrics.outbox_rows):
            gauge.set(0)

    async def look(self, db: asyncpg.Connection, shards: Collection[int]) -> list[Item]:
        """Read the next pages; returns the commands. Raises NewerVersionError."""
        settings = self._settings
        numbers = sorted(shards)
        # Before the reading: what is written after it is found by the next look.
        self.next_look = time.monotonic() + settings.times.look.total_seconds()
        commands = await command_rows.page(
            db, numbers, settings.batch_events, settings.batch_bytes, self._version
        )
        page = await timers.page(
            db,
            numbers,
            settings.times.settle,
            settings.batch_events,
            self._version,
            by_event_clock=settings.clock == "events",
        )
        self._due, self._page_full = page.due, page.full
        self.accuses_soon = page.accuses_soon
        self._metrics.commands.set(len(commands))
        self._metrics.overdue.set(page.overdue.total_seconds())
        await self._count_outbox(db, numbers)
        partitions = {number: self._opener.partitions(number) for number in numbers}
        await self._gate.ask(self._consumer, partitions, self._due)
        self.expect(None if page.next_in is None else page.next_in.total_seconds())
        if commands:
            self.expect(0.0)
        return await replays.resolve(db, commands, self._reader, self._version)

    async def _count_outbox(self, db: asyncpg.Connection, shards: list[int]) -> None:
        if time.monotonic() < self._next_count:
            return
        self._next_count = time.monotonic() + _COUNT_EVERY
        rows = await db.fetchval("SELECT count(*) FROM outbox WHERE shard = ANY($1::int[])", shards)
        self._metrics.outbox_rows.set(rows)

    def timers(
        self, shards: Mapping[int, Shard], ends: Mapping[Partition, int], room: int
    ) -> list[Item]:
        """At most `room` due timers that may fire once the events up to the offsets `ends` are
        applied, the oldest first.
        """
        after = {
            number: replace(
                shard, positions={t: ends.get((number, t), at) for t, at in shard.positions.items()}
            )
            for number, shard in shards.items()
            if self._due
        }
        items: list[Item] = []
        self.more_may_fire = False
        for timer in self._due:
            if timer.shard not in after:
                continue
            opens, complete = self._opens(timer, after[timer.shard])
            if not opens:
                continue
            if len(items) >= room:
                self.more_may_fire = True
                break
            if not complete:
                self._metrics.late_timers.inc()
            fired = timer.input if complete else replace(timer.input, facts_complete=False)
            items.append(Item(timer.shard, fired))
        return items

    def _opens(self, timer: DueTimer, shard: Shard) -> tuple[bool, bool]:
        """Whether the timer may fire now, and whether the facts are complete then."""
        if not timer.input.accuses:
            return True, True
        return self._gate.opens(timer, shard)

    def fired(self, ids: Collection[UUID]) -> None:
        """These timers have fired; where the page was full, the next one is read at once."""
        self._due = [timer for timer in self._due if timer.input.id not in ids]
        if ids and self._page_full and not self.more_may_fire:
            self.next_look = 0.0
