"""What the migrations make is what the code believes to have."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from baton import migrations
from baton.settings import DatabaseSettings

SERVICES = Path(__file__).parents[2] / "services"
SCHEMAS = {
    "ingest": "ingest",
    "scoring": "scoring",
    "routing": "routing",
    "sla-monitor": "sla_monitor",
}


@pytest.mark.parametrize("service", SCHEMAS)
def test_a_migrated_schema_is_the_one_of_the_metadata(
    make_database: Callable[[], str], service: str
) -> None:
    settings = DatabaseSettings(database_url=SecretStr(make_database()))
    folder = SERVICES / service / "migrations"
    migrations.upgrade(settings, SCHEMAS[service], folder)
    migrations.check(settings, SCHEMAS[service], folder)
    migrations.upgrade(settings, SCHEMAS[service], folder)
