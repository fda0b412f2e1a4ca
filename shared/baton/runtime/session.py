"""One stay in the group: from joining it to leaving it, with the shards that it brings."""

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Generic

import asyncpg
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from baton.cloudevents import UnknownTypeError
from baton.database import connection
from baton.kafka import topic_name
from baton.logs import logger
from baton.metrics import RuntimeMetrics
from baton.runtime import batch as batches
from baton.runtime import dead_letters, waiting
from baton.runtime.batch import Batch, Item, Partition, Record
from baton.runtime.errors import (
    BreakerTrippedError,
    FenceLostError,
    HaltedError,
    PositionOutOfRangeError,
    PublishError,
    RejoinError,
    StalledError,
    UnknownEventTypeError,
    UnreadableRecordError,
)
from baton.runtime.gate import Gate
from baton.runtime.inputs import Shared, State, Subscription
from baton.runtime.line import Line
from baton.runtime.shards import NotConfirmedError, Opener, Shard
from baton.runtime.steps import Step
from baton.runtime.transaction import Committed, Transactor
from baton.runtime.waiting import DueTimer
from baton.settings import ServiceSettings

_LOG = logger(__name__)
_REPEAT = ("40P01", "40001", "55P03")
"""SQLSTATEs after which a batch is repeated: deadlock, serialization, a lock that took too long."""
_TIMERS_OF_A_SHARD = 100
_COMMANDS = 200
"""What a look finds at most, so that what waits does not fill the memory."""
_OFFSETS_EVERY = 0.25
_COUNT_EVERY = 1.0
_POLL_MS = 1_000
_NO_PARTITION = TopicPartition("", -1)
"""What is polled while no shard is open. aiokafka takes a member that does not poll for dead: it
leaves the group, and never joins it again; and only a poll tells of an error of the group's."""


class Membership(ConsumerRebalanceListener, Generic[State, Shared]):  # type: ignore[misc]  # untyped
    """Polls, applies and publishes for the shards that the group assigns to this process."""

    def __init__(  # noqa: PLR0913, PLR0917 - the parts of a stay, which the runner alone makes
        self,
        settings: ServiceSettings,
        subscription: Subscription,
        transactor: Callable[..., Transactor[State, Shared]],
        pool: asyncpg.Pool,
        consumer: AIOKafkaConsumer,
        line: Line,
        metrics: RuntimeMetrics,
        wake: asyncio.Event,
        opened: Callable[[], None],
        worked: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._times = settings.times
        self._topics = {topic_name(settings, topic): topic.name for topic in subscription.topics}
        self._uses = frozenset(data.event_type for data in subscription.uses)
        self._transactor = transactor(self._committed)
        self._pool = pool
        self._consumer = consumer
        self._line = line
        self._metrics = metrics
        self._wake = wake
        self._opener = Opener(settings, subscription, pool, consumer, line)
        self._gate = Gate(settings.times)
        self._leave_out = frozenset(Step(name) for name in settings.test_leave_out)
        # Held by whoever works on the shards: a batch, an opening, or a revocation.
        self._turn = asyncio.Lock()
        self._assigned: Sequence[TopicPartition] | None = None
        self._shards: dict[int, Shard] = {}
        self._poll: asyncio.Task[dict[TopicPartition, list[ConsumerRecord[bytes, bytes]]]] | None
        self._poll = None
        self._asked: dict[int, Shard] = {}
        # How far records were passed over that no transaction has noted yet.
        self._passed: dict[Partition, int] = {}
        # When it was last looked how far the consumer stands where it gave no records.
        self._next_standing = 0.0
        self._due: list[DueTimer] = []
        # Whether a look found as many timers as it looks for, so that there may be more.
        self._page_full = False
        # Whether timers may fire for which the last batch had no room.
        self._more_fire = False
        self._next_look = 0.0
        self._failure: BaseException | None = None
        self._ended = False
        self._offsets: dict[TopicPartition, int] = {}
        self._next_offsets = 0.0
        self._showing: asyncio.Task[None] | None = None
        self._watched = float("-inf")
        self._next_tidying = 0.0
        self._next_count = 0.0
        self._opened = opened
        self._worked = worked
        self._progress = time.monotonic()
        self.stepped_at = time.monotonic()
        """When the loop last began a step; the process's guard looks at it."""
        self.kafka_away = False
        """Whether Kafka did not answer when it was last asked how far the topics go."""

    @property
    def shards(self) -> Sequence[int]:
        """The shards that are open."""
        return sorted(self._shards)

    async def run(self, stop: asyncio.Event) -> None:
        """Join the group and work until `stop`, or until something ends the stay."""
        self._consumer.subscribe(topics=list(self._topics), listener=self)
        try:
            async with connection(self._pool) as db:
                while not stop.is_set():
                    await self._step(db)
            async with self._turn:
                await self._let_go()
        except HaltedError:
            # What was committed before, news of the halt among it, would wait for whoever resumes.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._times.drain.total_seconds()):
                    await self._line.drained()
            raise
        finally:
            self._ended = True
            self._forget_poll()
            if self._showing is not None:
                self._showing.cancel()

    # --- what the group says

    async def on_partitions_revoked(
        self,
        revoked: Sequence[TopicPartition],  # noqa: ARG002 - aiokafka's interface
    ) -> None:
        """Let go: finish the batch, publish what it came to, forget what was polled."""
        try:
            async with asyncio.timeout(self._times.drain.total_seconds()), self._turn:
                if self._ended:
                    return  # nobody publishes any more; the next owner does
                await self._let_go()
        except TimeoutError as error:
            self._fail(PublishError(f"could not let go of shards within {self._times.drain}"))
            raise PublishError from error
        except Exception as error:
            # aiokafka swallows what a listener raises; the process must not live on with it.
            self._fail(error)
            raise

    async def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        """Have the loop open what was assigned, outside the rebalance."""
        self._assigned = list(assigned)
        self._wake.set()

    def _fail(self, error: BaseException) -> None:
        if self._failure is None:
            self._failure = error
        self._wake.set()

    def _close(self) -> None:
        self._line.forget(list(self._shards))
        if Step.FORGET_REVOKED not in self._leave_out:
            self._shards = {}
            self._forget_poll()
        self._assigned = None
        self._passed = {}
        self._due = []
        self._page_full = self._more_fire = False
        self._gate.closed()
        self._offsets = {}
        if self._showing is not None:
            self._showing.cancel()
        for gauge in (
            self._metrics.shards_open,
            self._metrics.outbox_rows,
            self._metrics.commands,
            self._metrics.overdue,
        ):
            gauge.set(0)

    def _forget_poll(self) -> None:
        if self._poll is not None:
            self._poll.cancel()
            self._poll = None

    # --- the loop

    async def _step(self, db: asyncpg.Connection) -> None:
        self.stepped_at = time.monotonic()
        if self._failure is not None:
            raise self._failure
        if self._assigned is not None:
            async with self._turn:
                await self._open_assigned()
        await self._wait()
        async with self._turn:
            records, read_to = await self._polled()
            commands = await self._look(db)
            await self._work_off(db, records, read_to, commands)
        self._show_offsets()

    async def _work_off(
        self,
        db: asyncpg.Connection,
        records: Sequence[Record],
        read_to: Mapping[Partition, int],
        commands: list[Item],
    ) -> None:
        """Apply what was polled and asked, and timers, in batches of at most `batch_events` inputs.

        Each step of the loop takes at most so many events, so many commands and, at its end, at
        least so many timers if they may fire: none of the three keeps the others waiting.
        """
        settings = self._settings
        *parts, last = batches.within(
            records, settings.batch_bytes, settings.batch_events, len(commands)
        )
        for some in parts:
            await self._apply(db, some, {}, commands)
            commands = []
        await self._apply(db, last, read_to, commands)
        if self._more_fire:
            await self._apply(db, [], {}, [])

    async def _open_assigned(self) -> None:
        assigned, self._assigned = self._assigned, None
        if assigned is None:
            return
        self._shards = {}
        if not self._asked:
            self._forget_poll()  # of no partition: it would only keep the first real one waiting
        for number in self._opener.complete(assigned):
            try:
                self._shards[number] = await self._opener.open(number)
            except NotConfirmedError:
                # A newer assignment is on its way; leaving now would make a storm of rejoins.
                self._shards = {}
                return
        for number, shard in self._shards.items():
            for topic, partition in self._opener.partitions(number).items():
                self._offsets[partition] = shard.positions[topic]
        self._opened()
        if Step.SETTLE not in self._leave_out:
            self._gate.opened()
        self._next_look = 0.0
        self._progress = time.monotonic()
        self._metrics.shards_open.set(len(self._shards))
        _LOG.info("shards are open", shards=sorted(self._shards))

    async def _wait(self) -> None:
        """Until there are records, something woke the loop, or something is due."""
        if self._poll is None:
            self._asked = dict(self._shards)
            partitions = [tp for n in self._asked for tp in self._opener.partitions(n).values()]
            partitions = partitions or [_NO_PARTITION]
            self._poll = asyncio.create_task(
                self._consumer.getmany(
                    *partitions, timeout_ms=_POLL_MS, max_records=self._settings.batch_events
                )
            )
        woken = asyncio.create_task(self._wake.wait())
        tasks: set[asyncio.Task[object]] = {woken, self._poll}
        wait = max(0.0, min(self._next_look, self._next_showing) - time.monotonic())
        if self._more_fire:
            wait = 0.0
        await asyncio.wait(tasks, timeout=wait, return_when=asyncio.FIRST_COMPLETED)
        woken.cancel()

    async def _polled(self) -> tuple[list[Record], dict[Partition, int]]:
        """The records of a poll that is done, of shards that are still the same as then, and how
        far the consumer stands, as `_standing` says it.
        """
        if self._poll is None or not self._poll.done():
            return [], {}
        poll, self._poll = self._poll, None
        try:
            found = poll.result()
        except asyncio.CancelledError:
            return [], {}
        except OffsetOutOfRangeError as error:
            msg = f"Kafka no longer has what must be read next: {error}"
            raise PositionOutOfRangeError(msg) from error
        except ValueError as error:
            # A header's name that is not UTF-8, say: the client gives neither record nor place.
            msg = f"a record can't be read by the Kafka client: {type(error).__name__}: {error}"
            raise UnreadableRecordError(msg) from error
        records = []
        for partition, some in found.items():
            shard = self._shards.get(partition.partition)
            forget = Step.FORGET_REVOKED not in self._leave_out
            if forget and (shard is None or shard is not self._asked.get(partition.partition)):
                continue
            topic = self._topics[partition.topic]
            records += [
                Record(partition.partition, topic, r.offset, r.key, r.value, r.headers)
                for r in some
            ]
        if found and time.monotonic() < self._next_standing:
            return records, {}
        self._next_standing = time.monotonic() + self._times.look.total_seconds()
        return records, await self._standing()

    async def _standing(self) -> dict[Partition, int]:
        """How far the consumer stands where that is beyond the positions; only between two polls.

        Kafka has offsets without a record for a reader: markers that end a transaction, and what
        compaction took away. The consumer passes over them and gives nothing, so the last record
        alone does not say that a partition was read to its end.
        """
        assigned = self._consumer.assignment()
        standing = {}
        for number, shard in self._asked.items():
            if self._shards.get(number) is not shard:
                continue
            for topic, partition in self._opener.partitions(number).items():
                if partition not in assigned:
                    continue
                at = await self._consumer.position(partition)
                if at > shard.positions[topic]:
                    standing[number, topic] = at
        return standing

    async def _look(self, db: asyncpg.Connection) -> list[Item]:
        """Once a second, or woken: commands, timers, and whether things move."""
        if not self._shards or not (self._wake.is_set() or time.monotonic() >= self._next_look):
            if not self._shards:
                self._wake.clear()
                self._next_look = time.monotonic() + self._times.look.total_seconds()
            return []
        self._wake.clear()
        shards = list(self._shards)
        breaker = await dead_letters.breaker(db)
        if breaker.tripped and Step.BREAKER not in self._leave_out:
            raise BreakerTrippedError(self._transactor.service, breaker.why)
        page = min(_COMMANDS, self._settings.batch_events)
        commands = await waiting.commands(db, shards, self._settings.partitions, page)
        timers = await waiting.timers(
            db,
            shards,
            self._times.settle,
            min(_TIMERS_OF_A_SHARD, self._settings.batch_events),
            by_event_clock=self._settings.clock == "events",
        )
        self._due, self._page_full = timers.due, timers.page_full
        await self._show_waiting(db, shards, len(commands), timers)
        await self._gate.ask(
            self._consumer, {n: self._opener.partitions(n) for n in shards}, self._due
        )
        watch_every = self._gate.asks_every(accuses_soon=timers.accuses_soon)
        await self._watch(shards, watch_every)
        self._next_look = time.monotonic() + self._times.look.total_seconds()
        self._expect(watch_every)
        self._expect(0.0 if len(commands) == page else None)
        self._expect(None if timers.next_in is None else timers.next_in.total_seconds())
        return commands

    async def _show_waiting(
        self, db: asyncpg.Connection, shards: Sequence[int], commands: int, timers: waiting.Timers
    ) -> None:
        self._metrics.commands.set(commands)
        self._metrics.overdue.set(timers.overdue.total_seconds())
        if time.monotonic() >= self._next_count:
            self._next_count = time.monotonic() + _COUNT_EVERY
            self._metrics.outbox_rows.set(await waiting.outbox_rows(db, shards))

    def _expect(self, seconds: float | None) -> None:
        if seconds is not None:
            self._next_look = min(self._next_look, time.monotonic() + max(0.0, seconds))

    async def _apply(
        self,
        db: asyncpg.Connection,
        records: Sequence[Record],
        read_to: Mapping[Partition, int],
        commands: list[Item],
    ) -> None:
        """Apply what there is, if there is anything, with what may be deleted from the outbox.

        Timers that may fire have the room that records and commands leave. `read_to` is how far the
        consumer stands, where these are the last records that it gave.
        Where records are only passed over, or rows only published, that is written with the shard's
        next inputs, or once a second: a transaction costs as much as deciding on several events.
        """
        read = {**self._ends_of(records), **read_to}
        ends = self._passed | read
        items = commands + self._read(records)
        timers = self._open_timers(ends, self._settings.batch_events - len(items))
        items += [Item(timer.shard, timer.given) for timer in timers]
        published = self._line.take_published(list(self._shards))
        if Step.DELETE_PUBLISHED in self._leave_out:
            published = {}
        tidying = time.monotonic() >= self._next_tidying
        if tidying:
            self._next_tidying = time.monotonic() + self._times.look.total_seconds()
        concerned = {item.shard for item in items} | (self._shards.keys() if tidying else set())
        noted = {place: end for place, end in ends.items() if place[0] in concerned}
        if items or (tidying and (noted or published)):
            await self._repeat(db, self._batch(items, noted, published))
        self._passed = {place: end for place, end in ends.items() if place not in noted}
        for (number, topic), end in read.items() - noted.items():
            self._offsets[self._opener.partitions(number)[topic]] = end
        fired = {timer.given.id for timer in timers}
        self._due = [timer for timer in self._due if timer.given.id not in fired]
        if fired and self._page_full and not self._more_fire:
            self._next_look = 0.0

    def _batch(
        self, items: Sequence[Item], ends: Mapping[Partition, int], published: Mapping[int, int]
    ) -> Batch:
        touched = {item.shard for item in items} | {n for n, _ in ends} | set(published)
        epochs = {n: self._shards[n].epoch for n in touched if n in self._shards}
        begins = {place: self._shards[place[0]].positions[place[1]] for place in ends}
        return Batch(items, epochs, begins, ends, published)

    def _ends_of(self, records: Sequence[Record]) -> dict[Partition, int]:
        ends: dict[Partition, int] = {}
        for record in records:
            place = (record.shard, record.topic)
            if place not in ends:
                begin = self._shards[record.shard].positions[record.topic]
                if record.offset < begin and Step.SEEK not in self._leave_out:
                    msg = f"{place} was polled from {record.offset}, and stands at {begin}"
                    raise RejoinError(msg)
            ends[place] = record.offset + 1
        return ends

    def _read(self, records: Sequence[Record]) -> list[Item]:
        check = Step.CHECK_PARTITION not in self._leave_out
        try:
            items = batches.read(
                records, self._uses, self._settings.partitions, check_partition=check
            )
        except UnknownTypeError as error:
            msg = (
                f"an event has the type {error}, which this release does not know: deploy this "
                "service's new release before the one that writes it"
            )
            if Step.STOP_ON_UNKNOWN_TYPE in self._leave_out:
                return []
            raise UnknownEventTypeError(msg) from error
        self._metrics.inputs.labels("event", "passed").inc(len(records) - len(items))
        return items

    def _open_timers(self, ends: Mapping[Partition, int], room: int) -> list[DueTimer]:
        """The due timers that may fire after the events of this batch, the oldest first."""
        after = {
            number: replace(
                shard, positions={t: ends.get((number, t), at) for t, at in shard.positions.items()}
            )
            for number, shard in self._shards.items()
            if self._due
        }
        fire: list[DueTimer] = []
        self._more_fire = False
        for timer in self._due:
            if timer.shard not in after:
                continue
            opens, complete = True, True
            if timer.given.accuses and Step.TIMER_GATE not in self._leave_out:
                opens, complete = self._gate.opens(timer, after[timer.shard])
            if not opens:
                continue
            if len(fire) >= room:
                self._more_fire = True
                break
            if not complete:
                self._metrics.late_timers.inc()
            fire.append(
                timer
                if complete
                else replace(timer, given=replace(timer.given, facts_complete=False))
            )
        return fire

    async def _repeat(self, db: asyncpg.Connection, batch: Batch) -> None:
        """Apply a batch; one that met a deadlock or a lock held too long is repeated."""
        deadline = time.monotonic() + self._times.patience.total_seconds()
        while True:
            try:
                await self._transactor.run(db, batch)
            except asyncpg.PostgresError as error:
                if error.sqlstate not in _REPEAT or time.monotonic() > deadline:
                    raise
                self._metrics.retries.labels(error.sqlstate).inc()
                await asyncio.sleep(random.uniform(0.01, 0.1))  # noqa: S311 - jitter
            except FenceLostError:
                if Step.REJOIN not in self._leave_out:
                    raise
                self._skip(batch)
                return
            else:
                return

    def _skip(self, batch: Batch) -> None:
        """Test only: stay in the group and go on behind a batch that was refused."""
        for (number, topic), end in batch.ends.items():
            self._shards[number].positions[topic] = end

    async def _committed(self, done: Committed) -> None:
        for (number, topic), end in done.batch.ends.items():
            self._shards[number].positions[topic] = end
            partition = self._opener.partitions(number)[topic]
            self._offsets[partition] = end
        self._progress = time.monotonic()
        self._worked()
        self._line.deleted(dict(done.batch.published))
        if done.next_due is not None:
            self._expect(done.next_due.total_seconds())
        await self._line.put(done.outbox)

    def _show_offsets(self) -> None:
        """Commit positions to the group, four times a second: for displays of lag only.

        Nothing waits for it: aiokafka tries until the group's coordinator is back.
        """
        if time.monotonic() < self._next_showing:
            return
        self._next_offsets = time.monotonic() + _OFFSETS_EVERY
        offsets, self._offsets = self._offsets, {}
        self._showing = asyncio.create_task(self._show(offsets))

    @property
    def _next_showing(self) -> float:
        showing = self._showing is not None and not self._showing.done()
        return float("inf") if showing or not self._offsets else self._next_offsets

    async def _show(self, offsets: dict[TopicPartition, int]) -> None:
        with contextlib.suppress(KafkaError):
            await self._consumer.commit(offsets)

    async def _watch(self, shards: Sequence[int], every: float) -> None:
        """See that positions move while Kafka has more; a dead fetch looks like an idle topic."""
        if time.monotonic() - self._watched < every:
            return
        self._watched = time.monotonic()
        partitions = {
            tp: self._shards[n].positions[topic]
            for n in shards
            for topic, tp in self._opener.partitions(n).items()
        }
        ends = await self._gate.ends(self._consumer, partitions)
        self.kafka_away = ends is None
        if ends is None:
            self._progress = time.monotonic()
            return
        read_to = {self._opener.partitions(n)[t]: end for (n, t), end in self._passed.items()}
        lag = sum(max(0, ends[tp] - read_to.get(tp, at)) for tp, at in partitions.items())
        self._metrics.lag.set(lag)
        if lag == 0:
            self._progress = time.monotonic()
        elif time.monotonic() - self._progress > self._times.stall.total_seconds():
            msg = f"{lag} records wait, and nothing moved for {self._times.stall}"
            raise StalledError(msg)

    async def _let_go(self) -> None:
        """Publish what is committed, delete what is published, and close the shards."""
        await self._line.drained()
        published = self._line.take_published(list(self._shards))
        if published or self._passed:
            batch = self._batch([], self._passed, published)
            # Who has lost a shard already leaves this to its next owner.
            with contextlib.suppress(RejoinError, HaltedError):
                async with connection(self._pool) as db:
                    await self._repeat(db, batch)
        self._close()
