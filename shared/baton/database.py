"""How Baton's processes speak to PostgreSQL: asyncpg for the runner, SQLAlchemy for the rest."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import cast

import asyncpg
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from baton.settings import DatabaseSettings
from baton.times import Times

DATABASE_ERRORS = (
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""The errors that a connection may raise; the last one occurs while the server ends the session."""

MINIMUM_VERSION = 15
_TRANSACTION_TIMEOUT_SINCE = 17


class DatabaseError(Exception):
    """The database is not as Baton needs it; the message says what to do."""


async def pool(
    settings: DatabaseSettings, schema: str, times: Times, size: int = 8
) -> asyncpg.Pool:
    """Connections to a service's schema, made when they are needed, with the bounds of `times`.

    JSON is passed as text, because models parse the states. Code that uses a connection must
    restore its session settings: the pool does not reset them, which saves a round trip.
    """

    async def init(connection: asyncpg.Connection) -> None:
        await _bound_transactions(connection, times)

    return await asyncpg.create_pool(
        settings.database_url.get_secret_value(),
        min_size=0,
        max_size=size,
        timeout=10,
        command_timeout=times.rebalance.total_seconds(),
        init=init,
        reset=_leave_as_it_is,
        server_settings={
            "application_name": f"baton-{schema}",
            "search_path": schema,
            "timezone": "UTC",
            "lock_timeout": _milliseconds(times.lock),
            "idle_in_transaction_session_timeout": _milliseconds(times.idle_in_transaction),
            "statement_timeout": _milliseconds(times.statement),
        },
    )


async def _bound_transactions(connection: asyncpg.Connection, times: Times) -> None:
    version = connection.get_server_version().major
    if version < MINIMUM_VERSION:
        msg = f"PostgreSQL {MINIMUM_VERSION} or later is needed, this is {version}"
        raise DatabaseError(msg)
    if version >= _TRANSACTION_TIMEOUT_SINCE:
        await connection.execute(f"SET transaction_timeout = {_milliseconds(times.transaction)}")


async def _leave_as_it_is(_: asyncpg.Connection) -> None:
    """No reset is needed: settings are changed by SET LOCAL only, and transactions end before the
    connection returns to the pool.
    """


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


@asynccontextmanager
async def connection(of: asyncpg.Pool) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the pool, for the time of the block. If the task is cancelled within the
    block, CancelledError is raised, also if the rollback or the release of a broken connection
    fails. Otherwise a retry loop would take that failure for one to retry.
    """
    task = cast("asyncio.Task[object]", asyncio.current_task())  # nothing else runs a coroutine
    cancellations = task.cancelling()
    proxy = await of.acquire()
    try:
        yield cast(asyncpg.Connection, proxy)  # it forwards to one; its type only says so less well
    except BaseException as error:
        with contextlib.suppress(*DATABASE_ERRORS):
            await of.release(proxy)
        if task.cancelling() > cancellations:
            raise asyncio.CancelledError from error
        raise
    await of.release(proxy)
