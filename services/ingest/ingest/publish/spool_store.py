"""All SQL of the spool."""

import contextlib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from baton.cloudevents import Headers, Message
from baton.database import connection

_FORWARDER_LOCK = 0x696E67657374
"""Its holder alone forwards the spool; any process may be it."""


@dataclass(frozen=True, slots=True)
class Addressed:
    """An event as bytes, with the partition that it goes to."""

    event_id: UUID
    shard: int
    message: Message


@dataclass(frozen=True, slots=True)
class Spooled:
    """An event in the spool; without a message where this release can't read its row."""

    id: int
    shard: int
    message: Message | None


@dataclass(frozen=True, slots=True)
class SpoolSize:
    """How full the spool is; `rows` and `bytes` are of what its events are, not of its pages."""

    rows: int
    bytes: int
    oldest: datetime | None


class SpoolTable:
    """The spool's rows. `process` is this process, for as long as it runs."""

    def __init__(self, pool: asyncpg.Pool, process: UUID) -> None:
        self._pool = pool
        self._process = process

    async def add(self, events: Sequence[Addressed], now: datetime) -> None:
        """Keep events, in this order; one that is there already is kept once."""
        async with connection(self._pool) as db:
            await self.add_within(db, events, now)

    async def add_within(
        self, db: asyncpg.Connection, events: Sequence[Addressed], now: datetime
    ) -> None:
        """As `add`, in a transaction of the caller's."""
        await db.execute(
            """
            INSERT INTO spool (event_id, process, shard, topic, key, headers, value, spooled_at)
            SELECT event_id, $1, shard, topic, key, headers, value, $2
            FROM unnest($3::uuid[], $4::int[], $5::text[], $6::bytea[], $7::json[], $8::bytea[])
                WITH ORDINALITY AS given (event_id, shard, topic, key, headers, value, place)
            WHERE NOT EXISTS (SELECT FROM spool WHERE spool.event_id = given.event_id)
            ORDER BY place
            ON CONFLICT (event_id) DO NOTHING
            """,
            self._process,
            now,
            [event.event_id for event in events],
            [event.shard for event in events],
            [event.message.topic for event in events],
            [event.message.key for event in events],
            [headers_json(event.message.headers) for event in events],
            [event.message.value for event in events],
        )

    async def size(self) -> SpoolSize:
        """How the spool stands now, at most: in the time of a look at both its ends.

        Ids are given in order and taken away in order, so the ends tell how many there are between;
        what lies there that was taken away already is counted too. Bytes are those of the newest.
        """
        row: Any = await self._pool.fetchrow(
            """
            SELECT newest.id - oldest.id + 1 AS rows, oldest.spooled_at, sample.bytes
            FROM (SELECT id, spooled_at FROM spool ORDER BY id LIMIT 1) AS oldest,
                (SELECT id FROM spool ORDER BY id DESC LIMIT 1) AS newest,
                (
                    SELECT avg(bytes) AS bytes FROM (
                        SELECT octet_length(value) + octet_length(headers::text) AS bytes
                        FROM spool ORDER BY id DESC LIMIT 100
                    ) AS newest_ones
                ) AS sample
            """
        )
        if row is None:
            return SpoolSize(rows=0, bytes=0, oldest=None)
        return SpoolSize(row["rows"], int(row["rows"] * row["bytes"]), row["spooled_at"])

    async def counted(self) -> SpoolSize:
        """The same, counted: it takes seconds where the spool is large."""
        row: Any = await self._pool.fetchrow(
            """
            SELECT count(*) AS rows, min(spooled_at) AS oldest,
                coalesce(sum(octet_length(value) + octet_length(headers::text)), 0)::bigint AS bytes
            FROM spool
            """
        )
        return SpoolSize(row["rows"], row["bytes"], row["oldest"])

    async def shards(self) -> frozenset[int]:
        """The shards with events of this process in the spool."""
        rows = await self._pool.fetch(
            "SELECT DISTINCT shard FROM spool WHERE process = $1", self._process
        )
        return frozenset(row["shard"] for row in rows)

    async def page(
        self, db: asyncpg.Connection, limit: int, without: Collection[int] = ()
    ) -> list[Spooled] | None:
        """The oldest rows, inside a transaction; None while another process forwards.

        `without`: ids of rows that are passed over. The lock ends with the transaction: the
        database ends that of a frozen process.
        """
        if not await db.fetchval("SELECT pg_try_advisory_xact_lock($1)", _FORWARDER_LOCK):
            return None
        rows = await db.fetch(
            """
            SELECT id, shard, topic, key, headers, value FROM spool
            WHERE id <> ALL($2::bigint[]) ORDER BY id LIMIT $1
            """,
            limit,
            list(without),
        )
        return [_spooled(row) for row in rows]

    async def left_of(self, ids: Collection[int]) -> frozenset[int]:
        """The rows of these that still exist."""
        rows = await self._pool.fetch(
            "SELECT id FROM spool WHERE id = ANY($1::bigint[])", list(ids)
        )
        return frozenset(row["id"] for row in rows)

    async def delete(self, db: asyncpg.Connection, ids: Sequence[int]) -> None:
        """Remove rows that Kafka has."""
        await db.execute("DELETE FROM spool WHERE id = ANY($1::bigint[])", ids)


async def of_lead(db: asyncpg.Connection, lead_id: UUID) -> list[Message]:
    """A lead's events in the spool, oldest first."""
    rows = await db.fetch(
        """
        SELECT topic, key, headers, value FROM spool
        WHERE key = convert_to($1::uuid::text, 'UTF8') ORDER BY id
        """,
        lead_id,
    )
    return [
        Message(row["topic"], row["key"], row["value"], headers_from(row["headers"]))
        for row in rows
    ]


async def forget(db: asyncpg.Connection, leads: Sequence[UUID], times: Sequence[datetime]) -> None:
    """Remove what is spooled of these leads, up to a time each."""
    await db.execute(
        """
        DELETE FROM spool USING unnest($1::uuid[], $2::timestamptz[]) AS erased (lead_id, up_to)
        WHERE spool.key = convert_to(erased.lead_id::text, 'UTF8')
            AND spool.spooled_at <= erased.up_to
        """,
        leads,
        times,
    )


def _spooled(row: asyncpg.Record) -> Spooled:
    message = None
    with contextlib.suppress(ValueError):
        headers = headers_from(row["headers"])
        message = Message(row["topic"], row["key"], row["value"], headers)
    return Spooled(row["id"], row["shard"], message)


def headers_json(headers: Headers) -> str:
    """An event's headers as a column has them."""
    return json.dumps([[name, value.decode()] for name, value in headers])


def headers_from(text: str) -> Headers:
    """An event's headers out of a column. Raises ValueError where the column has something else."""
    headers = json.loads(text)
    if not isinstance(headers, list) or not all(map(_is_header, headers)):
        raise ValueError("the headers are not pairs of texts")
    return [(name, value.encode()) for name, value in headers]


def _is_header(header: object) -> bool:
    return isinstance(header, list) and [str, str] == [type(part) for part in header]
