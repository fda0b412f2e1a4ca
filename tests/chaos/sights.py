"""What PostgreSQL tells of the processes' sessions, to hit a process at a chosen moment."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg
import psutil


@dataclass(frozen=True, slots=True)
class Session:
    """A session of a process's runner: the server's process behind it, and its last statement."""

    backend: int
    in_transaction: bool
    waits: bool
    """For a lock."""
    statement: str


class Sights:
    """Looks of a few milliseconds each."""

    def __init__(self, db: asyncpg.Connection, server_port: int) -> None:
        self._db = db
        self._server_port = server_port

    async def sessions(self, service: str, pid: int) -> list[Session]:
        """Those of a process, best while it does not move."""
        rows = await self._db.fetch(
            """
            SELECT pid, xact_start IS NOT NULL AS in_transaction,
                wait_event_type IS NOT DISTINCT FROM 'Lock' AS waits, query
            FROM pg_stat_activity
            WHERE application_name = $1 AND client_port = ANY($2::int[])
            """,
            f"baton-{service}",
            list(_ports(pid, self._server_port)),
        )
        return [
            Session(row["pid"], row["in_transaction"], row["waits"], row["query"]) for row in rows
        ]

    async def somebody_waits(self, service: str) -> bool:
        """Whether a process of a service waits for a lock."""
        found: bool = await self._db.fetchval(
            """
            SELECT EXISTS (SELECT FROM pg_stat_activity
                           WHERE application_name = $1 AND wait_event_type = 'Lock')
            """,
            f"baton-{service}",
        )
        return found

    async def blocks_somebody(self, backend: int) -> bool:
        """Whether a session waits for what this one has locked."""
        found: bool = await self._db.fetchval(
            """
            SELECT EXISTS (SELECT FROM pg_stat_activity AS waiting
                           WHERE wait_event_type = 'Lock' AND $1 = ANY(pg_blocking_pids(pid)))
            """,
            backend,
        )
        return found

    async def in_transaction(self, backend: int) -> bool:
        """Whether the session is there and has not ended its transaction."""
        found: bool = await self._db.fetchval(
            """
            SELECT EXISTS (
                SELECT FROM pg_stat_activity WHERE pid = $1 AND xact_start IS NOT NULL)
            """,
            backend,
        )
        return found

    @asynccontextmanager
    async def kept(self, service: str, table: str, *, unread: bool = False) -> AsyncIterator[None]:
        """For the time of the block nothing is written to a service's table, nor read if `unread`.

        Who has waited for it until one block ends gets it before the next one begins.
        """
        mode = "ACCESS EXCLUSIVE" if unread else "SHARE"
        async with self._db.transaction():
            await self._db.execute(f'LOCK TABLE "{service}"."{table}" IN {mode} MODE')
            yield

    async def epochs(self, service: str) -> dict[int, int]:
        """By shard; whoever opens one raises its epoch."""
        rows = await self._db.fetch(f'SELECT shard, epoch FROM "{service}".shard')  # noqa: S608 - ours
        return {row["shard"]: row["epoch"] for row in rows}


def _ports(pid: int, server_port: int) -> set[int]:
    try:
        connections = psutil.Process(pid).net_connections("tcp")
    except psutil.Error:
        return set()
    return {c.laddr.port for c in connections if tuple(c.raddr)[1:] == (server_port,)}


@asynccontextmanager
async def sights(database_url: str, server_port: int) -> AsyncIterator[Sights]:
    """For the time of the block. Raises what asyncpg does while PostgreSQL is away."""
    db = await asyncpg.connect(database_url, timeout=5, command_timeout=5)
    try:
        yield Sights(db, server_port)
    finally:
        db.terminate()
