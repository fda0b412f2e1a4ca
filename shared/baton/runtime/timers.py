"""The SQL of what waits for a shard: timers, commands, and dead letters to replay."""

import json
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from baton import identity
from baton.cloudevents import UnknownTypeError
from baton.runtime.batch import Item, Record, read_one
from baton.runtime.inputs import Answer, Arm, Ask, CommandInput, TimerInput

REPLAY = "baton.replay"
"""The command that has a dead letter decided on again; its body is the dead letter's id."""

_FOR_EARLIER_RELEASES = 202
"""The column `status` of an answer: what a process of an earlier release answers its request with.

Such a process also reads `title` and `detail` from the answer's body.
"""

Armed = tuple[int, UUID, Arm, str | None]
"""The shard and the lead of a timer that is set, and the trace that it belongs to."""


@dataclass(frozen=True, slots=True)
class DueTimer:
    """A timer whose time has come by the shard's clock; `due_ago` by the database's, if it is that.

    By the events' clock nobody can say how long ago that was.
    """

    shard: int
    given: TimerInput
    due_ago: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Timers:
    """Those that are due, in how long the next one is, and whether one accuses now or soon.

    By the events' clock nobody can say how long that is: then it is None, as where there is none.
    `overdue` is how long the oldest of them has been due by the database's clock. `page_full` says
    that a shard may have more that are due.
    """

    due: list[DueTimer]
    page_full: bool
    next_in: timedelta | None
    accuses_soon: bool
    overdue: timedelta


async def timers(
    db: asyncpg.Connection,
    shards: Sequence[int],
    soon: timedelta,
    most: int,
    *,
    by_event_clock: bool,
) -> Timers:
    """Due timers, the oldest first, at most `most` of each shard, and what is known of the next.

    Those that accuse may have to wait, and are counted apart, so that they hold up no others.
    """
    clock = "s.clock" if by_event_clock else "now.now"
    due_ones = """
        (SELECT lead_id, name, shard, due_at, accuses, traceparent, true AS due
         FROM timer WHERE shard = s.shard AND due_at <= {clock} AND {which}
         ORDER BY due_at LIMIT $2)"""
    rows = await db.fetch(
        f"""
        SELECT t.*, now.now
        FROM (SELECT clock_timestamp() AS now) AS now, shard AS s CROSS JOIN LATERAL (
            {due_ones.format(clock=clock, which="accuses")}
            UNION ALL {due_ones.format(clock=clock, which="NOT accuses")}
            UNION ALL
            (SELECT lead_id, name, shard, due_at, accuses, traceparent, false AS due
             FROM timer WHERE shard = s.shard AND due_at > {clock} ORDER BY due_at LIMIT 1)
            UNION ALL
            (SELECT lead_id, name, shard, due_at, accuses, traceparent, false AS due
             FROM timer WHERE shard = s.shard AND accuses
                AND due_at > {clock} AND due_at <= {clock} + $3 ORDER BY due_at LIMIT 1)
        ) AS t WHERE s.shard = ANY($1::int[]) ORDER BY t.due_at
        """,  # noqa: S608 - one of two constants
        shards,
        most,
        soon,
    )
    due = [
        DueTimer(
            row["shard"],
            TimerInput(
                id=timer_id(row["lead_id"], row["name"], row["due_at"]),
                lead_id=row["lead_id"],
                name=row["name"],
                due_at=row["due_at"],
                traceparent=row["traceparent"],
                accuses=row["accuses"],
            ),
            timedelta() if by_event_clock else row["now"] - row["due_at"],
        )
        for row in rows
        if row["due"]
    ]
    pages = Counter((timer.shard, timer.given.accuses) for timer in due)
    later = [row for row in rows if not row["due"] and not by_event_clock]
    waits = [(row["due_at"] - row["now"], row["accuses"]) for row in later]
    return Timers(
        due,
        page_full=any(count == most for count in pages.values()),
        next_in=min((wait for wait, _ in waits), default=None),
        accuses_soon=any(timer.given.accuses for timer in due)
        or any(accuses and wait <= soon for wait, accuses in waits),
        overdue=max(
            (row["now"] - row["due_at"] for row in rows if row["due"]), default=timedelta()
        ),
    )


async def outbox_rows(db: asyncpg.Connection, shards: Sequence[int]) -> int:
    """How many events are in the outbox of these shards."""
    count: int = await db.fetchval(
        "SELECT count(*) FROM outbox WHERE shard = ANY($1::int[])", shards
    )
    return count


def timer_id(lead_id: UUID, name: str, due_at: datetime) -> UUID:
    """The id of a timer's firing: the same timer set for another time is another."""
    return identity.following_id(lead_id, due_at, f"timer:{name}", 0)


async def still_there(
    db: asyncpg.Connection,
    timers: Sequence[TimerInput],
    commands: Sequence[UUID],
    letters: Sequence[UUID],
) -> frozenset[UUID]:
    """The ids of those that nobody has cancelled, moved, fired or done since they were read."""
    if not timers and not commands and not letters:
        return frozenset()
    rows = await db.fetch(
        """
        SELECT given.id FROM timer
        JOIN unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[])
            AS given (id, lead_id, name, due_at) USING (lead_id, name, due_at)
        UNION ALL SELECT id FROM command WHERE id = ANY($5::uuid[])
        UNION ALL SELECT id FROM dead_letter WHERE id = ANY($6::uuid[]) AND replayed_at IS NULL
        """,
        [timer.id for timer in timers],
        [timer.lead_id for timer in timers],
        [timer.name for timer in timers],
        [timer.due_at for timer in timers],
        commands,
        letters,
    )
    return frozenset(row["id"] for row in rows)


async def write_timers(
    db: asyncpg.Connection,
    gone: Collection[tuple[UUID, str]],
    armed: Sequence[Armed],
    again: Sequence[Armed],
) -> None:
    """Remove timers that fired or were cancelled, and set those that were armed.

    What is set `again` stands behind all others: one that has its name by now is newer.
    """
    await _set(db, again, "NOTHING")
    if gone:
        await db.execute(
            """
            DELETE FROM timer USING unnest($1::uuid[], $2::text[]) AS gone (lead_id, name)
            WHERE timer.lead_id = gone.lead_id AND timer.name = gone.name
            """,
            [lead_id for lead_id, _ in gone],
            [name for _, name in gone],
        )
    move = """UPDATE SET due_at = excluded.due_at, accuses = excluded.accuses,
        traceparent = excluded.traceparent"""
    await _set(db, armed, move)


async def _set(db: asyncpg.Connection, armed: Sequence[Armed], on_conflict: str) -> None:
    if armed:
        await db.execute(
            f"""
            INSERT INTO timer (shard, lead_id, name, due_at, accuses, traceparent)
            SELECT * FROM unnest(
                $1::int[], $2::uuid[], $3::text[], $4::timestamptz[], $5::bool[], $6::text[])
            ON CONFLICT (lead_id, name) DO {on_conflict}
            """,  # noqa: S608 - one of two constants
            [shard for shard, _, _, _ in armed],
            [lead_id for _, lead_id, _, _ in armed],
            [arm.name for _, _, arm, _ in armed],
            [arm.due_at for _, _, arm, _ in armed],
            [arm.accuses for _, _, arm, _ in armed],
            [traceparent for _, _, _, traceparent in armed],
        )


async def commands(
    db: asyncpg.Connection, shards: Sequence[int], partitions: int, most: int
) -> list[Item]:
    """At most `most` of what was asked of these shards, oldest first; replays decoded anew."""
    rows = await db.fetch(
        """
        SELECT id, shard, lead_id, kind, body, made_at, traceparent FROM command
        WHERE shard = ANY($1::int[]) ORDER BY made_at LIMIT $2
        """,
        shards,
        most,
    )
    items = []
    for row in rows:
        given = CommandInput(
            id=row["id"],
            lead_id=row["lead_id"],
            kind=row["kind"],
            body=json.loads(row["body"]),
            time=row["made_at"],
            traceparent=row["traceparent"],
        )
        items.append(Item(row["shard"], given, command=row["id"]))
    return await _with_replays(db, items, partitions)


async def _with_replays(db: asyncpg.Connection, items: list[Item], partitions: int) -> list[Item]:
    wanted = {
        item.given.id: UUID(str(item.given.body))
        for item in items
        if isinstance(item.given, CommandInput) and item.given.kind == REPLAY
    }
    if not wanted:
        return items
    rows = await db.fetch(
        """
        SELECT id, shard, kind, topic, "offset", key, headers, value FROM dead_letter
        WHERE id = ANY($1::uuid[]) AND replayed_at IS NULL
        """,
        list(wanted.values()),
    )
    letters = {row["id"]: row for row in rows}
    return [
        item
        if item.command not in wanted
        else _replay(item, letters.get(wanted[item.command]), partitions)
        for item in items
    ]


def _replay(item: Item, letter: asyncpg.Record | None, partitions: int) -> Item:
    given = item.given
    if letter is None or not isinstance(given, CommandInput):
        return item
    if letter["kind"] == "event":
        headers = [
            (name, None if value is None else bytes.fromhex(value))
            for name, value in json.loads(letter["headers"])
        ]
        record = Record(
            letter["shard"],
            letter["topic"],
            letter["offset"],
            letter["key"],
            letter["value"],
            headers,
        )
        try:
            again = read_one(record, partitions)
        except UnknownTypeError as error:
            # Of a release that this one has taken the place of; the letter waits for the next.
            again = Item(letter["shard"], None, record, f"this release does not know {error}")
        return Item(again.shard, again.given, again.record, again.fault, letter["id"], item.command)
    replay = replace(item, replays=letter["id"])
    try:
        return _from_body(replay, given, letter["kind"], json.loads(letter["value"]))
    except (KeyError, TypeError, ValueError) as error:
        return replace(replay, fault=f"the letter can't be read: {type(error).__name__}: {error}")


def _from_body(replay: Item, asked: CommandInput, kind: str, body: dict[str, Any]) -> Item:
    """A command is decided on again. A timer is set again, so that the gate applies to it.

    The body of a letter of an earlier release does not say whether its timer accuses. One that
    does not then only waits, until its shard has read everything.
    """
    lead_id, time = UUID(str(body["lead_id"])), datetime.fromisoformat(body["time"])
    if kind == "timer":
        arms = Arm(body["name"], time, accuses=body.get("accuses", True))
        return replace(replay, given=replace(asked, lead_id=lead_id), arms=arms)
    given = CommandInput(UUID(str(body["id"])), lead_id, body["name"], body["body"], time)
    return replace(replay, given=given)


async def write_commands(
    db: asyncpg.Connection,
    schema: str,
    done: Sequence[UUID],
    answers: Sequence[tuple[UUID, UUID, Answer]],
    asked: Sequence[tuple[UUID, int, Ask, datetime, str | None]],
) -> None:
    """Remove commands that are done, keep their answers, and ask other shards."""
    if done:
        await db.execute("DELETE FROM command WHERE id = ANY($1::uuid[])", done)
    if answers:
        await db.execute(
            """
            INSERT INTO answer (command_id, lead_id, status, body, at)
            SELECT command_id, lead_id, $4, body, clock_timestamp()
            FROM unnest($1::uuid[], $2::uuid[], $3::json[]) AS given (command_id, lead_id, body)
            ON CONFLICT (command_id) DO NOTHING
            """,
            [command_id for command_id, _, _ in answers],
            [lead_id for _, lead_id, _ in answers],
            [_body(answer) for _, _, answer in answers],
            _FOR_EARLIER_RELEASES,
        )
        await db.execute("SELECT pg_notify($1, '')", f"{schema}_answer")
    if asked:
        await db.execute(
            """
            INSERT INTO command (id, shard, lead_id, kind, body, made_at, traceparent)
            SELECT * FROM unnest($1::uuid[], $2::int[], $3::uuid[], $4::text[], $5::json[],
                $6::timestamptz[], $7::text[])
            ON CONFLICT (id) DO NOTHING
            """,
            [command_id for command_id, *_ in asked],
            [shard for _, shard, *_ in asked],
            [ask.lead_id for _, _, ask, _, _ in asked],
            [ask.kind for _, _, ask, _, _ in asked],
            [json.dumps(ask.body) for _, _, ask, _, _ in asked],
            [made_at for *_, made_at, _ in asked],
            [traceparent for *_, traceparent in asked],
        )
        await db.execute("SELECT pg_notify($1, '')", f"{schema}_command")


def _body(answer: Answer) -> str:
    return json.dumps(
        {
            "outcome": answer.outcome,
            "body": answer.body,
            "title": "Decided by a newer release",
            "detail": "what came of it shows in the lead's assignments",
        }
    )
