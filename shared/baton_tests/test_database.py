"""What becomes of whoever has a connection that breaks."""

import asyncio

import pytest
from asyncpg import Connection

from baton import database as databases
from baton.settings import DatabaseSettings
from baton.times import Times


async def test_who_is_cancelled_on_a_broken_connection_ends(database: str) -> None:
    settings = DatabaseSettings.model_validate({"database_url": database})
    pool = await databases.pool(settings, "any", Times())
    opened: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()

    async def work() -> None:
        async with databases.connection(pool) as db, db.transaction():
            opened.set_result(db)
            await asyncio.Event().wait()

    working = asyncio.create_task(work())
    (await opened).terminate()
    working.cancel()
    await asyncio.wait({working})
    assert working.cancelled()


async def test_whose_time_is_over_on_a_broken_connection_is_told_so(database: str) -> None:
    settings = DatabaseSettings.model_validate({"database_url": database})
    pool = await databases.pool(settings, "any", Times())

    async def work() -> None:
        async with (
            asyncio.timeout(None) as limit,
            databases.connection(pool) as db,
            db.transaction(),
        ):
            db.terminate()
            limit.reschedule(0)
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await work()
