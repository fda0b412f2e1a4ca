"""Running `baton` as a person does: arguments and an environment in, text and exit code out."""

import base64
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from typer.testing import CliRunner

from baton.policy.bundle import Bundle
from baton_cli.main import app
from tests.e2e.deployment import Deployment, on_servers

PATIENCE = 60
SHOP_SECRET = "whsec_" + base64.b64encode(b"a secret of the tests").decode()
DEMO_POLICY = Path(__file__).parents[2] / "deploy" / "demo-policy"

SETTINGS = (
    "BATON_KAFKA_BOOTSTRAP_SERVERS",
    "BATON_DATABASE_URL",
    "BATON_API_TOKEN",
    "BATON_ID_KEY",
    "BATON_TOPIC_PREFIX",
    "BATON_PARTITIONS",
    "BATON_INGEST_URL",
    "BATON_SCORING_URL",
    "BATON_ROUTING_URL",
    "BATON_SLA_MONITOR_URL",
)


@pytest.fixture
def environment() -> dict[str, str]:
    """What `baton` is told; what the machine has set of its settings is not seen."""
    return {"COLUMNS": "200"}


@pytest.fixture
def baton(environment: dict[str, str]) -> Callable[..., CompletedProcess[str]]:
    """Runs a command in this process; what it raises beyond what it tells a person is raised."""
    unset = dict.fromkeys(SETTINGS)

    def run(*arguments: str, stdin: str | None = None) -> CompletedProcess[str]:
        ran = CliRunner().invoke(app, arguments, env={**unset, **environment}, input=stdin)
        if ran.exception is not None and not isinstance(ran.exception, SystemExit):
            raise ran.exception
        return CompletedProcess(["baton", *arguments], ran.exit_code, ran.stdout, ran.stderr)

    return run


@pytest.fixture
def until() -> Callable[[Callable[[], CompletedProcess[str]], str], CompletedProcess[str]]:
    """What a command says, once it says something: the services take their time."""

    def wait(run: Callable[[], CompletedProcess[str]], says: str) -> CompletedProcess[str]:
        deadline = time.monotonic() + PATIENCE
        while says not in (done := run()).stdout:
            assert time.monotonic() < deadline, done.stdout + done.stderr
            time.sleep(0.2)
        return done

    return wait


@pytest.fixture(scope="package")
def running(
    kafka_bootstrap: str, make_database: Callable[[], str], make_topic_prefix: Callable[[], str]
) -> Iterator[Deployment]:
    """The four services with the demo's policy, whose promises last seconds."""
    made = on_servers(
        kafka_bootstrap,
        make_database(),
        make_topic_prefix(),
        BATON_BREAKER_DEAD_LETTERS="3",
        BATON_WEBSHOP_FORMS_SECRET=SHOP_SECRET,
    )
    try:
        made.activate(Bundle.read(DEMO_POLICY))
        made.start_services()
        yield made
    finally:
        made.stack.remove()


@pytest.fixture
def services(running: Deployment, environment: dict[str, str]) -> Deployment:
    """`baton` is told where they are."""
    environment |= running.told
    return running
