"""Applies the inputs of the open shards, batch by batch."""

import asyncio
import random
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Generic

import asyncpg

from baton.runtime import batch as batches
from baton.runtime.activations import Activation, at
from baton.runtime.batch import Batch, Item, Partition, Reader, Record
from baton.runtime.batch_transaction import BatchTransaction
from baton.runtime.decisions import Shared, State
from baton.runtime.dependencies import Dependencies, Service
from baton.runtime.due_work import DueWork
from baton.runtime.errors import RejoinError, ShardFaultError, UnknownEventTypeError
from baton.runtime.group_offsets import GroupOffsets
from baton.runtime.owned_shards import OwnedShards
from baton.runtime.publisher import Publisher
from baton.runtime.saving import Committed
from baton.runtime.shard_opener import ShardOpener

_REPEAT = ("40P01", "40001", "55P03")
"""SQLSTATEs after which a batch is repeated: deadlock, serialization, a lock that took too long."""


class ShardWork(Generic[State, Shared]):
    """Makes batches of records, commands and timers, and applies them one after the other."""

    def __init__(  # noqa: PLR0913, PLR0917 - the parts of a stay, which the session alone makes
        self,
        service: Service[State, Shared],
        dependencies: Dependencies,
        transaction: BatchTransaction[State, Shared],
        reader: Reader,
        shards: OwnedShards,
        opener: ShardOpener,
        due_work: DueWork,
        publisher: Publisher,
        offsets: GroupOffsets,
        close: Callable[[ShardFaultError], None],
        committed: Callable[[], None],
    ) -> None:
        """`close` is called for a shard that must not go on, `committed` after each transaction."""
        settings = dependencies.settings
        self._service = service
        self._transaction = transaction
        self._settings = settings
        self._times = settings.times
        self._policies = dependencies.policies
        self._metrics = dependencies.metrics
        self._reader = reader
        self._shards = shards
        self._opener = opener
        self._due_work = due_work
        self._publisher = publisher
        self._offsets = offsets
        self._close = close
        self._report = committed
        self.passed: dict[Partition, int] = {}
        """The offsets behind skipped records that no transaction has stored yet."""
        # By shard, the activation under which its last batch was decided.
        self._activations: dict[int, Activation] = {}
        self._next_tidying = 0.0

    def clear(self) -> None:
        """The shards are no longer this process's."""
        self.passed = {}
        self._activations = {}

    def forget(self, number: int) -> None:
        """A shard was closed."""
        self.passed = {place: end for place, end in self.passed.items() if place[0] != number}

    async def finish(self, db: asyncpg.Connection) -> None:
        """Write what is not written yet: records that were passed over, rows that are published."""
        published = self._publisher.published_upto(list(self._shards.open))
        if published or self.passed:
            await self._repeat(db, self._batch([], self.passed, published))

    async def run(
        self,
        db: asyncpg.Connection,
        records: Sequence[Record],
        read_to: Mapping[Partition, int],
        commands: Sequence[Item],
    ) -> None:
        """Apply polled records, commands and due timers, in batches of at most `batch_events`
        inputs. Each step of the loop takes at most `batch_events` events and as many commands, and
        then the timers that may fire. So none of the three delays the others.
        """
        settings = self._settings
        *parts, last = batches.within(
            records, settings.batch_bytes, settings.batch_events, len(commands)
        )
        for some in parts:
            await self._apply_closing_faulty(db, some, {}, commands)
            commands = []
        await self._apply_closing_faulty(db, last, read_to, commands)
        if self._due_work.more_may_fire:
            await self._apply_closing_faulty(db, [], {}, [])

    async def _apply_closing_faulty(
        self,
        db: asyncpg.Connection,
        records: Sequence[Record],
        read_to: Mapping[Partition, int],
        commands: Sequence[Item],
    ) -> None:
        """Apply a part of the inputs. If one shard has a fault, close it and apply the inputs of
        the other shards.

        `read_to` has the consumer's positions, if these are the last records that it returned.
        """
        is_open = self._shards.open.__contains__
        unknown: list[UnknownEventTypeError] = []
        while True:
            try:
                await self._apply(
                    db,
                    [record for record in records if is_open(record.shard)],
                    {place: end for place, end in read_to.items() if is_open(place[0])},
                    [item for item in commands if is_open(item.shard)],
                )
            except UnknownEventTypeError as fault:
                # What stands before it is applied first.
                unknown.append(fault)
                records = [record for record in records if not fault.covers(record)]
                read_to = {at: end for at, end in read_to.items() if at != fault.place}
            except ShardFaultError as fault:
                self._close(fault)
                # A part of the batch may have been applied before.
                records = [record for record in records if self._is_ahead(record)]
            else:
                break
        for error in unknown:
            if is_open(error.shard):
                self._close(error)

    def _is_ahead(self, record: Record) -> bool:
        shard = self._shards.open.get(record.shard)
        return shard is not None and record.offset >= shard.positions[record.topic]

    async def _apply(
        self,
        db: asyncpg.Connection,
        records: Sequence[Record],
        read_to: Mapping[Partition, int],
        commands: Sequence[Item],
    ) -> None:
        """Apply the inputs, if there are any, and delete published rows from the outbox. Timers get
        the room that records and commands leave in the batch. Positions of skipped records and
        deletions of published rows wait for the shard's next inputs, at most a second. A
        transaction for them alone would cost as much as deciding on several events.
        """
        # Offsets behind the records of this step, then also behind skipped ones of earlier steps.
        read = {**self._ends_of(records), **read_to}
        ends = self.passed | read
        items = [*commands, *self._read(records)]
        room = self._settings.batch_events - len(items)
        timers = self._due_work.timers(self._shards.open, ends, room)
        items += timers
        published = self._publisher.published_upto(list(self._shards.open))
        tidying = time.monotonic() >= self._next_tidying
        if tidying:
            self._next_tidying = time.monotonic() + self._times.look.total_seconds()
        open_shards = self._shards.open.keys()
        concerned = {item.shard for item in items} | (open_shards if tidying else set())
        end_offsets = {place: end for place, end in ends.items() if place[0] in concerned}
        to_activate = self._not_activated() if tidying else set()
        if items or (tidying and (end_offsets or published or to_activate)):
            await self._repeat(db, self._batch(items, end_offsets, published, to_activate))
        self.passed = {place: end for place, end in ends.items() if place not in end_offsets}
        for (number, topic), end in read.items() - end_offsets.items():
            self._offsets.note(self._opener.partitions(number)[topic], end)
        self._due_work.fired({item.input.id for item in timers if item.input is not None})

    def _not_activated(self) -> set[int]:
        """Shards that have yet to give their subjects the commands of the newest activation."""
        if self._service.subjects is None:
            return set()
        activation = at(self._policies.activations, datetime.now(UTC))
        return {n for n in self._shards.open if self._activations.get(n) != activation}

    def _batch(
        self,
        items: Sequence[Item],
        ends: Mapping[Partition, int],
        published: Mapping[int, int],
        to_activate: Collection[int] = (),
    ) -> Batch:
        touched = {item.shard for item in items} | {n for n, _ in ends} | {*published, *to_activate}
        epochs = {n: shard.epoch for n, shard in self._shards.open.items() if n in touched}
        begins = {place: self._shards.open[place[0]].positions[place[1]] for place in ends}
        return Batch(items, epochs, begins, ends, published)

    def _ends_of(self, records: Sequence[Record]) -> dict[Partition, int]:
        ends: dict[Partition, int] = {}
        for record in records:
            place = (record.shard, record.topic)
            if place not in ends:
                self._check_begin(record)
            ends[place] = record.offset + 1
        return ends

    def _check_begin(self, record: Record) -> None:
        begin = self._shards.open[record.shard].positions[record.topic]
        if record.offset < begin:
            place = f"partition {record.shard} of {record.topic}"
            msg = f"{place} was polled from {record.offset}, and stands at {begin}"
            raise RejoinError(msg)

    def _read(self, records: Sequence[Record]) -> list[Item]:
        items = self._reader.read(records)
        self._metrics.inputs.labels("event", "passed").inc(len(records) - len(items))
        return items

    async def _repeat(self, db: asyncpg.Connection, batch: Batch) -> None:
        """Apply a batch; one that met a deadlock or a lock held too long is repeated."""
        deadline = time.monotonic() + self._times.patience.total_seconds()
        while True:
            try:
                await self._transaction.run(db, batch)
            except asyncpg.PostgresError as error:
                if error.sqlstate not in _REPEAT or time.monotonic() > deadline:
                    raise
                self._metrics.retries.labels(error.sqlstate).inc()
                await asyncio.sleep(random.uniform(0.01, 0.1))  # noqa: S311 - jitter
            else:
                return

    async def committed(self, done: Committed) -> None:
        """Take up the result of a transaction, before the next one begins."""
        ends = done.batch.ends
        self.passed = {at: end for at, end in self.passed.items() if end > ends.get(at, -1)}
        for (number, topic), end in done.batch.ends.items():
            self._shards.open[number].positions[topic] = end
            self._offsets.note(self._opener.partitions(number)[topic], end)
        self._activations |= done.activations
        self._report()
        self._publisher.deleted(dict(done.batch.published))
        self._due_work.expect(None if done.next_due is None else done.next_due.total_seconds())
        await self._publisher.put(done.outbox)
