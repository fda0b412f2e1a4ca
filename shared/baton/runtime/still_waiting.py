"""Which timers, commands and dead letters still wait when their transaction begins."""

from collections.abc import Sequence

import asyncpg

from baton.runtime.batch import Item


async def still_wait(db: asyncpg.Connection, items: Sequence[Item]) -> list[Item]:
    """The items, without timers, commands and dead letters that wait no more.

    They were read before this transaction; since then an event may have cancelled one, or the first
    half of a batch that is repeated may have applied it. The inbox does not have their ids.
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
