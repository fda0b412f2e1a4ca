"""Deployments and processes of ingest on a real Kafka and a real PostgreSQL."""

from collections.abc import AsyncIterator, Callable

import pytest

from baton.policy.bundle import Bundle
from ingest.policy.reads import READS
from ingest.settings import Settings
from ingest_tests.harness import FILES, Process, deployed, running


@pytest.fixture(scope="session")
def bundle() -> Bundle:
    """A small bundle with a source of each kind."""
    return Bundle.parse(FILES, READS)


@pytest.fixture(scope="session")
def settings(
    make_database: Callable[[], str], make_topic_prefix: Callable[[], str], kafka_bootstrap: str
) -> Settings:
    """A deployment that tests share which look only at what they sent."""
    return deployed(kafka_bootstrap, make_database(), make_topic_prefix())


@pytest.fixture(scope="module")
def settings_of_its_own(
    make_database: Callable[[], str], make_topic_prefix: Callable[[], str], kafka_bootstrap: str
) -> Settings:
    """A deployment of one file's, whose tests look at all that there is."""
    return deployed(kafka_bootstrap, make_database(), make_topic_prefix())


@pytest.fixture
async def process(settings: Settings, bundle: Bundle) -> AsyncIterator[Process]:
    """A process whose Kafka and PostgreSQL are there."""
    async with running(settings, bundle) as made:
        await made.circuit.closed.wait()
        yield made
