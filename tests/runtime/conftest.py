from collections.abc import AsyncIterator

import pytest

from tests.runtime.harness import World, deployment


@pytest.fixture
async def world(kafka_bootstrap: str, database: str, topic_prefix: str) -> AsyncIterator[World]:
    async with deployment(kafka_bootstrap, database, topic_prefix) as made:
        yield made
