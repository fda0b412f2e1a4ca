"""Alembic, one history for each service, in the service's own schema."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from alembic import command, context
from alembic.config import Config
from sqlalchemy import Connection, MetaData, pool, text
from sqlalchemy.ext.asyncio import create_async_engine

from baton.settings import DatabaseSettings

# Two processes that migrate at once take turns by this advisory lock.
_LOCK = 0x6261746F6E


def upgrade(
    settings: DatabaseSettings, schema: str, migrations: Path, revision: str = "head"
) -> None:
    """Bring a service's schema to a revision in `migrations`, by default the newest.

    Does nothing if it is there, or further.
    """
    _run(settings, schema, migrations, lambda config: command.upgrade(config, revision))


def check(settings: DatabaseSettings, schema: str, migrations: Path) -> None:
    """Raise alembic's CommandError where the migrated schema differs from the metadata."""
    _run(settings, schema, migrations, command.check)


def run_env(metadata: MetaData) -> None:
    """Run the migrations of a service; called by its `migrations/env.py`. The connection is in the
    service's schema.
    """
    connection: Connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=metadata,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def _run(
    settings: DatabaseSettings, schema: str, migrations: Path, act: Callable[[Config], None]
) -> None:
    asyncio.run(_run_in_transaction(settings, schema, migrations, act))


async def _run_in_transaction(
    settings: DatabaseSettings, schema: str, migrations: Path, act: Callable[[Config], None]
) -> None:
    url = settings.database_url.get_secret_value().replace(
        "postgresql://", "postgresql+asyncpg://", 1
    )
    engine = create_async_engine(
        url, poolclass=pool.NullPool, connect_args={"server_settings": {"search_path": schema}}
    )
    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))

    def within(connection: Connection) -> None:
        config.attributes["connection"] = connection
        act(config)

    async with engine.begin() as connection:
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        await connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{schema}"'))
        await connection.run_sync(within)
    await engine.dispose()
