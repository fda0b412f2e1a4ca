"""Reads the topics and routing's API as anybody outside of Baton can, by the published contract."""

import asyncio
import time
from collections.abc import Callable, Mapping

import httpx
from aiokafka import AIOKafkaConsumer
from pydantic import BaseModel, TypeAdapter

from baton import cloudevents, topics
from baton.cloudevents import Event
from baton.events import EventData

TOPICS = (
    topics.LEAD_CAPTURED,
    topics.LEAD_SCORED,
    topics.LEAD_ROUTED,
    topics.LEAD_FOLLOWUP,
    topics.LEAD_SLA,
    topics.DEAD_LETTER,
)

Hear = Callable[[Event[EventData], float], None]


async def watch(bootstrap: str, hear: Hear, ready: asyncio.Event) -> None:
    """Hand on each event with the time of its reading, by the monotonic clock; for ever."""
    consumer = AIOKafkaConsumer(
        *(topic.name for topic in TOPICS),
        bootstrap_servers=bootstrap,
        group_id=None,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=50,
    )
    await consumer.start()
    ready.set()
    try:
        while True:
            for records in (await consumer.getmany(timeout_ms=1_000)).values():
                at = time.monotonic()
                for record in records:
                    hear(cloudevents.decode(record.key, record.value, record.headers), at)
    finally:
        await consumer.stop()


class Membership(BaseModel):
    """A rep's place in a pool."""

    pool: str
    weight: int
    capacity: int


class Rep(BaseModel):
    """As routing's `GET /v1/reps` tells of one."""

    id: str
    name: str
    pools: tuple[Membership, ...]
    open_leads: int

    @property
    def capacity(self) -> int:
        return max(pool.capacity for pool in self.pools)


class Desks:
    """Where one can see how many leads each rep has open."""

    def __init__(self, client: httpx.AsyncClient, settings: Mapping[str, str]) -> None:
        self._client = client
        self._url = f"{settings['BATON_ROUTING_URL']}/v1/reps"
        self._headers = {"Authorization": f"Bearer {settings['BATON_API_TOKEN']}"}

    async def look(self) -> tuple[Rep, ...]:
        answer = await self._client.get(self._url, headers=self._headers)
        return _REPS.validate_json(answer.raise_for_status().content)["reps"]


_REPS = TypeAdapter(dict[str, tuple[Rep, ...]])
