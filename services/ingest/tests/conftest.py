"""Deployments and processes of ingest on a real Kafka and a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from ingest_harness import FILES, TOKEN, Process, running

from baton import kafka, migrations
from baton.policy.bundle import Bundle
from ingest.edge import WRITES
from ingest.settings import Settings


@pytest.fixture(scope="session")
def bundle() -> Bundle:
    """A small bundle with a source of each kind."""
    return Bundle.parse(FILES)


@pytest.fixture(scope="session")
def make_settings(
    make_database: Callable[[], str], make_topic_prefix: Callable[[], str], kafka_bootstrap: str
) -> Callable[..., Settings]:
    """Makes the settings of a deployment of its own, with its tables and topics."""

    def make(**changed: str) -> Settings:
        made = Settings.model_validate(
            {
                "kafka_bootstrap_servers": kafka_bootstrap,
                "topic_prefix": make_topic_prefix(),
                "partitions": 3,
                "database_url": make_database(),
                "api_token": TOKEN,
                "id_key": "an id key of the tests, long enough",
                "body_limit": 20_000,
                **changed,
            }
        )
        migrations.upgrade(made, "ingest", Path(__file__).parents[1] / "migrations")
        asyncio.run(_apply_topics(made))
        return made

    return make


async def _apply_topics(settings: Settings) -> None:
    await kafka.apply_topics(settings, WRITES)


@pytest.fixture(scope="session")
def settings(make_settings: Callable[..., Settings]) -> Settings:
    """A deployment that tests share which look only at what they sent."""
    return make_settings()


@pytest.fixture
async def process(settings: Settings, bundle: Bundle) -> AsyncIterator[Process]:
    """A process whose Kafka and PostgreSQL are there."""
    async with running(settings, bundle) as made:
        await made.circuit.closed.wait()
        yield made
