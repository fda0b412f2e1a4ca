"""Takes over a shard. It raises the shard's epoch in PostgreSQL and checks that Kafka still assigns
the shard to this process. Then it publishes the outbox rows that the former owner left, and seeks
to the stored positions.
"""

import asyncio
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError

from baton.database import connection
from baton.kafka import time_limit, topic_name
from baton.logs import logger
from baton.runtime.effects import OutboxRow
from baton.runtime.errors import AssignmentError, PositionOutOfRangeError
from baton.runtime.inputs import Subscription
from baton.runtime.publisher import Publisher
from baton.settings import ServiceSettings

_LOG = logger(__name__)
_PAGE = 500
UNPUBLISHED = """
SELECT id, event_id, topic, key, headers, value FROM outbox
WHERE shard = $1 ORDER BY id LIMIT $2
"""


@dataclass(slots=True)
class Shard:
    """A shard that this process owns, as long as no newer epoch is found.

    `positions` are the next offsets by topic; they move with each commit.
    """

    number: int
    epoch: int
    positions: dict[str, int] = field(default_factory=dict)


class NotConfirmedError(Exception):
    """The group does not confirm the assignment: a newer one is on its way."""


class ShardOpener:
    """Opens shards during one stay in the group."""

    raise_by = 1

    def __init__(
        self,
        settings: ServiceSettings,
        subscription: Subscription,
        pool: asyncpg.Pool,
        consumer: AIOKafkaConsumer,
        publisher: Publisher,
    ) -> None:
        self._settings = settings
        self._topics = {topic.name: topic_name(settings, topic) for topic in subscription.topics}
        self._pool = pool
        self._consumer = consumer
        self._publisher = publisher

    def partitions(self, number: int) -> dict[str, TopicPartition]:
        """The partitions of a shard, by topic without prefix."""
        return {
            topic: TopicPartition(full_name, number) for topic, full_name in self._topics.items()
        }

    def complete(self, assigned: Sequence[TopicPartition]) -> list[int]:
        """The shards of an assignment.

        Raises AssignmentError where a shard comes without one of its topics: another process, with
        another set of topics, would have the rest of it.
        """
        numbers = sorted({partition.partition for partition in assigned})
        self._check_complete(numbers, set(assigned))
        return numbers

    def _check_complete(self, numbers: Sequence[int], have: Collection[TopicPartition]) -> None:
        for number in numbers:
            missing = [p.topic for p in self.partitions(number).values() if p not in have]
            if missing:
                msg = f"shard {number} was assigned without its part of {', '.join(missing)}"
                raise AssignmentError(msg)

    async def open(self, number: int) -> Shard:
        """Open a shard. Raises NotConfirmedError, PositionOutOfRangeError, PublishError."""
        shard = await self._raise(number)
        await self._complete_positions(shard)
        await self._confirm(shard)
        await self._drain(number)
        self._seek(shard)
        return shard

    async def check_assigned(self, number: int) -> None:
        """Check that Kafka still assigns the shard to this process, before its epoch is raised. A
        process that was frozen may have lost the shard, and raising the epoch would stop the new
        owner. Raises NotConfirmedError.
        """
        offsets = {
            partition: await self._consumer.committed(partition) or 0
            for partition in self.partitions(number).values()
        }
        await self._commit(offsets)

    def _seek(self, shard: Shard) -> None:
        for topic, partition in self.partitions(shard.number).items():
            self._consumer.seek(partition, shard.positions[topic])

    async def _raise(self, number: int) -> Shard:
        """Raise the epoch in a transaction of its own, which waits for the old owner's."""
        times = self._settings.times
        async with asyncio.timeout(times.rebalance.total_seconds()), connection(self._pool) as db:
            raising = asyncio.create_task(self._raise_once(db, number))
            try:
                while not raising.done():
                    await asyncio.wait({raising}, timeout=times.lock.total_seconds())
                    if not raising.done():
                        await self._end_blocking(number, db.get_server_pid())
                return raising.result()
            finally:
                raising.cancel()
                # The task uses the connection until it has ended.
                await asyncio.wait({raising})

    async def _raise_once(self, db: asyncpg.Connection, number: int) -> Shard:
        bound = int(self._settings.times.rebalance.total_seconds() * 1000)
        async with db.transaction():
            await db.execute(f"SET LOCAL lock_timeout = {bound}")
            await db.execute(f"SET LOCAL statement_timeout = {bound}")
            epoch = await db.fetchval(
                "UPDATE shard SET epoch = epoch + $2 WHERE shard = $1 RETURNING epoch",
                number,
                self.raise_by,
            )
            rows = await db.fetch(
                "SELECT topic, next_offset FROM position WHERE shard = $1", number
            )
        return Shard(number, epoch, {row["topic"]: row["next_offset"] for row in rows})

    async def _end_blocking(self, number: int, pid: int) -> None:
        """End the database sessions of a frozen owner, which no timeout of PostgreSQL ends."""
        async with connection(self._pool) as db:
            ended = await db.fetch(
                "SELECT pid, pg_terminate_backend(pid) FROM unnest(pg_blocking_pids($1)) AS pid",
                pid,
            )
        if ended:
            pids = [row["pid"] for row in ended]
            _LOG.warning("ended database sessions that blocked a shard", shard=number, pids=pids)

    async def _complete_positions(self, shard: Shard) -> None:
        """Begin at the log's start where nothing was read yet; check that Kafka has the rest."""
        partitions = self.partitions(shard.number)
        begins = await self._consumer.beginning_offsets(list(partitions.values()))
        ends = await self._consumer.end_offsets(list(partitions.values()))
        for topic, partition in partitions.items():
            begin, end = begins[partition], ends[partition]
            if topic not in shard.positions and begin > 0:
                _LOG.warning(
                    "the first read of a topic begins late, Kafka has deleted older records",
                    topic=topic,
                    shard=shard.number,
                    gone=begin,
                )
            at = shard.positions.setdefault(topic, begin)
            self._check_range(shard.number, topic, at, (begin, end))

    @staticmethod
    def _check_range(number: int, topic: str, at: int, log: tuple[int, int]) -> None:
        begin, end = log
        if begin <= at <= end:
            return
        missing = (
            f"records {at} to {begin - 1} are gone"
            if at < begin
            else f"the topic ends at {end}, so records up to {at - 1} are missing"
        )
        msg = (
            f"partition {number} of {topic} stands at {at}, and {missing}. Restore the topic, or "
            "accept the loss: `baton accept-loss` moves the position and records who accepted it."
        )
        raise PositionOutOfRangeError(number, msg)

    async def _confirm(self, shard: Shard) -> None:
        partitions = self.partitions(shard.number)
        await self._commit({partitions[topic]: shard.positions[topic] for topic in partitions})

    async def _commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Commit offsets. Kafka accepts them only from the process to which it assigns the
        partitions.
        """
        try:
            # It tries without end while the group has no coordinator.
            async with time_limit(self._settings.times.drain):
                await self._consumer.commit(dict(offsets))
        except (CommitFailedError, IllegalStateError) as error:
            raise NotConfirmedError(str(error)) from error

    async def _drain(self, number: int) -> None:
        """Publish what the predecessor left, in order, by pages, and delete it."""
        while True:
            async with connection(self._pool) as db:
                rows = [
                    OutboxRow(
                        shard=number,
                        event_id=row["event_id"],
                        topic=row["topic"],
                        key=row["key"],
                        headers=[(n, value.encode()) for n, value in json.loads(row["headers"])],
                        value=row["value"],
                        id=row["id"],
                    )
                    for row in await db.fetch(UNPUBLISHED, number, _PAGE)
                ]
                if not rows:
                    return
                await self._publisher.send(rows)
                await db.execute(
                    "DELETE FROM outbox WHERE shard = $1 AND id <= $2", number, rows[-1].id
                )
