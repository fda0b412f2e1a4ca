"""Writes the effects of a batch, on sets, in the batch's transaction."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Generic

import asyncpg

from baton.runtime import command_rows, dead_letters, erasure, poison, timers
from baton.runtime.activations import Activation
from baton.runtime.batch import Batch
from baton.runtime.decisions import Shared, State
from baton.runtime.dependencies import Service
from baton.runtime.effects import Effects, OutboxRow
from baton.runtime.fence import Fence
from baton.settings import ServiceSettings

RECORD = """
WITH subjects AS (
    INSERT INTO subject (kind, id, shard, version, state, sequences, erased_at, activated)
    SELECT kind, id, shard, version, state, sequences, erased_at, activated
    FROM unnest($1::text[], $2::uuid[], $3::int[], $4::smallint[], $5::json[], $6::json[],
        $7::timestamptz[], $20::uuid[])
        AS new (kind, id, shard, version, state, sequences, erased_at, activated)
    ON CONFLICT (kind, id) DO UPDATE SET version = excluded.version, state = excluded.state,
        sequences = excluded.sequences, erased_at = excluded.erased_at,
        activated = excluded.activated
), inbox AS (
    INSERT INTO {inbox} (id) SELECT unnest($8::uuid[]) ON CONFLICT DO NOTHING
), moved AS (
    INSERT INTO position (shard, topic, next_offset)
    SELECT shard, topic, next_offset
    FROM unnest($9::int[], $10::text[], $11::bigint[]) AS new (shard, topic, next_offset)
    ON CONFLICT (shard, topic) DO UPDATE SET next_offset = excluded.next_offset
), gone AS (
    DELETE FROM outbox USING unnest($12::int[], $13::bigint[]) AS done (shard, upto)
    WHERE outbox.shard = done.shard AND outbox.id <= done.upto
)
INSERT INTO outbox (shard, event_id, topic, key, headers, value)
SELECT shard, event_id, topic, key, headers, value
FROM unnest($14::int[], $15::uuid[], $16::text[], $17::bytea[], $18::json[], $19::bytea[])
    WITH ORDINALITY AS row (shard, event_id, topic, key, headers, value, at) ORDER BY at
RETURNING id
"""


@dataclass(frozen=True, slots=True)
class Committed:
    """The result of a transaction."""

    batch: Batch
    outbox: Sequence[OutboxRow]
    next_due: timedelta | None
    """In how long the first of the timers that it set is due."""
    counts: Mapping[tuple[str, str], int]
    """Inputs by their kind and outcome."""
    activations: Mapping[int, Activation]
    """By shard, the activation under which it was decided; empty where nothing was."""


class Saving(Generic[State, Shared]):
    """Writes effects for one service."""

    def __init__(self, service: Service[State, Shared], settings: ServiceSettings) -> None:
        self._service = service
        self._settings = settings

    async def save(
        self,
        db: asyncpg.Connection,
        fence: Fence,
        batch: Batch,
        nows: Mapping[int, datetime],
        effects: Effects[State, Shared],
    ) -> Committed:
        """Write all of it."""
        if effects.subjects:  # else nothing was decided, and nothing was locked
            await self._save_rows(db, effects)
        if effects.poisons:
            await self._bury(db, fence.now, effects)
        if effects.replayed:
            await dead_letters.replayed(db, effects.replayed, fence.now)
        armed = [timer for timer in effects.timers.values() if timer is not None]
        gone = [name for name, timer in effects.timers.items() if timer is None]
        await timers.write(db, gone, armed, effects.rearmed)
        name = self._service.name
        await command_rows.remove(db, effects.commands_done)
        await command_rows.answer(db, name, effects.answers)
        await command_rows.ask(db, name, effects.commands)
        await command_rows.activate(db, name, effects.activated)
        if self._settings.clock == "events":
            await _move_clocks(db, nows)
        ids = await _record(db, fence.inbox, batch, effects)
        outbox = [replace(row, id=id_) for row, id_ in zip(effects.outbox, ids, strict=True)]
        waits = [timer.arm.due_at - nows[timer.shard] for timer in (*armed, *effects.rearmed)]
        return Committed(
            batch, outbox, min(waits, default=None), effects.counts, effects.activations
        )

    async def _save_rows(self, db: asyncpg.Connection, effects: Effects[State, Shared]) -> None:
        """The service's rows in their order; an erasure removes those that came before it."""
        store, begin = self._service.store, 0
        for removal in effects.erasures:
            await store.save(db, effects.rows[begin : removal.rows_before], effects.shared)
            await erasure.apply(db, store, removal)
            begin = removal.rows_before
        await store.save(db, effects.rows[begin:], effects.shared)

    async def _bury(
        self, db: asyncpg.Connection, now: datetime, effects: Effects[State, Shared]
    ) -> None:
        """Write dead letters, with their events, and trip the breaker where they are too many."""
        await dead_letters.write(db, effects.poisons, now)
        poison.announce(effects, self._service.name, now)
        await self._trip(db, now, effects)

    async def _trip(
        self, db: asyncpg.Connection, now: datetime, effects: Effects[State, Shared]
    ) -> None:
        tripped = await dead_letters.trip(
            db,
            self._service.name,
            self._settings.breaker_dead_letters,
            timedelta(seconds=self._settings.breaker_seconds),
            now,
        )
        if tripped is not None:
            shard = effects.poisons[0].item.shard
            effects.outbox.append(poison.breaker_row(self._service.name, shard, tripped, now))


async def _record(
    db: asyncpg.Connection, inbox: int, batch: Batch, effects: Effects[State, Shared]
) -> list[int]:
    """Write what the runner keeps; returns the ids of the outbox rows, in their order."""
    subjects = [
        (subject, stored) for subject, stored in effects.subjects.items() if stored.must_be_stored
    ]
    moved = [(place, end) for place, end in batch.ends.items() if end != batch.begins.get(place)]
    outbox = effects.outbox
    arguments: Sequence[Sequence[Any]] = (
        [subject.kind for subject, _ in subjects],
        [subject.id for subject, _ in subjects],
        [stored.shard for _, stored in subjects],
        [stored.version for _, stored in subjects],
        [
            None if stored.state is None else stored.state.model_dump_json()
            for _, stored in subjects
        ],
        [json.dumps(stored.sequences) for _, stored in subjects],
        [stored.erased_at for _, stored in subjects],
        effects.inbox,
        [shard for (shard, _), _ in moved],
        [topic for (_, topic), _ in moved],
        [offset for _, offset in moved],
        list(batch.published),
        list(batch.published.values()),
        [row.shard for row in outbox],
        [row.event_id for row in outbox],
        [row.topic for row in outbox],
        [row.key for row in outbox],
        [json.dumps([[name, value.decode()] for name, value in row.headers]) for row in outbox],
        [row.value for row in outbox],
        [stored.activated for _, stored in subjects],
    )
    rows = await db.fetch(RECORD.format(inbox=f"inbox_{inbox}"), *arguments)
    return sorted(row["id"] for row in rows)


async def _move_clocks(db: asyncpg.Connection, clocks: Mapping[int, datetime]) -> None:
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
