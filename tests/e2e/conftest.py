"""One start of the four services for all tests that leave them as they found them."""

from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping

import httpx
import pytest

from baton.policy.bundle import Bundle
from baton_local.services import SERVICES
from baton_local.waiting import wait_until
from tests.e2e.deployment import POLICY, Deployment, on_servers
from tests.e2e.world import World, open_world


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Beside a failure: how the services stand, and the last that they have logged."""
    report = yield
    used = getattr(item, "funcargs", {}).get("deployment")
    if report.failed and isinstance(used, Deployment):
        report.sections.append(("the services", used.report()))
    return report


@pytest.fixture(scope="package")
def unruled(
    kafka_bootstrap: str, make_database: Callable[[], str], make_topic_prefix: Callable[[], str]
) -> Iterator[Deployment]:
    """Its processes run; no policy was ever in force."""
    made = on_servers(kafka_bootstrap, make_database(), make_topic_prefix())
    try:
        made.start_services(wait=False)
        yield made
        made.end()
    finally:
        made.stack.remove()


@pytest.fixture(scope="package")
def without_policy(unruled: Deployment) -> Mapping[str, tuple[int, httpx.Response]]:
    """What each service said of itself before there was a policy: /healthz's status, /readyz."""

    def said(service: str) -> tuple[int, httpx.Response]:
        return (
            httpx.get(unruled.url(service) + "/healthz", trust_env=False).status_code,
            httpx.get(unruled.url(service) + "/readyz", trust_env=False),
        )

    def says_what_to_do(service: str) -> bool:
        """Once it has seen that there is none; before, it says that it does not know."""
        try:
            return "baton policy activate" in said(service)[1].json()["reasons"]["policy"]
        except httpx.TransportError:
            return False

    wait_until(lambda: all(map(says_what_to_do, SERVICES)), "a service says nothing of policy")
    return {service: said(service) for service in SERVICES}


@pytest.fixture(scope="package")
def everyday(
    unruled: Deployment, without_policy: Mapping[str, tuple[int, httpx.Response]]
) -> Deployment:
    """The same, ready: the policy of these tests came into force while the processes ran."""
    assert without_policy
    unruled.activate(Bundle.read(POLICY))
    unruled.stack.wait_ready(*SERVICES)
    return unruled


@pytest.fixture
def deployment(everyday: Deployment) -> Deployment:
    """What `world` is a view of; modules with a deployment of their own replace it."""
    return everyday


@pytest.fixture
async def world(deployment: Deployment) -> AsyncIterator[World]:
    """The deployment, with what comes to its topics from now on."""
    async with open_world(deployment) as made:
        yield made
