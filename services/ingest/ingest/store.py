"""The SQL of aliases, for their keeper and the API, and of the spool."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from baton.cloudevents import Headers, Message
from baton.policy.bundle import Bundle
from baton.runtime.inputs import Input, Row
from ingest.domain import Alias, AliasName, Forget, NoState
from ingest.kept import store as kept
from ingest.patience import within
from ingest.quarantine import store as quarantine

_FORWARDER_LOCK = 0x696E67657374
"""Its holder alone forwards the spool; any process may be it."""


class AliasStore:
    """The alias keeper's side of the runner: `runtime.inputs.Store`."""

    @property
    def state(self) -> type[NoState]:
        return NoState

    async def lock(
        self,
        db: asyncpg.Connection,
        given: Sequence[Input],
        states: dict[UUID, NoState],
        bundle: Bundle,
    ) -> None:
        """Shards share nothing here."""

    async def save(self, db: asyncpg.Connection, rows: Sequence[Row], shared: None) -> None:  # noqa: ARG002 - the runner's interface
        """Write the aliases, then forget: the times in both tell which of them may stay."""
        seen: dict[tuple[AliasName, UUID], datetime] = {}
        for row in rows:
            if isinstance(row, Alias):
                key = (row.name, row.lead_id)
                seen[key] = max(row.seen_at, seen.get(key, row.seen_at))
        if seen:
            await _save_aliases(db, seen)
        forget = [row for row in rows if isinstance(row, Forget)]
        if forget:
            await _forget(db, forget)

    async def erase(self, db: asyncpg.Connection, lead_ids: Sequence[UUID]) -> None:
        """`save` has done it: `Forget` knows up to when, so that an enquiry since then stays."""


class AliasReads:
    """Whom a name belongs to."""

    def __init__(self, pool: asyncpg.Pool, patience: timedelta) -> None:
        self._pool = pool
        self._patience = patience

    async def leads_of(self, name: AliasName) -> list[UUID]:
        """The leads that are known by a name, two at most, the one that was seen last first."""
        rows = await within(
            self._patience,
            self._pool.fetch(
                """
                SELECT lead_id FROM alias
                WHERE kind = $1 AND brand = $2 AND source = $3 AND value = $4
                ORDER BY seen_at DESC, lead_id LIMIT 2
                """,
                name.kind.value,
                name.brand,
                name.source,
                name.value,
            ),
        )
        return [row["lead_id"] for row in rows]


async def _save_aliases(
    db: asyncpg.Connection, seen: Mapping[tuple[AliasName, UUID], datetime]
) -> None:
    # In one order, so that two shards that write the same names wait for each other at most.
    keys = sorted(seen)
    await db.execute(
        """
        INSERT INTO alias (kind, brand, source, value, lead_id, seen_at)
        SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::uuid[],
                             $6::timestamptz[])
        ON CONFLICT (kind, brand, source, value, lead_id)
            DO UPDATE SET seen_at = excluded.seen_at WHERE alias.seen_at < excluded.seen_at
        """,
        [name.kind.value for name, _ in keys],
        [name.brand for name, _ in keys],
        [name.source for name, _ in keys],
        [name.value for name, _ in keys],
        [lead_id for _, lead_id in keys],
        [seen[key] for key in keys],
    )


async def _forget(db: asyncpg.Connection, forget: Sequence[Forget]) -> None:
    leads, times = [row.lead_id for row in forget], [row.up_to for row in forget]
    erased = "unnest($1::uuid[], $2::timestamptz[]) AS erased (lead_id, up_to)"
    await db.execute(
        f"""
        DELETE FROM alias USING {erased}
        WHERE alias.lead_id = erased.lead_id AND alias.seen_at <= erased.up_to
        """,  # noqa: S608 - of our own text alone
        leads,
        times,
    )
    await db.execute(
        f"""
        DELETE FROM spool USING {erased}
        WHERE spool.key = convert_to(erased.lead_id::text, 'UTF8')
            AND spool.spooled_at <= erased.up_to
        """,  # noqa: S608 - as above
        leads,
        times,
    )
    await kept.forget(db, leads, times)
    await quarantine.forget(db, leads, times)


@dataclass(frozen=True, slots=True)
class Spooled:
    """An event in the spool."""

    id: int
    shard: int
    message: Message


@dataclass(frozen=True, slots=True)
class SpoolSize:
    """How full the spool is, and of which shards it has events of one process."""

    rows: int
    oldest: datetime | None
    shards: frozenset[int]


class SpoolTable:
    """The spool's rows. `process` is this process, for as long as it runs."""

    def __init__(self, pool: asyncpg.Pool, process: UUID) -> None:
        self._pool = pool
        self._process = process

    async def add(self, event_id: UUID, shard: int, message: Message, now: datetime) -> None:
        """Keep an event; one that is there already is kept once."""
        await self._pool.execute(
            """
            INSERT INTO spool (event_id, process, shard, topic, key, headers, value, spooled_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (event_id) DO NOTHING
            """,
            event_id,
            self._process,
            shard,
            message.topic,
            message.key,
            _headers_json(message.headers),
            message.value,
            now,
        )

    async def size(self) -> SpoolSize:
        """How the spool stands now."""
        row: Any = await self._pool.fetchrow(
            """
            SELECT count(*) AS rows, min(spooled_at) AS oldest,
                array_agg(DISTINCT shard) FILTER (WHERE process = $1) AS shards
            FROM spool
            """,
            self._process,
        )
        return SpoolSize(row["rows"], row["oldest"], frozenset(row["shards"] or ()))

    async def page(self, db: asyncpg.Connection, limit: int) -> list[Spooled] | None:
        """The oldest rows, inside a transaction; None while another process forwards.

        The lock ends with the transaction: the database ends that of a frozen process.
        """
        if not await db.fetchval("SELECT pg_try_advisory_xact_lock($1)", _FORWARDER_LOCK):
            return None
        rows = await db.fetch(
            "SELECT id, shard, topic, key, headers, value FROM spool ORDER BY id LIMIT $1", limit
        )
        return [
            Spooled(
                row["id"],
                row["shard"],
                Message(row["topic"], row["key"], row["value"], _headers(row["headers"])),
            )
            for row in rows
        ]

    async def delete(self, db: asyncpg.Connection, ids: Sequence[int]) -> None:
        """Remove rows that Kafka has."""
        await db.execute("DELETE FROM spool WHERE id = ANY($1::bigint[])", ids)


def _headers_json(headers: Headers) -> str:
    return json.dumps([[name, value.decode()] for name, value in headers])


def _headers(text: str) -> Headers:
    return [(name, value.encode()) for name, value in json.loads(text)]
