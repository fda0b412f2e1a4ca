"""The SQL of commands that wait for a shard, and of their answers."""

import json
from collections.abc import Sequence
from uuid import UUID

import asyncpg

from baton.runtime.batch import Item
from baton.runtime.decisions import Answer
from baton.runtime.effects import Activated, AskedCommand, CommandAnswer
from baton.runtime.errors import NewerVersionError
from baton.runtime.inputs import CommandInput
from baton.subjects import Subject

# A page has as much of each shard that has commands; so no shard waits behind another's backlog,
# and PostgreSQL reads no more rows than the page has.
_PAGE = """
WITH busy AS MATERIALIZED (
    SELECT shard, ceil($2::float8 / count(*) OVER ()) AS quota
    FROM unnest($1::int[]) AS owned (shard)
    WHERE EXISTS (SELECT FROM command WHERE command.shard = owned.shard)
), page AS (
    SELECT waiting.*, sum(pg_column_size(body)) OVER (ORDER BY made_at, id) AS bytes
    FROM busy CROSS JOIN LATERAL (
        SELECT id, shard, subject_kind, subject_id, kind, body, version, made_at, traceparent
        FROM command WHERE command.shard = busy.shard ORDER BY made_at, id LIMIT busy.quota
    ) AS waiting
)
SELECT id, shard, subject_kind, subject_id, kind, body, version, made_at, traceparent
FROM page WHERE bytes - pg_column_size(body) <= $3
ORDER BY made_at, id LIMIT $2
"""

_INSERT = """
INSERT INTO command (id, shard, subject_kind, subject_id, kind, body, version, made_at, traceparent)
SELECT id, shard, subject_kind, subject_id, kind, body, version, made_at, traceparent
FROM unnest($1::uuid[], $2::int[], $3::text[], $4::uuid[], $5::text[], $6::json[], $7::smallint[],
    $8::timestamptz[], $9::text[])
    AS new (id, shard, subject_kind, subject_id, kind, body, version, made_at, traceparent)
{where} ON CONFLICT (id) DO NOTHING
"""


async def page(
    db: asyncpg.Connection, shards: Sequence[int], most: int, max_bytes: int, version: int
) -> list[Item]:
    """The commands that wait for these shards: at most `most`, and little more than `max_bytes`.

    Commands of a shard are in the order of their creation; commands of one batch are ordered by id.
    Raises NewerVersionError for one whose version is above `version`.
    """
    rows = await db.fetch(_PAGE, shards, most, max_bytes)
    items = []
    for row in rows:
        subject = Subject(row["subject_kind"], row["subject_id"])
        if row["version"] > version:
            name = f"the command {row['kind']} ({row['id']}) to {subject.kind} {subject.id}"
            raise NewerVersionError(row["shard"], name, row["version"], version)
        command = CommandInput(
            id=row["id"],
            subject=subject,
            kind=row["kind"],
            body=json.loads(row["body"]),
            time=row["made_at"],
            traceparent=row["traceparent"],
            version=row["version"],
        )
        items.append(Item(row["shard"], command, command=row["id"]))
    return items


async def remove(db: asyncpg.Connection, done: Sequence[UUID]) -> None:
    """Remove commands that are done."""
    if done:
        await db.execute("DELETE FROM command WHERE id = ANY($1::uuid[])", done)


async def answer(db: asyncpg.Connection, schema: str, answers: Sequence[CommandAnswer]) -> None:
    """Keep the answers of commands, and wake the requests that wait for them."""
    if not answers:
        return
    await db.execute(
        """
        INSERT INTO answer (command_id, subject_kind, subject_id, body, at)
        SELECT command_id, subject_kind, subject_id, body, clock_timestamp()
        FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::json[])
            AS new (command_id, subject_kind, subject_id, body)
        ON CONFLICT (command_id) DO NOTHING
        """,
        [reply.command_id for reply in answers],
        [reply.subject.kind for reply in answers],
        [reply.subject.id for reply in answers],
        [_body(reply.answer) for reply in answers],
    )
    await db.execute("SELECT pg_notify($1, '')", f"{schema}_answer")


async def ask(db: asyncpg.Connection, schema: str, commands: Sequence[AskedCommand]) -> None:
    """Write commands, and wake the owners of their shards."""
    if commands:
        await db.execute(_INSERT.format(where=""), *_columns(commands))
        await db.execute("SELECT pg_notify($1, '')", f"{schema}_command")


async def activate(db: asyncpg.Connection, schema: str, activated: Activated) -> None:
    """Write the commands of activations, but for subjects that had theirs; mark the shards."""
    if not activated.marks:
        return
    await db.execute(
        """
        UPDATE shard SET activated = new.mark
        FROM unnest($1::int[], $2::text[]) AS new (shard, mark) WHERE shard.shard = new.shard
        """,
        list(activated.marks),
        list(activated.marks.values()),
    )
    if activated.commands:
        not_given = """
            WHERE NOT EXISTS (
                SELECT FROM subject WHERE subject.kind = new.subject_kind
                    AND subject.id = new.subject_id
                    AND subject.activated = (new.body ->> 'activation_id')::uuid)"""
        await db.execute(_INSERT.format(where=not_given), *_columns(activated.commands))
        await db.execute("SELECT pg_notify($1, '')", f"{schema}_command")


def _columns(commands: Sequence[AskedCommand]) -> Sequence[Sequence[object]]:
    return (
        [command.id for command in commands],
        [command.shard for command in commands],
        [command.ask.subject.kind for command in commands],
        [command.ask.subject.id for command in commands],
        [command.ask.kind for command in commands],
        [json.dumps(command.ask.body) for command in commands],
        [command.ask.version for command in commands],
        [command.made_at for command in commands],
        [command.traceparent for command in commands],
    )


def _body(answer: Answer) -> str:
    return json.dumps({"outcome": answer.outcome, "body": answer.body})
