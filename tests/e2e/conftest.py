"""One start of the four services for all tests that leave them as they found them."""

from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from deployment import POLICY, Deployment, on_servers
from world import World, open_world

from baton.policy.bundle import Bundle


@pytest.fixture(scope="session")
def everyday(
    kafka_bootstrap: str, make_database: Callable[[], str], make_topic_prefix: Callable[[], str]
) -> Iterator[Deployment]:
    """Ready, with the policy of these tests in force, and with a breaker that is hard to trip."""
    made = on_servers(
        kafka_bootstrap,
        make_database(),
        make_topic_prefix(),
        BATON_BREAKER_DEAD_LETTERS="1000",
    )
    try:
        made.activate(Bundle.read(POLICY))
        made.start_services()
        yield made
    finally:
        made.stack.remove()


@pytest.fixture
def deployment(everyday: Deployment) -> Deployment:
    """What `world` is a view of; modules with a deployment of their own replace it."""
    return everyday


@pytest.fixture
async def world(deployment: Deployment) -> AsyncIterator[World]:
    """The deployment, with what comes to its topics from now on."""
    async with open_world(deployment) as made:
        yield made
