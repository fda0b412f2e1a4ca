"""The SQL of a batch: what the runner reads and writes of its own tables, on sets."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from baton.runtime.batch import Partition

_FENCE = """
WITH fenced AS MATERIALIZED (
    SELECT shard, epoch, clock FROM shard WHERE shard = ANY($1::int[]) ORDER BY shard {for_share}
), policy AS MATERIALIZED (
    SELECT activations FROM policy_in_force {for_share_policy}
), sized AS (
    SELECT *, sum(pg_column_size(state)) OVER () AS size FROM lead WHERE lead_id = ANY($3::uuid[])
), leads AS (
    SELECT array_agg(lead_id) AS ids, array_agg(CASE WHEN size <= $4 THEN state END) AS states,
        array_agg(sequences) AS sequences, array_agg(erased_at) AS erased,
        coalesce(max(size) > $4, false) AS too_large
    FROM sized
)
SELECT f.epochs, f.clocks, clock_timestamp() AS now,
    (SELECT activations FROM policy) AS activations,
    (SELECT json_agg(json_build_array(shard, topic, next_offset))
       FROM position WHERE shard = ANY($1::int[])) AS positions,
    ARRAY(SELECT id FROM inbox_0 WHERE id = ANY($2::uuid[])
          UNION ALL SELECT id FROM inbox_1 WHERE id = ANY($2::uuid[])) AS known,
    (SELECT current FROM inbox_turn) AS inbox,
    (SELECT tripped_at IS NOT NULL AND (resumed_at IS NULL OR resumed_at < tripped_at)
       FROM breaker) AS tripped, l.*
FROM leads AS l,
    (SELECT json_object_agg(shard, epoch) AS epochs, json_object_agg(shard, clock) AS clocks
        FROM fenced) AS f
"""

_RECORD = """
WITH leads AS (
    INSERT INTO lead (lead_id, shard, state, sequences, erased_at)
    SELECT * FROM unnest($1::uuid[], $2::int[], $3::json[], $4::json[], $5::timestamptz[])
    ON CONFLICT (lead_id) DO UPDATE SET
        state = excluded.state, sequences = excluded.sequences, erased_at = excluded.erased_at
), noted AS (
    INSERT INTO {inbox} (id) SELECT unnest($6::uuid[]) ON CONFLICT DO NOTHING
), moved AS (
    INSERT INTO position (shard, topic, next_offset)
    SELECT * FROM unnest($7::int[], $8::text[], $9::bigint[])
    ON CONFLICT (shard, topic) DO UPDATE SET next_offset = excluded.next_offset
), gone AS (
    DELETE FROM outbox USING unnest($10::int[], $11::bigint[]) AS done (shard, upto)
    WHERE outbox.shard = done.shard AND outbox.id <= done.upto
)
INSERT INTO outbox (shard, event_id, topic, key, headers, value)
SELECT shard, event_id, topic, key, headers, value
FROM unnest($12::int[], $13::uuid[], $14::text[], $15::bytea[], $16::json[], $17::bytea[])
    WITH ORDINALITY AS row (shard, event_id, topic, key, headers, value, at) ORDER BY at
RETURNING id
"""


_WHATEVER = 2**62


class StatesTooLargeError(Exception):
    """The states of a batch would fill the memory; halves of it have fewer."""


@dataclass(frozen=True, slots=True)
class Fence:
    """What a batch's first statement found; it holds the shards and the policy FOR SHARE.

    A statement that had to wait for a lock has the locked row as it is now, and all else as it was
    before. That is right here: nobody but the shard's owner writes what it reads, and who waited
    for a raise finds a newer epoch.
    """

    epochs: Mapping[int, int]
    clocks: Mapping[int, datetime | None]
    positions: Mapping[Partition, int]
    activations: Sequence["Activation"]
    known: Collection[UUID]
    leads: Mapping[UUID, "LeadRow"]
    inbox: int
    tripped: bool
    now: datetime


@dataclass(frozen=True, slots=True)
class Activation:
    """A bundle's being put in force, as `policy_in_force` keeps it."""

    activation_id: UUID
    hash: str
    effective_at: datetime
    activated_at: datetime
    by: str
    why: str
    offset: int

    def to_json(self) -> dict[str, str | int]:
        """The form in which the row keeps it."""
        return {
            "activation_id": str(self.activation_id),
            "hash": self.hash,
            "effective_at": self.effective_at.isoformat(),
            "activated_at": self.activated_at.isoformat(),
            "by": self.by,
            "why": self.why,
            "offset": self.offset,
        }


@dataclass(frozen=True, slots=True)
class LeadRow:
    """What is kept of a lead: its state as JSON, the last sequence by topic, the tombstone."""

    state: str | None
    sequences: Mapping[str, int]
    erased_at: datetime | None


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """An event to be published; `id` is its place in its shard's order."""

    shard: int
    event_id: UUID
    topic: str
    key: bytes
    headers: Sequence[tuple[str, bytes]]
    value: bytes
    id: int = 0


@dataclass(frozen=True, slots=True)
class Writes:
    """What a batch writes besides timers, commands and dead letters."""

    leads: Mapping[UUID, tuple[int, LeadRow]]
    noted: Sequence[UUID]
    positions: Mapping[Partition, int]
    published: Mapping[int, int]
    outbox: Sequence[OutboxRow]


async def fence(
    db: asyncpg.Connection,
    shards: Sequence[int],
    ids: Sequence[UUID],
    lead_ids: Sequence[UUID],
    most_bytes: int,
    *,
    lock: bool = True,
    lock_policy: bool = True,
) -> Fence:
    """Hold the shards against a raise of their epochs, and read what the batch depends on.

    `ids` are those of its events, `lead_ids` those of the leads that it is about. Raises
    StatesTooLargeError where the states of several leads have more than `most_bytes`, as PostgreSQL
    stores them. One lead's are read whatever they have.
    """
    statement = _FENCE.format(
        for_share="FOR SHARE" if lock else "",
        for_share_policy="FOR SHARE" if lock_policy else "",
    )
    bound = most_bytes if len(lead_ids) > 1 else _WHATEVER
    row = await db.fetchrow(statement, sorted(shards), ids, lead_ids, bound)
    assert row is not None  # noqa: S101 - an aggregate always has its row
    if row["too_large"]:
        msg = f"the states of {len(lead_ids)} leads have more than {most_bytes} bytes"
        raise StatesTooLargeError(msg)
    return Fence(
        epochs={int(n): epoch for n, epoch in json.loads(row["epochs"] or "{}").items()},
        clocks={
            int(n): None if clock is None else datetime.fromisoformat(clock)
            for n, clock in json.loads(row["clocks"] or "{}").items()
        },
        positions={(n, topic): at for n, topic, at in json.loads(row["positions"] or "[]")},
        activations=parse_activations(row["activations"]),
        known=frozenset(row["known"]),
        leads=dict(_leads(row)),
        inbox=row["inbox"],
        tripped=bool(row["tripped"]),
        now=row["now"],
    )


def parse_activations(text: str | None) -> tuple[Activation, ...]:
    """The activations of `policy_in_force`, in order of effect."""
    return tuple(
        Activation(
            activation_id=UUID(entry["activation_id"]),
            hash=entry["hash"],
            effective_at=datetime.fromisoformat(entry["effective_at"]),
            activated_at=datetime.fromisoformat(entry["activated_at"]),
            by=entry["by"],
            why=entry["why"],
            offset=entry["offset"],
        )
        for entry in json.loads(text or "[]")
    )


def _leads(row: asyncpg.Record) -> Iterator[tuple[UUID, LeadRow]]:
    if row["ids"] is None:
        return
    columns = (row["ids"], row["states"], row["sequences"], row["erased"])
    for lead_id, state, sequences, erased_at in zip(*columns, strict=True):
        yield lead_id, LeadRow(state, json.loads(sequences), erased_at)


async def record(db: asyncpg.Connection, inbox: int, writes: Writes) -> list[int]:
    """Write what a batch came to; returns the ids of the outbox rows, in their order."""
    leads = list(writes.leads.items())
    positions = list(writes.positions.items())
    outbox = writes.outbox
    arguments: Sequence[Sequence[Any]] = (
        [lead_id for lead_id, _ in leads],
        [shard for _, (shard, _) in leads],
        [row.state for _, (_, row) in leads],
        [json.dumps(row.sequences) for _, (_, row) in leads],
        [row.erased_at for _, (_, row) in leads],
        writes.noted,
        [shard for (shard, _), _ in positions],
        [topic for (_, topic), _ in positions],
        [offset for _, offset in positions],
        list(writes.published),
        list(writes.published.values()),
        [row.shard for row in outbox],
        [row.event_id for row in outbox],
        [row.topic for row in outbox],
        [row.key for row in outbox],
        [json.dumps([[name, value.decode()] for name, value in row.headers]) for row in outbox],
        [row.value for row in outbox],
    )
    rows = await db.fetch(_RECORD.format(inbox=f"inbox_{inbox}"), *arguments)
    return sorted(row["id"] for row in rows)


async def move_clocks(db: asyncpg.Connection, clocks: Mapping[int, datetime]) -> None:
    """Move the events' clock of shards, only forwards."""
    await db.execute(
        """
        UPDATE shard SET clock = moved.clock
        FROM unnest($1::int[], $2::timestamptz[]) AS moved (shard, clock)
        WHERE shard.shard = moved.shard AND (shard.clock IS NULL OR shard.clock < moved.clock)
        """,
        list(clocks),
        list(clocks.values()),
    )


async def tombstones(db: asyncpg.Connection, lead_ids: Collection[UUID]) -> dict[UUID, datetime]:
    """When those of these leads were erased that were."""
    rows = await db.fetch(
        "SELECT lead_id, erased_at FROM lead "
        "WHERE lead_id = ANY($1::uuid[]) AND erased_at IS NOT NULL",
        list(lead_ids),
    )
    return {row["lead_id"]: row["erased_at"] for row in rows}


async def noted(db: asyncpg.Connection, ids: Collection[UUID]) -> frozenset[UUID]:
    """Those of these ids that the inbox knows."""
    if not ids:
        return frozenset()
    rows = await db.fetch(
        "SELECT id FROM inbox_0 WHERE id = ANY($1::uuid[]) "
        "UNION ALL SELECT id FROM inbox_1 WHERE id = ANY($1::uuid[])",
        list(ids),
    )
    return frozenset(row["id"] for row in rows)


async def erase(
    db: asyncpg.Connection, lead_ids: Sequence[UUID], made_before: datetime, *, unpublished: bool
) -> None:
    """Remove what the runner's tables hold on leads, but for their rows in `lead`.

    What is still `unpublished` goes only if asked for.
    """
    keys = [str(lead_id).encode() for lead_id in lead_ids]
    if unpublished:
        await db.execute("DELETE FROM outbox WHERE key = ANY($1::bytea[])", keys)
    # What could not be read says nothing of whose it is; where the lead's id stands in it, it goes.
    await db.execute(
        """
        DELETE FROM dead_letter WHERE lead_id = ANY($1::uuid[]) OR key = ANY($2::bytea[])
            OR lead_id IS NULL AND EXISTS (
                SELECT FROM unnest($2::bytea[]) AS lead (id)
                WHERE position(lead.id IN value) > 0
                    OR position(encode(lead.id, 'hex') IN headers::text) > 0)
        """,
        lead_ids,
        keys,
    )
    await db.execute("DELETE FROM timer WHERE lead_id = ANY($1::uuid[])", lead_ids)
    await db.execute("DELETE FROM answer WHERE lead_id = ANY($1::uuid[])", lead_ids)
    await db.execute(
        "DELETE FROM command WHERE lead_id = ANY($1::uuid[]) AND made_at <= $2",
        lead_ids,
        made_before,
    )
