"""What the migrations make is what the code believes to have."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from baton import migrations
from baton.manifest import manifests
from baton.settings import DatabaseSettings

MIGRATED = [
    pytest.param(service.package, service.migrations, id=service.name)
    for service in manifests()
    if service.migrations is not None
]


@pytest.mark.parametrize(("schema", "folder"), MIGRATED)
def test_a_migrated_schema_is_the_one_of_the_metadata(
    make_database: Callable[[], str], schema: str, folder: Path
) -> None:
    settings = DatabaseSettings(database_url=SecretStr(make_database()))
    migrations.upgrade(settings, schema, folder)
    migrations.check(settings, schema, folder)
    migrations.upgrade(settings, schema, folder)
