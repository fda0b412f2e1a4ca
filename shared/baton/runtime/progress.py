"""Watches that positions move while Kafka has more, and shows them to Kafka's group."""

import asyncio
import contextlib
import time
from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from baton.metrics import RuntimeMetrics
from baton.runtime.batch import Partition
from baton.runtime.errors import StalledError
from baton.runtime.gate import Gate
from baton.runtime.opening import Shard, ShardOpener
from baton.times import Times

_OFFSETS_EVERY = 0.25


class ProgressWatch:
    """Ends the process where there is work and nothing moves.

    A fetch that has died looks like an idle topic. The watch also finds out whether Kafka answers.
    """

    def __init__(
        self,
        times: Times,
        gate: Gate,
        consumer: AIOKafkaConsumer,
        opener: ShardOpener,
        metrics: RuntimeMetrics,
    ) -> None:
        self._times = times
        self._gate = gate
        self._consumer = consumer
        self._opener = opener
        self._metrics = metrics
        self._moved = time.monotonic()
        self._watched = float("-inf")
        self.kafka_away = False
        """Whether Kafka did not answer when it was last asked how far the topics go."""

    def moved(self) -> None:
        """Something was committed, or shards were opened."""
        self._moved = time.monotonic()

    async def watch(
        self, shards: Mapping[int, Shard], passed: Mapping[Partition, int], every: float
    ) -> None:
        """Compare positions with the ends of the topics, at most `every` so many seconds.

        `passed` is how far records were passed over without a transaction. Raises StalledError.
        """
        if time.monotonic() - self._watched < every:
            return
        self._watched = time.monotonic()
        at = {
            partition: max(shard.positions[topic], passed.get((number, topic), 0))
            for number, shard in shards.items()
            for topic, partition in self._opener.partitions(number).items()
        }
        ends = await self._gate.ends(self._consumer, at)
        self.kafka_away = ends is None
        if ends is None:
            self.moved()
            return
        lag = sum(max(0, ends[partition] - offset) for partition, offset in at.items())
        self._metrics.lag.set(lag)
        if lag == 0:
            self.moved()
        elif time.monotonic() - self._moved > self._times.stall.total_seconds():
            msg = f"{lag} records wait, and nothing moved for {self._times.stall}"
            raise StalledError(msg)


class GroupOffsets:
    """Commits positions to Kafka's group, four times a second: for displays of lag only.

    Nothing waits for it: aiokafka tries until the group's coordinator is back.
    """

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self._offsets: dict[TopicPartition, int] = {}
        self._next = 0.0
        self._task: asyncio.Task[None] | None = None

    def note(self, partition: TopicPartition, offset: int) -> None:
        """A partition was read up to here."""
        self._offsets[partition] = offset

    def clear(self) -> None:
        """The partitions are no longer this process's."""
        self._offsets = {}
        self.cancel()

    def cancel(self) -> None:
        """Give up a commit that is under way."""
        if self._task is not None:
            self._task.cancel()

    @property
    def next_commit(self) -> float:
        """When the next is due, by the process's steady clock."""
        under_way = self._task is not None and not self._task.done()
        return float("inf") if under_way or not self._offsets else self._next

    def commit(self) -> None:
        """Begin a commit, if one is due."""
        if time.monotonic() < self.next_commit:
            return
        self._next = time.monotonic() + _OFFSETS_EVERY
        offsets, self._offsets = self._offsets, {}
        self._task = asyncio.create_task(self._commit(offsets))

    async def _commit(self, offsets: dict[TopicPartition, int]) -> None:
        with contextlib.suppress(KafkaError):
            await self._consumer.commit(offsets)
