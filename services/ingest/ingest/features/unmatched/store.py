"""All SQL of what waits for its lead."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from baton.cloudevents import Headers, Message
from baton.database import connection
from ingest.identity.aliases import AliasKind, AliasName
from ingest.publish.spool_store import headers_from, headers_json


@dataclass(frozen=True, slots=True)
class Unnamed:
    """An event that names its lead by what nobody is known by: whose it is must still be found.

    `message` has for its lead the id that the first of its names would make. `lead_ids`: whom it
    may be about, so that an erasure finds it.
    """

    event_id: UUID
    source: str
    names: Sequence[AliasName]
    message: Message
    lead_ids: Sequence[UUID]
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Waiting(Unnamed):
    """An unmatched delivery with its number in the queue. `reported_at`: the time when it was
    reported as too old. If this release cannot read its names or headers, they are empty and
    `unreadable` has the reason.
    """

    number: int
    reported_at: datetime | None
    unreadable: str | None


@dataclass(frozen=True, slots=True)
class GrownOld:
    """Of one source, those that have waited too long, and of which nobody has been told."""

    source: str
    deliveries: int
    oldest_at: datetime
    first: UUID


@dataclass(frozen=True, slots=True)
class Size:
    """How many wait, and since when the first."""

    rows: int
    oldest: datetime | None


_COLUMNS = """number, event_id, source, names, topic, key, headers, value, lead_ids, received_at,
    reported_at"""


class WaitingTable:
    """The rows of what waits."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def add(self, delivery: Unnamed) -> None:
        """Keep an event; one that waits already is kept once.

        It is to be tried again at once: its lead may have come while nobody looked.
        """
        await self._pool.execute(
            """
            INSERT INTO waiting (event_id, source, names, name_ids, topic, key, headers, value,
                                 lead_ids, received_at, due)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, true)
            ON CONFLICT (event_id) DO NOTHING
            """,
            delivery.event_id,
            delivery.source,
            _names_json(delivery.names),
            [name.id for name in delivery.names],
            delivery.message.topic,
            delivery.message.key,
            headers_json(delivery.message.headers),
            delivery.message.value,
            list(delivery.lead_ids),
            delivery.received_at,
        )

    async def size(self) -> Size:
        """How things stand now."""
        row: Any = await self._pool.fetchrow(
            "SELECT count(*) AS rows, min(received_at) AS oldest FROM waiting"
        )
        return Size(row["rows"], row["oldest"])

    async def page(self, source: str | None, after: int, limit: int) -> list[Waiting]:
        """The unmatched deliveries, oldest first."""
        async with connection(self._pool) as db:
            rows = await db.fetch(
                f"""
                SELECT {_COLUMNS} FROM waiting
                WHERE number > $2 AND ($1::text IS NULL OR source = $1)
                ORDER BY number LIMIT $3
                """,  # noqa: S608 - of our own text alone
                source,
                after,
                limit,
            )
        return [_waiting(row) for row in rows]

    async def delete_before(self, moment: datetime) -> int:
        """Give up what has waited past its retention; how many they were."""
        done = await self._pool.execute("DELETE FROM waiting WHERE received_at < $1", moment)
        return int(done.split()[-1])


async def mark_due(db: asyncpg.Connection, names: Collection[AliasName]) -> None:
    """Mark the deliveries that wait for these names, so that they are tried again. Rows that are
    marked already are marked again: a process that tries one right now may not have seen these
    names, and would remove the mark.
    """
    await db.execute(
        "UPDATE waiting SET due = true WHERE name_ids && $1::uuid[]", [name.id for name in names]
    )


async def of_lead(
    db: asyncpg.Connection, lead_id: UUID, names: Sequence[AliasName]
) -> list[Waiting]:
    """The deliveries that may be about the lead with these names, oldest first."""
    rows = await db.fetch(
        f"""
        SELECT {_COLUMNS} FROM waiting
        WHERE lead_ids @> ARRAY[$1::uuid] OR name_ids && $2::uuid[] ORDER BY number
        """,  # noqa: S608 - of our own text alone
        lead_id,
        [name.id for name in names],
    )
    return [_waiting(row) for row in rows]


async def forget(
    db: asyncpg.Connection, erased: Mapping[UUID, datetime], known_by: Mapping[UUID, Sequence[UUID]]
) -> None:
    """Remove what may be about these leads, up to a time each.

    `known_by` are the ids of the names that each lead has had: what has been marked by one, and not
    been moved yet, is about the lead too.
    """
    await db.execute(
        """
        DELETE FROM waiting USING unnest($1::uuid[], $2::timestamptz[]) AS erased (lead_id, up_to)
        WHERE waiting.lead_ids @> ARRAY[erased.lead_id] AND waiting.received_at <= erased.up_to
        """,
        list(erased),
        list(erased.values()),
    )
    named = [(name, erased[lead_id]) for lead_id, names in known_by.items() for name in names]
    await db.execute(
        """
        DELETE FROM waiting USING unnest($1::uuid[], $2::timestamptz[]) AS erased (name_id, up_to)
        WHERE waiting.name_ids @> ARRAY[erased.name_id] AND waiting.received_at <= erased.up_to
        """,
        [name for name, _ in named],
        [up_to for _, up_to in named],
    )


async def lock_due(db: asyncpg.Connection, limit: int) -> list[Waiting]:
    """Of those that are to be tried again, the first that nobody else tries."""
    return await _locked(db, "due", limit)


async def lock_after(db: asyncpg.Connection, number: int, limit: int) -> list[Waiting]:
    """The next after a place in the queue, but for those that somebody else tries."""
    return await _locked(db, "number > $2", limit, number)


async def _locked(db: asyncpg.Connection, which: str, limit: int, *arguments: int) -> list[Waiting]:
    rows = await db.fetch(
        f"""
        SELECT {_COLUMNS} FROM waiting WHERE {which}
        ORDER BY number LIMIT $1 FOR UPDATE SKIP LOCKED
        """,  # noqa: S608 - of our own text alone
        limit,
        *arguments,
    )
    return [_waiting(row) for row in rows]


async def settle(
    db: asyncpg.Connection, found: Collection[int], not_found: Collection[int]
) -> None:
    """Remove those whose lead was found; the others wait for another name."""
    await db.execute("DELETE FROM waiting WHERE number = ANY($1::bigint[])", list(found))
    await db.execute(
        "UPDATE waiting SET due = false WHERE due AND number = ANY($1::bigint[])", list(not_found)
    )


async def report(db: asyncpg.Connection, before: datetime, now: datetime) -> list[GrownOld]:
    """Note for those that were received `before` that they have been told of; each once."""
    rows = await db.fetch(
        """
        WITH told AS (
            UPDATE waiting SET reported_at = $2
            WHERE number IN (
                SELECT number FROM waiting WHERE reported_at IS NULL AND received_at < $1
                FOR UPDATE SKIP LOCKED)
            RETURNING source, received_at, event_id
        )
        SELECT source, count(*) AS deliveries, min(received_at) AS oldest_at,
            (array_agg(event_id ORDER BY received_at, event_id))[1] AS first
        FROM told GROUP BY source ORDER BY source
        """,
        before,
        now,
    )
    return [GrownOld(**dict(row)) for row in rows]


def _waiting(row: asyncpg.Record) -> Waiting:
    names, headers, unreadable = _names_and_headers(row)
    return Waiting(
        event_id=row["event_id"],
        source=row["source"],
        names=names,
        message=Message(row["topic"], row["key"], row["value"], headers),
        lead_ids=row["lead_ids"],
        received_at=row["received_at"],
        number=row["number"],
        reported_at=row["reported_at"],
        unreadable=unreadable,
    )


def _names_and_headers(
    row: asyncpg.Record,
) -> tuple[Sequence[AliasName], Headers, str | None]:
    """Both, or neither and why: a name that is left out might have been the one that counts."""
    try:
        names = [AliasName(AliasKind(kind), *texts) for kind, *texts in json.loads(row["names"])]
        return names, headers_from(row["headers"]), None
    except (TypeError, ValueError) as error:
        return [], [], f"its row is not as this release writes it: {error}"


def _names_json(names: Sequence[AliasName]) -> str:
    return json.dumps([[name.kind, name.brand, name.source, name.value] for name in names])
