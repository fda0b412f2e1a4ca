"""The first statement of a batch: it holds the shards, and reads all that the batch needs first."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from baton.runtime.activations import Activation, parse_activations
from baton.runtime.batch import Partition
from baton.subjects import Subject

FENCE = """
WITH fenced AS MATERIALIZED (
    SELECT shard, epoch, clock, activated FROM shard
    WHERE shard = ANY($1::int[]) ORDER BY shard {for_share}
), policy AS MATERIALIZED (
    SELECT activations FROM policy_in_force {for_share_policy}
), sized AS (
    SELECT subject.*, sum(pg_column_size(state)) OVER () AS size FROM subject
    JOIN unnest($3::text[], $4::uuid[]) AS wanted (kind, id) USING (kind, id)
), subjects AS (
    SELECT array_agg(kind) AS kinds, array_agg(id) AS ids, array_agg(shard) AS shards,
        array_agg(version) AS versions, array_agg(CASE WHEN size <= $5 THEN state END) AS states,
        array_agg(sequences) AS sequences, array_agg(erased_at) AS erased,
        array_agg(activated) AS given,
        coalesce(max(size) > $5, false) AS too_large
    FROM sized
)
SELECT f.epochs, f.clocks, f.activated, clock_timestamp() AS now,
    (SELECT activations FROM policy) AS activations,
    (SELECT json_agg(json_build_array(shard, topic, next_offset))
       FROM position WHERE shard = ANY($1::int[])) AS positions,
    ARRAY(SELECT id FROM inbox_0 WHERE id = ANY($2::uuid[])
          UNION ALL SELECT id FROM inbox_1 WHERE id = ANY($2::uuid[])) AS known,
    (SELECT current FROM inbox_turn) AS inbox,
    (SELECT tripped_at IS NOT NULL AND (resumed_at IS NULL OR resumed_at < tripped_at)
       FROM breaker) AS tripped, s.*
FROM subjects AS s,
    (SELECT json_object_agg(shard, epoch) AS epochs, json_object_agg(shard, clock) AS clocks,
        json_object_agg(shard, activated) AS activated
        FROM fenced) AS f
"""
"""Its two blanks are for the locks: `fence` fills them in."""

_ANY_SIZE = 2**62


class StatesTooLargeError(Exception):
    """The states of a batch would fill the memory; halves of it have fewer."""


@dataclass(frozen=True, slots=True)
class Fence:
    """The result of a batch's first statement, which holds the shards and the policy FOR SHARE.

    A statement that waited for a lock sees the new version of the locked row, and all other rows as
    before the wait. This is correct here. Only the shard's owner writes these rows, and a former
    owner that waited finds a newer epoch.
    """

    epochs: Mapping[int, int]
    clocks: Mapping[int, datetime | None]
    activated: Mapping[int, str | None]
    positions: Mapping[Partition, int]
    activations: Sequence[Activation]
    known: Collection[UUID]
    subjects: Mapping[Subject, "SubjectRow"]
    inbox: int
    tripped: bool
    now: datetime


@dataclass(frozen=True, slots=True)
class SubjectRow:
    """A row of `subject`: the state as JSON, the last sequence by topic, the tombstone."""

    shard: int
    version: int
    state: str | None
    sequences: Mapping[str, int]
    erased_at: datetime | None
    activated: UUID | None


async def fence(
    db: asyncpg.Connection,
    shards: Sequence[int],
    ids: Sequence[UUID],
    subjects: Sequence[Subject],
    max_bytes: int,
    statement: str = FENCE,
) -> Fence:
    """Hold the shards against a raise of their epochs, and read what the batch depends on.

    `ids` are those of its inputs, `subjects` what they are about. Raises StatesTooLargeError where
    the states of several subjects have more than `max_bytes`, as PostgreSQL stores them. The state
    of a single subject is read whatever its size.
    """
    bound = max_bytes if len(subjects) > 1 else _ANY_SIZE
    row = await db.fetchrow(
        statement.format(for_share="FOR SHARE", for_share_policy="FOR SHARE"),
        sorted(shards),
        ids,
        [subject.kind for subject in subjects],
        [subject.id for subject in subjects],
        bound,
    )
    assert row is not None  # noqa: S101 - an aggregate always has its row
    if row["too_large"]:
        msg = f"the states of {len(subjects)} subjects have more than {max_bytes} bytes"
        raise StatesTooLargeError(msg)
    return Fence(
        epochs={int(n): epoch for n, epoch in json.loads(row["epochs"] or "{}").items()},
        clocks={
            int(n): None if clock is None else datetime.fromisoformat(clock)
            for n, clock in json.loads(row["clocks"] or "{}").items()
        },
        activated={int(n): mark for n, mark in json.loads(row["activated"] or "{}").items()},
        positions={(n, topic): at for n, topic, at in json.loads(row["positions"] or "[]")},
        activations=parse_activations(row["activations"]),
        known=frozenset(row["known"]),
        subjects=dict(_subjects(row)),
        inbox=row["inbox"],
        tripped=bool(row["tripped"]),
        now=row["now"],
    )


def _subjects(row: asyncpg.Record) -> Iterator[tuple[Subject, SubjectRow]]:
    if row["ids"] is None:
        return
    names = ("kinds", "ids", "shards", "versions", "states", "sequences", "erased", "given")
    for kind, id_, shard, version, state, sequences, erased_at, activated in zip(
        *(row[name] for name in names), strict=True
    ):
        found = SubjectRow(shard, version, state, json.loads(sequences), erased_at, activated)
        yield Subject(kind, id_), found


async def in_inbox(db: asyncpg.Connection, ids: Collection[UUID]) -> frozenset[UUID]:
    """The ids of these that the inbox has."""
    if not ids:
        return frozenset()
    rows = await db.fetch(
        "SELECT id FROM inbox_0 WHERE id = ANY($1::uuid[]) "
        "UNION ALL SELECT id FROM inbox_1 WHERE id = ANY($1::uuid[])",
        list(ids),
    )
    return frozenset(row["id"] for row in rows)
