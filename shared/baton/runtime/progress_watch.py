"""Watches that positions move while Kafka has more."""

import time
from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer

from baton.metrics import RuntimeMetrics
from baton.runtime.batch import Partition
from baton.runtime.errors import StalledError
from baton.runtime.shard_opener import Shard, ShardOpener
from baton.runtime.timer_gate import TimerGate
from baton.times import Times


class ProgressWatch:
    """Ends the process where there is work and nothing moves.

    A fetch that has died looks like an idle topic. The watch also finds out whether Kafka answers.
    """

    def __init__(
        self,
        times: Times,
        gate: TimerGate,
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
