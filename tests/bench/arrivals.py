"""When records came onto a topic, by the broker's own clock: no reader's polling is in it."""

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from baton import kafka
from baton.settings import KafkaSettings
from baton.topics import Topic, durability
from tests.bench.figures import NothingFoundError

_STAMPED = {"message.timestamp.type": "LogAppendTime"}
_LOOK_EVERY_S = 0.05


class LostError(NothingFoundError):
    """Something that went in did not come out in time."""


class Arrivals:
    """The first record of each key, as they come in."""

    def __init__(self) -> None:
        self.at: dict[bytes, float] = {}
        """Unix seconds, to the millisecond, by key."""

    async def all_of(self, keys: Collection[bytes], within: float) -> list[float]:
        """When each came, once all have. Raises LostError after `within` seconds without one."""
        missing = set(keys)
        seen, deadline = 0, time.monotonic() + within
        while missing := {key for key in missing if key not in self.at}:
            if len(self.at) > seen:
                seen, deadline = len(self.at), time.monotonic() + within
            if time.monotonic() > deadline:
                raise LostError(f"{len(missing)} of {len(keys)} leads did not come out")
            await asyncio.sleep(_LOOK_EVERY_S)
        return [self.at[key] for key in keys]


@asynccontextmanager
async def arrivals(settings: KafkaSettings, topic: str) -> AsyncIterator[Arrivals]:
    """What comes onto a topic, by its full name, from now on."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        enable_auto_commit=False,
        auto_offset_reset="latest",
    )
    await consumer.start()
    found = Arrivals()

    async def read() -> None:
        async for record in consumer:
            found.at.setdefault(record.key, record.timestamp / 1000)

    places = [TopicPartition(topic, number) for number in range(settings.partitions)]
    consumer.assign(places)
    ends: Mapping[TopicPartition, int] = await consumer.end_offsets(places)
    for place, end in ends.items():
        consumer.seek(place, end)
    reading = asyncio.create_task(read())
    try:
        yield found
    finally:
        reading.cancel()
        await asyncio.wait([reading])
        await consumer.stop()


async def make_topics(settings: KafkaSettings, wanted: Sequence[Topic], stamped: Topic) -> None:
    """A deployment's topics, or some of them; on `stamped` the broker notes the time."""
    await kafka.apply_topics(settings, wanted)
    await note_arrivals(settings, stamped)


async def note_arrivals(settings: KafkaSettings, topic: Topic) -> None:
    """From now on a record of the topic has the time at which the broker got it."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
    await admin.start()
    try:
        # Kafka takes a topic's own settings as a whole.
        config = durability(settings.replication_factor) | topic.config | _STAMPED
        name = kafka.topic_name(settings, topic)
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, config)])
    finally:
        await admin.close()
