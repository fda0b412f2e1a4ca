"""Shows positions to Kafka's group, for displays of lag."""

import asyncio
import contextlib
import time

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

_EVERY = 0.25


class GroupOffsets:
    """Commits positions to Kafka's consumer group four times a second, for lag displays only.
    Nothing waits for the commit: aiokafka retries until the group's coordinator is back.
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
        self._next = time.monotonic() + _EVERY
        offsets, self._offsets = self._offsets, {}
        self._task = asyncio.create_task(self._commit(offsets))

    async def _commit(self, offsets: dict[TopicPartition, int]) -> None:
        with contextlib.suppress(KafkaError):
            await self._consumer.commit(offsets)
