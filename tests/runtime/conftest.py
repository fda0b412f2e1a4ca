from collections.abc import AsyncIterator

import pytest

from baton import events
from tests.runtime.harness import World, deployment
from tests.runtime.pools import PoolChanged


@pytest.fixture(autouse=True)
def pool_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """Declare the event type that only these tests know."""
    monkeypatch.setitem(events.BY_TYPE, PoolChanged.event_type, PoolChanged)


@pytest.fixture
async def world(kafka_bootstrap: str, database: str, topic_prefix: str) -> AsyncIterator[World]:
    async with deployment(kafka_bootstrap, database, topic_prefix) as made:
        yield made
