"""Routing's transactions on a real PostgreSQL, without Kafka: the runner's own, batch by batch."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from baton import database, identity, migrations
from baton.metrics import RuntimeMetrics
from baton.runtime import command_rows
from baton.runtime.activations import Activation
from baton.runtime.batch import Batch, Item
from baton.runtime.batch_transaction import BatchTransaction
from baton.runtime.deciding import Deciding
from baton.runtime.dependencies import Dependencies, Service
from baton.runtime.deployment import check_deployment
from baton.runtime.inputs import Input
from baton.runtime.policies import Policies
from baton.runtime.saving import Committed, Saving
from baton.runtime.status import Status
from baton.tracing import Tracing
from routing.domain import SUBSCRIPTION, decide
from routing.domain.loads import Loads
from routing.domain.state import Lead
from routing.policy.reads import READS
from routing.settings import Settings
from routing.store import RoutingStore
from routing_tests.sales import BUNDLE

SCHEMA = "routing"
SHARDS = 2


def settings_for(url: str) -> Settings:
    """Settings of a process that never speaks to Kafka."""
    return Settings(
        kafka_bootstrap_servers="nowhere.invalid:9092",
        database_url=SecretStr(url),
        partitions=SHARDS,
        api_token=SecretStr("t" * 16),
        port=0,
    )


@dataclass(slots=True)
class Process:
    """A process that owns all shards that it is asked for."""

    pool: asyncpg.Pool
    settings: Settings
    transaction: BatchTransaction[Lead, Loads]
    told: list[tuple[str, bytes]] = field(default_factory=list)

    async def run(self, *given: Input, shard: int = 0) -> None:
        """One transaction."""
        await self._run([Item(shard, one) for one in given], [shard])

    async def obey(self) -> None:
        """What was asked of the shards."""
        shards = range(SHARDS)
        async with database.connection(self.pool) as db:
            items = await command_rows.page(
                db, list(shards), 100, self.settings.batch_bytes, Service.version
            )
        await self._run(items, shards)

    async def _run(self, items: Sequence[Item], shards: Sequence[int]) -> None:
        async with database.connection(self.pool) as db:
            await self.transaction.run(db, Batch(items, dict.fromkeys(shards, 0), {}, {}))

    async def committed(self, done: Committed) -> None:
        """What would be published now."""
        self.told += [(row.topic, row.value) for row in done.outbox]


def migrated(url: str, revision: str = "head") -> Settings:
    """A database of routing's, and how to reach it. Not to be called within an event loop."""
    settings = settings_for(url)
    migrations.upgrade(settings, SCHEMA, Path(__file__).parents[1] / "migrations", revision)
    return settings


@asynccontextmanager
async def process(settings: Settings) -> AsyncIterator[Process]:
    """A process of routing, as `main` would put it together; the tests' bundle is in force."""
    pool = await database.pool(settings, SCHEMA, settings.times)
    await check_deployment(settings, pool, {"lead-scored": SHARDS})
    await _activate(pool)
    status = Status()
    dependencies = Dependencies(
        settings=settings,
        pool=pool,
        policies=Policies(settings, status, READS),
        status=status,
        degraded=status,
        metrics=RuntimeMetrics(CollectorRegistry()),
        tracing=Tracing(SCHEMA, None),
    )
    service = Service(SCHEMA, SUBSCRIPTION, RoutingStore(), decide, READS)
    made: Process

    async def committed(done: Committed) -> None:
        await made.committed(done)

    transaction = BatchTransaction(
        service,
        dependencies,
        Deciding(service, dependencies.tracing, SHARDS),
        Saving(service, settings),
        committed,
    )
    made = Process(pool, settings, transaction)
    yield made
    await pool.close()


async def _activate(pool: asyncpg.Pool) -> None:
    long_ago = datetime(2026, 1, 1, tzinfo=UTC)
    activation = Activation(
        activation_id=identity.named_id("activation"),
        hash=BUNDLE.hash,
        effective_at=long_ago,
        activated_at=long_ago,
        by="test",
        why="test",
        offset=0,
    )
    await pool.execute(
        "INSERT INTO policy_bundle (hash, files) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        BUNDLE.hash,
        json.dumps(dict(BUNDLE.files)),
    )
    await pool.execute(
        "UPDATE policy_in_force SET activations = $1", json.dumps([activation.to_json()])
    )
