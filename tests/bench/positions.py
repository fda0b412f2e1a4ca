"""How far a service has read, and how far there is to read."""

import asyncio
import time

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from baton.kafka import topic_name
from baton_cli.service import Service
from tests.bench.deployment import Deployment

SUBSCRIPTIONS = {
    service: service.manifest.consumer().subscription
    for service in Service
    if service.manifest.consumer is not None
}
PATIENCE_S = 600
_LOOK_EVERY_S = 0.05
_TOLD_WITHIN_S = 0.5


async def read_up_to(db: asyncpg.Connection, service: Service) -> int:
    """The sum of the positions of a service; `db` is the deployment's."""
    query = f'SELECT coalesce(sum(next_offset), 0) FROM "{service.schema}".position'  # noqa: S608
    return int(await db.fetchval(query))


async def end_of(deployment: Deployment, service: Service) -> int:
    """The sum of the end offsets of all that a service reads."""
    settings = deployment.kafka
    names = [topic_name(settings, topic) for topic in SUBSCRIPTIONS[service].topics]
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka_bootstrap_servers)
    await consumer.start()
    try:
        places = [TopicPartition(name, n) for name in names for n in range(settings.partitions)]
        return sum((await consumer.end_offsets(places)).values())
    finally:
        await consumer.stop()


async def all_read(deployment: Deployment, service: Service) -> None:
    """Returns when a service has read what there is now. Raises TimeoutError."""
    end = await end_of(deployment, service)
    db = await asyncpg.connect(deployment.database_url)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while (at := await read_up_to(db, service)) < end:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{service} stands at {at} of {end}")
            await asyncio.sleep(_LOOK_EVERY_S)
    finally:
        await db.close()


async def settled(deployment: Deployment) -> None:
    """Returns when all services have read all that there is, and nothing more follows from it."""
    ends: dict[Service, int] = {}
    while (
        now := {service: await end_of(deployment, service) for service in SUBSCRIPTIONS}
    ) != ends:
        ends = now
        for service in SUBSCRIPTIONS:
            await all_read(deployment, service)
        # What was read last may not have been told yet.
        await asyncio.sleep(_TOLD_WITHIN_S)
