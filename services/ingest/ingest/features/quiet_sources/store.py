"""The SQL of arrivals: when which source was heard, and which is told of as quiet."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from baton.database import connection
from ingest.features.quiet_sources.arrivals import Arrival
from ingest.features.quiet_sources.rhythm import HeardHour

_REPORTER_LOCK = 0x686561726425
"""Its holder alone tells of sources that have gone quiet; any process may be it."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """A source that was told of as quiet. `last_seen_at`: when it was heard last by then."""

    source: str
    last_seen_at: datetime


class Arrivals:
    """When deliveries arrived, by the hour."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def add(self, arrivals: Sequence[Arrival]) -> None:
        """Write down what a process has heard."""
        # In one order, so that two processes that write the same hours wait for each other at most.
        rows = sorted(arrivals, key=lambda arrival: (arrival.hour, arrival.source))
        await self._pool.execute(
            """
            INSERT INTO source_hour (hour, source, minutes, last_at)
            SELECT * FROM unnest($1::timestamptz[], $2::text[], $3::bigint[], $4::timestamptz[])
            ON CONFLICT (hour, source) DO UPDATE SET
                minutes = source_hour.minutes | excluded.minutes,
                last_at = greatest(source_hour.last_at, excluded.last_at)
            """,
            [row.hour for row in rows],
            [row.source for row in rows],
            [row.minutes for row in rows],
            [row.last_at for row in rows],
        )

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[asyncpg.Connection | None]:
        """A transaction in which this process alone judges; None while another one does."""
        async with connection(self._pool) as db, db.transaction():
            has_lock = await db.fetchval("SELECT pg_try_advisory_xact_lock($1)", _REPORTER_LOCK)
            yield db if has_lock else None

    async def listening_since(
        self, db: asyncpg.Connection, now: datetime, longest_break: timedelta
    ) -> datetime:
        """The time since which some process has listened without a longer break; this process
        listens now.
        """
        since: datetime = await db.fetchval(
            """
            INSERT INTO source_listening (one, since, until) VALUES (true, $1, $1)
            ON CONFLICT (one) DO UPDATE SET
                since = CASE WHEN source_listening.until < $1 - $2::interval
                    THEN $1 ELSE source_listening.since END,
                until = $1
            RETURNING since
            """,
            now,
            longest_break,
        )
        return since

    async def last_heard(self) -> Mapping[str, datetime]:
        """When each source was heard last, of those that were heard at all."""
        rows = await self._pool.fetch(
            "SELECT source, max(last_at) AS last_at FROM source_hour GROUP BY source"
        )
        return {row["source"]: row["last_at"] for row in rows}

    async def hours(self, source: str, now: datetime) -> list[HeardHour]:
        """All hours in which a source was heard, in their order, but for those still to come.

        A process whose clock is wrong may write those, and a rhythm over years is no rhythm.
        """
        rows = await self._pool.fetch(
            """
            SELECT hour, minutes FROM source_hour WHERE source = $1 AND hour <= $2 ORDER BY hour
            """,
            source,
            now,
        )
        return [HeardHour(row["hour"], row["minutes"]) for row in rows]

    async def quiet(self) -> list[Quiet]:
        """The sources that are told of as quiet."""
        rows = await self._pool.fetch("SELECT source, last_seen_at FROM source_quiet")
        return [Quiet(row["source"], row["last_seen_at"]) for row in rows]

    async def has_gone_quiet(self, db: asyncpg.Connection, quiet: Quiet) -> None:
        """Note that a source was told of."""
        await db.execute(
            "INSERT INTO source_quiet (source, last_seen_at) VALUES ($1, $2)",
            quiet.source,
            quiet.last_seen_at,
        )

    async def is_no_longer_quiet(self, db: asyncpg.Connection, source: str) -> None:
        """Note that it was heard again, or that nobody waits for it any more."""
        await db.execute("DELETE FROM source_quiet WHERE source = $1", source)

    async def delete_before(self, moment: datetime) -> None:
        """Remove what no rhythm is learnt from any more."""
        await self._pool.execute("DELETE FROM source_hour WHERE hour < $1", moment)
