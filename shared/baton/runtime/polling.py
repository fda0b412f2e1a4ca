"""Polls Kafka for the shards that are open, while the batch before is worked on."""

import asyncio
import time
from collections.abc import Mapping
from datetime import timedelta

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from baton import kafka
from baton.runtime.batch import Partition, Record
from baton.runtime.errors import (
    PositionOutOfRangeError,
    ShardFaultError,
    UnreadableRecordError,
)
from baton.runtime.owned_shards import OwnedShards
from baton.runtime.shard_opener import Shard, ShardOpener
from baton.settings import ServiceSettings

_POLL_MS = 1_000
_READ_WAIT = timedelta(seconds=2)
"""The time to wait for records that Kafka is known to have."""
_NO_PARTITION = TopicPartition("", -1)
"""The partition that is polled while no shard is open.

If a process does not poll, aiokafka leaves the group for it and never joins again. Also, only a
poll raises the group's errors.
"""


class Polling:
    """Runs one poll at a time. Returns only records of shards that were neither closed nor opened
    again since the poll began.

    Where a record can't be read, the partitions are read again one after the other, to find it.
    """

    def __init__(
        self,
        settings: ServiceSettings,
        topics: Mapping[str, str],
        consumer: AIOKafkaConsumer,
        opener: ShardOpener,
        shards: OwnedShards,
    ) -> None:
        """`topics` has the names without the deployment's prefix by the full ones."""
        self._settings = settings
        self._topics = topics
        self._consumer = consumer
        self._opener = opener
        self._shards = shards
        self._poll: asyncio.Task[dict[TopicPartition, list[ConsumerRecord[bytes, bytes]]]] | None
        self._poll = None
        self._polled_shards: dict[int, Shard] = {}
        self._fault: ShardFaultError | None = None
        # The time of the next look at the consumer's positions, if polls return no records.
        self._next_position_check = 0.0

    def begin(self) -> "asyncio.Task[object]":
        """The present poll, or a new one if there is none."""
        if self._poll is None:
            self._polled_shards = dict(self._shards.open)
            partitions = [
                tp for n in self._polled_shards for tp in self._opener.partitions(n).values()
            ]
            partitions = partitions or [_NO_PARTITION]
            self._poll = asyncio.create_task(
                self._consumer.getmany(
                    *partitions, timeout_ms=_POLL_MS, max_records=self._settings.batch_events
                )
            )
        return self._poll

    def forget(self) -> None:
        """Cancel the present poll and drop its records."""
        self._fault = None
        if self._poll is not None:
            self._poll.cancel()
            self._poll = None

    def forget_empty(self) -> None:
        """Cancel a poll without shards, so that it does not delay the first poll with shards."""
        if not self._polled_shards:
            self.forget()

    def pause(self, number: int) -> None:
        """Have Kafka send nothing of a shard that is closed."""
        assigned = self._consumer.assignment()
        self._consumer.pause(*(p for p in self._partitions(number) if p in assigned))

    def resume(self, number: int) -> None:
        """Have Kafka send what a shard that is opened again must read."""
        assigned = self._consumer.assignment()
        self._consumer.resume(*(p for p in self._partitions(number) if p in assigned))

    async def take(self) -> tuple[list[Record], dict[Partition, int]]:
        """The records of a poll that is done, and how far the consumer stands (see `_standing`).

        Raises ShardFaultError for a shard whose next record cannot be read. The records before it
        were returned by earlier calls.
        """
        if self._fault is not None:
            fault, self._fault = self._fault, None
            if self._still_open(fault.shard):
                raise fault
        if self._poll is None or not self._poll.done():
            return [], {}
        poll, self._poll = self._poll, None
        try:
            found = poll.result()
        except asyncio.CancelledError:
            return [], {}
        except OffsetOutOfRangeError as error:
            raise self._out_of_range(error) from error
        except kafka.UNREADABLE:
            return await self._before_unreadable(), {}
        records = [
            self._record(partition, record)
            for partition, some in found.items()
            if self._still_open(partition.partition)
            for record in some
        ]
        if found and time.monotonic() < self._next_position_check:
            return records, {}
        self._next_position_check = time.monotonic() + self._settings.times.look.total_seconds()
        return records, await self._standing()

    def _still_open(self, number: int) -> bool:
        shard = self._shards.open.get(number)
        return shard is not None and shard is self._polled_shards.get(number)

    def _partitions(self, number: int) -> list[TopicPartition]:
        return list(self._opener.partitions(number).values())

    def _record(self, partition: TopicPartition, record: "ConsumerRecord[bytes, bytes]") -> Record:
        topic = self._topics[partition.topic]
        return Record(
            partition.partition, topic, record.offset, record.key, record.value, record.headers
        )

    async def _standing(self) -> dict[Partition, int]:
        """The consumer's offsets that are beyond the positions. Called only between two polls.

        Some offsets have no record for a reader: markers that end a transaction, and compacted
        records. The consumer skips them, so the last record alone does not show that a partition
        was read to its end.
        """
        assigned = self._consumer.assignment()
        standing = {}
        for number, shard in self._polled_shards.items():
            if self._shards.open.get(number) is not shard:
                continue
            for topic, partition in self._opener.partitions(number).items():
                if partition not in assigned:
                    continue
                at = await self._consumer.position(partition)
                if at > shard.positions[topic]:
                    standing[number, topic] = at
        return standing

    @staticmethod
    def _out_of_range(error: OffsetOutOfRangeError) -> PositionOutOfRangeError:
        partition, offset = next(iter(error.args[0].items()))
        return PositionOutOfRangeError(
            partition.partition,
            f"partition {partition.partition} of {partition.topic} stands at {offset}, which Kafka "
            "no longer has. Restore the topic, or accept the loss: `baton accept-loss` moves the "
            "position and records who accepted it.",
        )

    async def _before_unreadable(self) -> list[Record]:
        """The records of the partitions one after the other, up to the one that can't be read.

        The client raises for all of its poll and drops what it had taken, so each partition is read
        again from its position. The fault is raised by the next `take`.
        """
        places = {
            partition: shard.positions[topic]
            for number, shard in self._polled_shards.items()
            if self._still_open(number)
            for topic, partition in self._opener.partitions(number).items()
        }
        for partition, offset in places.items():
            self._consumer.seek(partition, offset)
        ends = await self._consumer.end_offsets(list(places))
        records: list[Record] = []
        for partition, offset in places.items():
            if ends[partition] <= offset:
                continue
            found, unreadable = await kafka.next_records(self._consumer, partition, _READ_WAIT)
            records += [self._record(partition, record) for record in found]
            if unreadable is not None:
                self._fault = self._unreadable(partition, unreadable)
                break
        return records

    def _unreadable(self, partition: TopicPartition, offset: int) -> UnreadableRecordError:
        number, topic = partition.partition, self._topics[partition.topic]
        return UnreadableRecordError(
            number,
            f"the Kafka client can't read the record at offset {offset} of {topic}, partition "
            f"{number}. Find what wrote it and mend that. `baton accept-loss` with --shard "
            f"{number} --topic {topic} --upto {offset + 1} passes over the record and notes who "
            "accepted that.",
        )
