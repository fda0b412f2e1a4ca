"""Running `baton` as a person does: arguments and an environment in, text and exit code out."""

from collections.abc import Callable
from subprocess import CompletedProcess

import pytest
from typer.testing import CliRunner

from baton_cli.main import app

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
