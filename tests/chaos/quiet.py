"""When there is nothing left to do: conditions that are waited for, each with its reason."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import timedelta

import asyncpg
import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from baton.kafka import topic_name
from baton_local.services import SERVICES
from tests.chaos.checker.scrape import Scrape, scrape
from tests.chaos.deployment import GENEROUS, SHARDS, Deployment
from tests.chaos.storms import READ

_BETWEEN = 0.5
_STILL = timedelta(minutes=1)
_PATIENT = 10.0
"""So long it waits before it says for what."""


class NotQuietError(Exception):
    """What still goes on, or stands still, after a generous time."""


Ends = Mapping[TopicPartition, int]


async def quiet(deployment: Deployment, say: Callable[[str], None]) -> Ends:
    """Returns where the topics end when everything was done twice in a row; says what it waits for.

    Raises NotQuietError.
    """
    deadline = time.monotonic() + GENEROUS
    next_saying = time.monotonic() + _PATIENT
    before: Ends = {}
    while True:
        ends, behind = await _groups(deployment)
        reasons = [*behind, *await _processes(deployment), *await _promises(deployment)]
        if not reasons and ends == before:
            return ends
        before = ends
        if time.monotonic() > deadline:
            raise NotQuietError("; ".join(reasons) or "new records keep coming")
        if time.monotonic() > next_saying:
            next_saying = time.monotonic() + _PATIENT
            say(f"waits: {'; '.join(reasons) or 'new records keep coming'}")
        await asyncio.sleep(_BETWEEN)


async def still_ends(deployment: Deployment, ends: Ends) -> bool:
    """Whether no record has come since the topics ended there."""
    return (await _groups(deployment))[0] == ends


async def _groups(deployment: Deployment) -> tuple[Ends, list[str]]:
    """Where the topics end, and which groups have not come so far."""
    settings = deployment.kafka
    bootstrap = settings.kafka_bootstrap_servers
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    ends: dict[TopicPartition, int] = {}
    reasons = []
    try:
        await asyncio.gather(consumer.start(), admin.start())
        for service, subscription in READ.items():
            names = [topic_name(settings, topic) for topic in subscription.topics]
            places = [TopicPartition(name, n) for name in names for n in range(SHARDS)]
            upto = await consumer.end_offsets(places)
            at = await admin.list_consumer_group_offsets(settings.topic_prefix + service)
            waits = sum(upto[p] - (at[p].offset if p in at else 0) for p in places)
            if waits:
                reasons.append(f"{service}: {waits} records wait")
            ends |= upto
    except KafkaError as error:
        reasons.append(f"Kafka: {type(error).__name__}")
    finally:
        await asyncio.gather(consumer.stop(), admin.close(), return_exceptions=True)
    return ends, reasons


async def _promises(deployment: Deployment) -> list[str]:
    """What is judged must not change meanwhile, as it does when a promise's time comes."""
    db = await asyncpg.connect(deployment.alone.database_url)
    try:
        soon = await db.fetchval(
            "SELECT count(*) FROM sla_monitor.timer WHERE due_at < now() + $1", _STILL
        )
    finally:
        await db.close()
    return [f"sla_monitor: {soon} timers are soon due"] if soon else []


async def _processes(deployment: Deployment) -> list[str]:
    reasons = []
    shards: defaultdict[str, float] = defaultdict(float)
    async with httpx.AsyncClient(timeout=5, trust_env=False) as http:
        for process in deployment.processes:
            found = await scrape(http, deployment.url(process), intake=process.service == "ingest")
            reasons += [f"{process.name}: {reason}" for reason in found.unrest]
            shards[process.service] += found.value(Scrape.SHARDS)
    reasons += [
        f"{service}: {int(shards[service])} of {SHARDS} shards are open"
        for service in SERVICES
        if shards[service] != SHARDS
    ]
    return reasons
