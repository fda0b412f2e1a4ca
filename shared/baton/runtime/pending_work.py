"""Checks, at the start of the transaction, which timers, commands and dead letters are still
pending.
"""

from collections.abc import Sequence

import asyncpg

from baton.runtime.batch import Item


async def still_pending(db: asyncpg.Connection, items: Sequence[Item]) -> list[Item]:
    """The items without those timers, commands and dead letters that are no longer pending. They
    were read before this transaction. Since then an event may have cancelled a timer, or the first
    half of a repeated batch may have applied the item. The inbox cannot tell, because it has only
    ids of events.
    """
    timers = [item.timer for item in items if item.timer is not None]
    commands = [item.command for item in items if item.command is not None]
    letters = [item.replays for item in items if item.replays is not None]
    if not timers and not commands and not letters:
        return list(items)
    rows = await db.fetch(
        """
        SELECT wanted.id FROM timer
        JOIN unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::timestamptz[])
            AS wanted (id, subject_kind, subject_id, name, due_at)
            USING (subject_kind, subject_id, name, due_at)
        UNION ALL SELECT id FROM command WHERE id = ANY($6::uuid[])
        UNION ALL SELECT id FROM dead_letter WHERE id = ANY($7::uuid[]) AND replayed_at IS NULL
        """,
        [timer.id for timer in timers],
        [timer.subject.kind for timer in timers],
        [timer.subject.id for timer in timers],
        [timer.name for timer in timers],
        [timer.due_at for timer in timers],
        commands,
        letters,
    )
    there = {row["id"] for row in rows}

    def waits(item: Item) -> bool:
        ids = {item.command if item.timer is None else item.timer.id, item.replays} - {None}
        return ids <= there

    return [item for item in items if waits(item)]
