"""The SQL of timers: those that are due, by pages, and the changes of a batch."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from baton import identity
from baton.runtime.effects import ArmedTimer, TimerName
from baton.runtime.errors import NewerVersionError
from baton.runtime.inputs import TimerInput
from baton.subjects import LEAD, Subject

# Each shard with due timers gets the same number of rows in a page. So no shard waits behind
# another's backlog, and PostgreSQL reads no more rows than the page has. Breach timers have a page
# of their own, because they may have to wait for facts and must not delay the other timers.
_PAGE = """
WITH clock AS MATERIALIZED (
    SELECT clock_timestamp() AS now
), lane AS MATERIALIZED (
    SELECT shard, accuses, {clock} AS clock
    FROM clock, shard CROSS JOIN (VALUES (true), (false)) AS kind (accuses)
    WHERE shard = ANY($1::int[])
), busy AS MATERIALIZED (
    SELECT shard, accuses, clock, ceil($2::float8 / count(*) OVER (PARTITION BY accuses)) AS quota
    FROM lane WHERE EXISTS (
        SELECT FROM timer WHERE timer.shard = lane.shard AND timer.accuses = lane.accuses
            AND due_at <= lane.clock)
)
SELECT due.*, quota, now FROM clock, busy CROSS JOIN LATERAL (
    SELECT subject_kind, subject_id, name, shard, due_at, accuses, version, traceparent
    FROM timer WHERE timer.shard = busy.shard AND timer.accuses = busy.accuses
        AND due_at <= busy.clock
    ORDER BY due_at LIMIT busy.quota
) AS due
UNION ALL
SELECT next.*, NULL, now FROM clock, lane CROSS JOIN LATERAL (
    SELECT subject_kind, subject_id, name, shard, due_at, accuses, version, traceparent
    FROM timer WHERE timer.shard = lane.shard AND timer.accuses = lane.accuses
        AND due_at > lane.clock
    ORDER BY due_at LIMIT 1
) AS next
ORDER BY due_at
"""
_BY_DATABASE_CLOCK = _PAGE.format(clock="clock.now")
_BY_EVENT_CLOCK = _PAGE.format(clock="shard.clock")


@dataclass(frozen=True, slots=True)
class DueTimer:
    """A timer that is due by its shard's clock. `due_ago` is the time since then by the database's
    clock; zero if the shard's clock follows events, because then the time is not known.
    """

    shard: int
    input: TimerInput
    due_ago: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class TimerPage:
    """Due timers, the time until the next one, and whether a breach timer is due now or soon.
    `next_in` is None if there is no timer, or if the shard's clock follows events. `overdue` is how
    long the oldest has been due by the database's clock. `full` says that more may be due.
    """

    due: list[DueTimer]
    full: bool
    next_in: timedelta | None
    accuses_soon: bool
    overdue: timedelta


async def page(
    db: asyncpg.Connection,
    shards: Sequence[int],
    soon: timedelta,
    most: int,
    version: int,
    *,
    by_event_clock: bool,
) -> TimerPage:
    """Due timers of these shards, the oldest of each first, and what is known of the next.

    There are about `most` that accuse, and as many others. Raises NewerVersionError for one whose
    version is above `version`.
    """
    statement = _BY_EVENT_CLOCK if by_event_clock else _BY_DATABASE_CLOCK
    rows = await db.fetch(statement, shards, most)
    due_rows = [row for row in rows if row["quota"] is not None]
    due = [_due(row, version, by_event_clock=by_event_clock) for row in due_rows]
    counts = Counter((row["shard"], row["accuses"], row["quota"]) for row in due_rows)
    later = [row for row in rows if row["quota"] is None and not by_event_clock]
    waits = [(row["due_at"] - row["now"], row["accuses"]) for row in later]
    return TimerPage(
        due,
        full=any(count >= quota for (_, _, quota), count in counts.items()),
        next_in=min((wait for wait, _ in waits), default=None),
        accuses_soon=any(row["accuses"] for row in due_rows)
        or any(accuses and wait <= soon for wait, accuses in waits),
        overdue=max((row["now"] - row["due_at"] for row in due_rows), default=timedelta()),
    )


def _due(row: asyncpg.Record, version: int, *, by_event_clock: bool) -> DueTimer:
    subject = Subject(row["subject_kind"], row["subject_id"])
    if row["version"] > version:
        name = f"the timer {row['name']} of {subject.kind} {subject.id}"
        raise NewerVersionError(row["shard"], name, row["version"], version)
    timer = TimerInput(
        id=timer_id(subject, row["name"], row["due_at"]),
        subject=subject,
        name=row["name"],
        due_at=row["due_at"],
        traceparent=row["traceparent"],
        accuses=row["accuses"],
        version=row["version"],
    )
    due_ago = timedelta() if by_event_clock else row["now"] - row["due_at"]
    return DueTimer(row["shard"], timer, due_ago)


def timer_id(subject: Subject, name: str, due_at: datetime) -> UUID:
    """The id of a timer's firing. It depends on the due time, so each firing has its own."""
    kind = "" if subject.kind == LEAD else f"{subject.kind}:"
    return identity.following_id(subject.id, due_at, f"timer:{kind}{name}", 0)


async def write(
    db: asyncpg.Connection,
    gone: Collection[TimerName],
    armed: Sequence[ArmedTimer],
    rearmed: Sequence[ArmedTimer],
) -> None:
    """Remove timers that fired or were cancelled, and set the armed ones. A timer that is set again
    for a dead letter comes last: if a timer with its name exists by now, that one is newer and
    stays.
    """
    await _set(db, rearmed, "NOTHING")
    if gone:
        await db.execute(
            """
            DELETE FROM timer
            USING unnest($1::text[], $2::uuid[], $3::text[])
                AS gone (subject_kind, subject_id, name)
            WHERE timer.subject_kind = gone.subject_kind AND timer.subject_id = gone.subject_id
                AND timer.name = gone.name
            """,
            [subject.kind for subject, _ in gone],
            [subject.id for subject, _ in gone],
            [name for _, name in gone],
        )
    move = """UPDATE SET due_at = excluded.due_at, accuses = excluded.accuses,
        version = excluded.version, traceparent = excluded.traceparent"""
    await _set(db, armed, move)


async def _set(db: asyncpg.Connection, armed: Sequence[ArmedTimer], on_conflict: str) -> None:
    if not armed:
        return
    await db.execute(
        f"""
        INSERT INTO timer (shard, subject_kind, subject_id, name, due_at, accuses, version,
            traceparent)
        SELECT shard, subject_kind, subject_id, name, due_at, accuses, version, traceparent
        FROM unnest($1::int[], $2::text[], $3::uuid[], $4::text[], $5::timestamptz[], $6::bool[],
            $7::smallint[], $8::text[]) AS new (shard, subject_kind, subject_id, name, due_at,
            accuses, version, traceparent)
        ON CONFLICT (subject_kind, subject_id, name) DO {on_conflict}
        """,  # noqa: S608 - one of two constants
        [timer.shard for timer in armed],
        [timer.subject.kind for timer in armed],
        [timer.subject.id for timer in armed],
        [timer.arm.name for timer in armed],
        [timer.arm.due_at for timer in armed],
        [timer.arm.accuses for timer in armed],
        [timer.arm.version for timer in armed],
        [timer.traceparent for timer in armed],
    )
