"""The process's membership in its Kafka consumer group: joins, works on the shards that Kafka
assigns, and leaves when it is stopped or a shard has a new owner.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Generic

import asyncpg
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

from baton.database import connection
from baton.kafka import topic_name
from baton.logs import logger
from baton.runtime import dead_letters
from baton.runtime.batch import Item, Partition, Record
from baton.runtime.batch_transaction import BatchTransaction
from baton.runtime.decisions import Shared, State
from baton.runtime.dependencies import Dependencies, Service
from baton.runtime.errors import (
    BreakerTrippedError,
    HaltedError,
    PositionOutOfRangeError,
    PublishError,
    RejoinError,
    ShardFaultError,
)
from baton.runtime.group_offsets import GroupOffsets
from baton.runtime.owned_shards import OwnedShards
from baton.runtime.parts import RunnerParts
from baton.runtime.progress_watch import ProgressWatch
from baton.runtime.publisher import Publisher
from baton.runtime.saving import Committed
from baton.runtime.shard_opener import NotConfirmedError

_LOG = logger(__name__)


class GroupSession(ConsumerRebalanceListener, Generic[State, Shared]):  # type: ignore[misc]  # untyped
    """Polls, applies and publishes for the shards that the group assigns to this process."""

    def __init__(  # noqa: PLR0913, PLR0917 - only the runner makes it
        self,
        service: Service[State, Shared],
        dependencies: Dependencies,
        parts: RunnerParts,
        consumer: AIOKafkaConsumer,
        publisher: Publisher,
        wake: asyncio.Event,
        opened: Callable[[], None],
        worked: Callable[[], None],
    ) -> None:
        settings, metrics = dependencies.settings, dependencies.metrics
        self._service = service
        self._settings = settings
        self._times = settings.times
        self._policies = dependencies.policies
        self._metrics = metrics
        self._pool = dependencies.pool
        self._consumer = consumer
        self._publisher = publisher
        self._wake = wake
        self._opened = opened
        self._worked = worked
        self._topics = {
            topic_name(settings, topic): topic.name for topic in service.subscription.topics
        }
        self._reader = parts.reader(
            frozenset(data.event_type for data in service.subscription.uses), settings.partitions
        )
        self._shards = OwnedShards(
            settings.times, metrics, dependencies.status, dependencies.degraded
        )
        self._opener = parts.opener(
            settings, service.subscription, dependencies.pool, consumer, publisher
        )
        self._gate = parts.gate(settings.times)
        self._polling = parts.polling(settings, self._topics, consumer, self._opener, self._shards)
        self._due_work = parts.due_work(
            settings, service.version, self._reader, self._gate, consumer, self._opener, metrics
        )
        self._progress = ProgressWatch(settings.times, self._gate, consumer, self._opener, metrics)
        self._offsets = GroupOffsets(consumer)
        self._work = parts.work(
            service,
            dependencies,
            self._transaction(service, dependencies, parts),
            self._reader,
            self._shards,
            self._opener,
            self._due_work,
            publisher,
            self._offsets,
            self._close,
            self._committed,
        )
        # Only one of a batch, the opening of shards and a revocation works on the shards at a time.
        self._turn = asyncio.Lock()
        self._assigned: Sequence[TopicPartition] | None = None
        self._failure: BaseException | None = None
        self._ended = False
        self.stepped_at = time.monotonic()
        """When the loop last began a step; the process's guard looks at it."""

    def _transaction(
        self, service: Service[State, Shared], dependencies: Dependencies, parts: RunnerParts
    ) -> BatchTransaction[State, Shared]:
        async def committed(done: Committed) -> None:
            await self._work.committed(done)

        settings = dependencies.settings
        deciding = parts.deciding(service, dependencies.tracing, settings.partitions)
        saving = parts.saving(service, settings)
        return parts.transaction(service, dependencies, deciding, saving, committed)

    @property
    def kafka_away(self) -> bool:
        """Whether Kafka did not answer when it was last asked."""
        return self._progress.kafka_away

    async def run(self, stop: asyncio.Event) -> None:
        """Join the group and work until `stop`, or until an error ends the membership."""
        self._consumer.subscribe(topics=list(self._topics), listener=self)
        try:
            async with connection(self._pool) as db:
                while not stop.is_set():
                    await self._step(db)
            async with self._turn:
                await self._let_go()
        except HaltedError:
            # Committed events, such as the announcement of the halt, would otherwise wait for the
            # shard's next owner.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._times.drain.total_seconds()):
                    await self._publisher.drained()
            raise
        finally:
            self._ended = True
            self._polling.forget()
            self._offsets.cancel()
            self._shards.clear()

    # --- what the group says

    async def on_partitions_revoked(
        self,
        revoked: Sequence[TopicPartition],  # noqa: ARG002 - aiokafka's interface
    ) -> None:
        """Let go: finish the batch, publish its effects, forget what was polled."""
        try:
            async with asyncio.timeout(self._times.drain.total_seconds()), self._turn:
                if self._ended:
                    return  # this process publishes no more; the next owner does
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

    async def _let_go(self) -> None:
        """Publish what is committed, delete what is published, and forget the shards."""
        await self._publisher.drained()
        # Where a shard is lost already, its next owner does this.
        with contextlib.suppress(RejoinError, HaltedError):
            async with connection(self._pool) as db:
                await self._work.finish(db)
        self._forget_shards()

    def _forget_shards(self) -> None:
        self._publisher.forget(list(self._shards.open))
        self._shards.clear()
        self._polling.forget()
        self._assigned = None
        self._work.clear()
        self._due_work.clear()
        self._gate.let_go()
        self._offsets.clear()

    # --- opening and closing shards

    async def _open_assigned(self) -> None:
        assigned, self._assigned = self._assigned, None
        if assigned is None:
            return
        self._shards.clear()
        self._polling.forget_empty()
        if not await self._open(self._opener.complete(assigned)):
            # A newer assignment is on its way; leaving now would make a storm of rejoins.
            self._shards.clear()
            return
        self._opened()
        self._gate.opened(list(self._shards.open))
        self._progress.moved()
        _LOG.info("shards are open", shards=sorted(self._shards.open))

    async def _try_closed_again(self) -> None:
        """Open shards again that were closed for a fault, which may be over."""
        if self._progress.kafka_away:
            return
        for number in self._shards.to_try_again():
            # The opener publishes the shard's outbox. No row of it may be in flight then.
            await self._publisher.drained()
            try:
                await self._opener.check_assigned(number)
            except (NotConfirmedError, KafkaError, TimeoutError):
                self._shards.postpone(number)
                continue
            self._polling.resume(number)
            if await self._open([number]):
                self._gate.opened([number])
            else:
                self._polling.pause(number)  # a newer assignment brings it
                self._shards.postpone(number)

    async def _open(self, numbers: Sequence[int]) -> bool:
        """Open shards; one whose position Kafka does not have is closed. False: not confirmed."""
        for number in numbers:
            try:
                shard = await self._opener.open(number)
            except NotConfirmedError:
                return False
            except PositionOutOfRangeError as fault:
                self._close(fault)
                continue
            self._shards.add(shard)
            for topic, partition in self._opener.partitions(number).items():
                self._offsets.note(partition, shard.positions[topic])
        self._due_work.next_look = 0.0
        return True

    def _close(self, fault: ShardFaultError) -> None:
        """Close one shard: nothing is polled, decided or deleted of it until it is opened again."""
        number = fault.shard
        self._publisher.forget([number])
        self._shards.close(fault)
        self._polling.pause(number)
        self._work.forget(number)

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
            await self._try_closed_again()
            records, read_to = await self._take_polled()
            commands = await self._look(db)
            await self._work.run(db, records, read_to, commands)
        self._offsets.commit()

    async def _wait(self) -> None:
        """Until there are records, something woke the loop, or something is due."""
        woken = asyncio.create_task(self._wake.wait())
        due = min(self._due_work.next_look, self._offsets.next_commit)
        wait = 0.0 if self._due_work.more_may_fire else max(0.0, due - time.monotonic())
        tasks: set[asyncio.Task[object]] = {woken, self._polling.begin()}
        await asyncio.wait(tasks, timeout=wait, return_when=asyncio.FIRST_COMPLETED)
        woken.cancel()

    async def _take_polled(self) -> tuple[Sequence[Record], Mapping[Partition, int]]:
        try:
            return await self._polling.take()
        except ShardFaultError as fault:
            self._close(fault)
            return [], {}

    async def _look(self, db: asyncpg.Connection) -> list[Item]:
        """Read commands and due timers, and check the breaker: once a second, or when woken."""
        due = self._wake.is_set() or time.monotonic() >= self._due_work.next_look
        if not due:
            return []
        self._wake.clear()
        commands: list[Item] = []
        if not self._shards.open:
            self._due_work.clear()
            self._progress.moved()  # without open shards there is no work, so this is no stall
            self._due_work.next_look = time.monotonic() + self._times.look.total_seconds()
            return commands
        await self._check_breaker(db)
        try:
            commands = await self._due_work.look(db, list(self._shards.open))
        except ShardFaultError as fault:
            self._close(fault)
            self._due_work.expect(0.0)
        self._shards.clear_old_faults()
        if not self._shards.open:
            return commands
        every = self._gate.asks_every(accuses_soon=self._due_work.accuses_soon)
        await self._progress.watch(self._shards.open, self._work.passed, every)
        self._due_work.expect(every)
        return commands

    async def _check_breaker(self, db: asyncpg.Connection) -> None:
        breaker = await dead_letters.breaker(db)
        if breaker.tripped:
            raise BreakerTrippedError(self._service.name, breaker.why)

    def _committed(self) -> None:
        self._progress.moved()
        self._worked()
