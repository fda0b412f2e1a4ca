"""How Baton's processes speak to PostgreSQL: asyncpg for the runner, SQLAlchemy for the rest."""

import json
from datetime import timedelta

import asyncpg
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from baton.settings import DatabaseSettings
from baton.times import Times

MINIMUM_VERSION = 15
_TRANSACTION_TIMEOUT_SINCE = 17


class DatabaseError(Exception):
    """The database is not as Baton needs it; the message says what to do."""


async def pool(
    settings: DatabaseSettings, schema: str, times: Times, size: int = 4
) -> asyncpg.Pool:
    """Connections to a service's schema, with the bounds of `times` set in each session.

    JSON comes and goes as text: states are parsed by their models, once.
    """
    url = settings.database_url.get_secret_value()
    bounds = {
        "lock_timeout": _milliseconds(times.lock),
        "idle_in_transaction_session_timeout": _milliseconds(times.idle_in_transaction),
        "statement_timeout": _milliseconds(times.statement),
    }
    if await _version(url) >= _TRANSACTION_TIMEOUT_SINCE:
        bounds["transaction_timeout"] = _milliseconds(times.transaction)
    return await asyncpg.create_pool(
        url,
        min_size=1,
        max_size=size,
        timeout=10,
        command_timeout=times.statement.total_seconds() + 5,
        # Given at the start of a session, these are what asyncpg's RESET ALL goes back to.
        server_settings={
            "application_name": f"baton-{schema}",
            "search_path": schema,
            "timezone": "UTC",
            **bounds,
        },
    )


async def _version(url: str) -> int:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        version = connection.get_server_version().major
    finally:
        await connection.close()
    if version < MINIMUM_VERSION:
        msg = f"PostgreSQL {MINIMUM_VERSION} or later is needed, this is {version}"
        raise DatabaseError(msg)
    return version


def engine(settings: DatabaseSettings, schema: str) -> AsyncEngine:
    """The API's reads of a service's schema."""
    url = make_url(settings.database_url.get_secret_value()).set(drivername="postgresql+asyncpg")
    return create_async_engine(
        url,
        pool_size=2,
        max_overflow=8,
        pool_pre_ping=True,
        connect_args={
            "server_settings": {
                "application_name": f"baton-{schema}-api",
                "search_path": schema,
                "timezone": "UTC",
                "statement_timeout": "10000",
            }
        },
        json_serializer=json.dumps,
    )


def _milliseconds(time: timedelta) -> str:
    return str(int(time / timedelta(milliseconds=1)))
