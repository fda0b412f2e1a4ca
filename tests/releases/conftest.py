"""A deployment in which processes of two releases share the shards of one service."""

from collections.abc import Callable, Generator, Iterator

import pytest

from baton.policy.bundle import Bundle
from baton.policy_sections import policy_sections
from tests.e2e.deployment import LINES_SHOWN, POLICY, Deployment, on_servers
from tests.releases.leads import SHARDS


@pytest.fixture
def deployment(
    kafka_bootstrap: str, make_database: Callable[[], str], make_topic_prefix: Callable[[], str]
) -> Iterator[Deployment]:
    """With a policy in force, and no process yet."""
    made = on_servers(
        kafka_bootstrap,
        make_database(),
        make_topic_prefix(),
        BATON_PARTITIONS=str(SHARDS),
        BATON_TIMES__COMMAND_WAIT="1",
    )
    made.activate(Bundle.read(POLICY, policy_sections()))
    try:
        yield made
    finally:
        made.stack.remove()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Beside a failure: the last that each process has logged."""
    report = yield
    used = getattr(item, "funcargs", {}).get("deployment")
    if report.failed and isinstance(used, Deployment):
        for log in sorted(used.stack.state.logs.glob("*.log")):
            lines = log.read_text(errors="replace").splitlines()
            report.sections.append((log.stem, "\n".join(lines[-LINES_SHOWN:])))
    return report
