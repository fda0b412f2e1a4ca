"""Deletes inbox ids, command answers and dead letters after their retention."""

import asyncio
from datetime import timedelta

import asyncpg

from baton import topics
from baton.database import DATABASE_ERRORS, connection
from baton.logs import logger

INBOX_SPAN = topics.FACTS + topics.SEGMENT + timedelta(days=7)
"""Longer than Kafka keeps a record, plus the longest stop that a service may have."""
ANSWERS = timedelta(hours=1)
DEAD_LETTERS = timedelta(days=90)

_EVERY = timedelta(minutes=5)
_LOG = logger(__name__)


async def keep_house(pool: asyncpg.Pool) -> None:
    """Every few minutes, until cancelled; while the database is away, not."""
    while True:
        try:
            async with connection(pool) as db:
                await turn_inbox(db, INBOX_SPAN)
                await db.execute("DELETE FROM answer WHERE at < now() - $1::interval", ANSWERS)
                await db.execute(
                    "DELETE FROM dead_letter WHERE failed_at < now() - $1::interval", DEAD_LETTERS
                )
        except DATABASE_ERRORS as error:
            _LOG.warning("housekeeping waits for the database", error=type(error).__name__)
        await asyncio.sleep(_EVERY.total_seconds())


async def turn_inbox(db: asyncpg.Connection, span: timedelta) -> bool:
    """Empty the older inbox table and write to it from now on, if all in it is past the span.

    The newest id in the older table is from when the current one began. A batch that still writes
    to the other table loses nothing: its ids are looked for in both.
    """
    async with db.transaction():
        row = await db.fetchrow(
            "SELECT current, since < now() - $1::interval AS past FROM inbox_turn FOR UPDATE", span
        )
        if row is None or not row["past"]:
            return False
        older = 1 - row["current"]
        await db.execute(f"TRUNCATE inbox_{older}")
        await db.execute("UPDATE inbox_turn SET current = $1, since = now()", older)
        return True
