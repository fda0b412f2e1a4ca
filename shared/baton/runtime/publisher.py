"""Publishes the outbox, one batch after the other, while the next batch is worked on."""

import asyncio
from collections import deque
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder

from baton import topics
from baton.metrics import RuntimeMetrics
from baton.runtime.effects import OutboxRow
from baton.runtime.errors import PublishError
from baton.times import Times

_UNACKNOWLEDGED_BATCHES = 2
_SHARDED = frozenset(topic.name for topic in topics.ALL if topic.sharded)


class Publisher:
    """Sends committed outbox rows, one committed batch after the other.

    A later batch is not sent before Kafka has acknowledged the earlier one, so readers see the
    events of a lead in order. `run` ends with PublishError where Kafka takes too long.
    """

    def __init__(
        self,
        producer: AIOKafkaProducer,
        prefix: str,
        times: Times,
        metrics: RuntimeMetrics,
    ) -> None:
        self._producer = producer
        self._prefix = prefix
        self._times = times
        self._metrics = metrics
        self._waiting: deque[Sequence[OutboxRow]] = deque()
        metrics.outbox.set(0)
        self._changed = asyncio.Condition()
        self._published: dict[int, int] = {}

    async def put(self, rows: Sequence[OutboxRow]) -> None:
        """Queue a committed batch; waits while two are unacknowledged."""
        if not rows:
            return
        async with self._changed:
            await self._changed.wait_for(lambda: len(self._waiting) < _UNACKNOWLEDGED_BATCHES)
            self._waiting.append(rows)
            self._metrics.outbox.set(sum(map(len, self._waiting)))
            self._changed.notify_all()

    async def drained(self) -> None:
        """Wait until Kafka has everything that was put."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._waiting)

    def published_upto(self, shards: Sequence[int]) -> dict[int, int]:
        """By shard, the last row that Kafka has; the next transaction deletes up to it."""
        return {n: self._published[n] for n in shards if n in self._published}

    def deleted(self, published: dict[int, int]) -> None:
        """Forget rows that a transaction has deleted from the outbox, up to these ids."""
        for shard, upto in published.items():
            if self._published.get(shard) == upto:
                del self._published[shard]

    def forget(self, shards: Sequence[int]) -> None:
        """The shards are no longer this process's: what they left is for their next owner."""
        for shard in shards:
            self._published.pop(shard, None)

    async def run(self) -> None:
        """Send what is put, until cancelled."""
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: bool(self._waiting))
                rows = self._waiting[0]
            await self.send(rows)
            async with self._changed:
                self._waiting.popleft()
                self._metrics.outbox.set(sum(map(len, self._waiting)))
                for row in rows:
                    self._published[row.shard] = row.id
                self._changed.notify_all()

    async def send(self, rows: Sequence[OutboxRow]) -> None:
        """Send rows in their order and wait until Kafka has them.

        Raises PublishError; then nothing behind a row that failed was sent.
        """
        try:
            async with asyncio.timeout(self._deadline()):
                by_partition: dict[tuple[str, int], list[OutboxRow]] = {}
                for row in rows:
                    partition = row.shard if row.topic in _SHARDED else 0
                    by_partition.setdefault((row.topic, partition), []).append(row)
                await asyncio.gather(
                    *(self._send_partition(*place, some) for place, some in by_partition.items())
                )
        except (KafkaError, TimeoutError) as error:
            kind = type(error).__name__
            within_time = f"with {self._times.publish.total_seconds():g} s to do so"
            msg = f"Kafka did not take {len(rows)} events, {within_time}: {kind}"
            raise PublishError(msg) from error

    def _deadline(self) -> float | None:
        """Seconds in which Kafka must acknowledge; its client never gives up by itself."""
        return self._times.publish.total_seconds()

    async def _send_partition(self, topic: str, partition: int, rows: Sequence[OutboxRow]) -> None:
        left = deque(rows)
        while left:
            builder = self._producer.create_batch()
            while left and _append(builder, left[0]):
                left.popleft()
            if not builder.record_count():
                msg = f"an event of {len(left[0].value)} bytes is larger than a record may be"
                raise PublishError(msg)
            builder.close()
            sent = await self._producer.send_batch(
                builder, self._prefix + topic, partition=partition
            )
            await sent
            self._metrics.published.labels(topic).inc(builder.record_count())


def _append(builder: BatchBuilder, row: OutboxRow) -> bool:
    appended = builder.append(
        timestamp=None, key=row.key, value=row.value, headers=list(row.headers)
    )
    return appended is not None
