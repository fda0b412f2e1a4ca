"""Events that come in evenly while a service works, and how long each waits for its commit."""

import asyncio
import time
from collections.abc import Iterable

import asyncpg

from baton import identity, kafka
from baton.cloudevents import Message
from baton.topics import Topic
from baton_cli.service import Service
from tests.bench.deployment import Deployment
from tests.bench.figures import NothingFoundError

_LOOK_EVERY_S = 0.02
_PATIENCE_S = 60

Place = tuple[int, int]
"""A partition of the topic, and an offset in it."""


class Trickle:
    """Records of one topic, `rate` a second; a wait lasts from when a record was due to be sent
    until the position that the service has committed is behind it, in seconds.

    A wait is measured to `_LOOK_EVERY_S`, since the positions are looked at so often.
    """

    def __init__(
        self, deployment: Deployment, service: Service, topic: Topic, messages: Iterable[Message]
    ) -> None:
        self.waits: list[float] = []
        self._deployment = deployment
        self._topic = topic
        self._messages = messages
        self._positions = (
            f'SELECT shard, next_offset FROM "{service.schema}".position WHERE topic = $1'  # noqa: S608 - of our own text
        )
        self._uncommitted: dict[Place, float] = {}
        self._enough = asyncio.Event()

    def stop(self) -> None:
        """Have `run` send no more, and return once all that was sent is committed."""
        self._enough.set()

    async def run(self, rate: float) -> None:
        """Send and watch until `stop`. Raises NothingFoundError for a record that stays behind."""
        async with asyncio.TaskGroup() as tasks:
            sending = tasks.create_task(self._send(rate))
            tasks.create_task(self._watch(sending))

    async def _send(self, rate: float) -> None:
        settings = self._deployment.kafka
        topic = kafka.topic_name(settings, self._topic)
        producer = kafka.producer(settings)
        await producer.start()
        try:
            begin = time.monotonic()
            for number, message in enumerate(self._messages):
                due = begin + number / rate
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                if self._enough.is_set():
                    return
                record = await producer.send_and_wait(
                    topic,
                    message.value,
                    key=message.key,
                    partition=identity.shard_of(message.key, settings.partitions),
                    headers=list(message.headers),
                )
                self._uncommitted[record.partition, record.offset] = due
        finally:
            await producer.stop()

    async def _watch(self, sending: asyncio.Task[None]) -> None:
        db = await asyncpg.connect(self._deployment.database_url)
        try:
            while not sending.done() or self._uncommitted:
                rows = await db.fetch(self._positions, self._topic.name)
                positions = {row["shard"]: row["next_offset"] for row in rows}
                now = time.monotonic()
                for place, due in list(self._uncommitted.items()):
                    shard, offset = place
                    if positions.get(shard, 0) > offset:
                        self.waits.append(now - due)
                        del self._uncommitted[place]
                    elif now - due > _PATIENCE_S:
                        msg = f"an event waits for longer than {_PATIENCE_S} s for its commit"
                        raise NothingFoundError(msg)
                await asyncio.sleep(_LOOK_EVERY_S)
        finally:
            await db.close()
