"""Tables full of leads: a sample that the services have made themselves, copied set by set.

A copy has ids of its own, is some days older than the one before, and is otherwise the same. Ids
that a state has of rows in other tables are changed with them, so that what a service does with a
copied lead is what it would do with any other.
"""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import asyncpg

from baton_cli.service import ROUTING, SLA_MONITOR, Service

_ROW_OF_A_STATE = {ROUTING: "{held,id}", SLA_MONITOR: "{clocks,0,id}"}
"""Where a state has the id of a row that a decision may change: the one that the sample has."""

# A lead's id says nothing of time. The others have one in their first 48 bits; those that have none
# there are random before and after. Every cast is written out: with one that PostgreSQL has to find
# a function is not inlined, which takes twice as long.
_FUNCTIONS = """
CREATE FUNCTION pg_temp.other(id uuid, copy int) RETURNS uuid LANGUAGE sql IMMUTABLE AS
    $$ SELECT md5(id::text || copy::text)::uuid $$;
CREATE FUNCTION pg_temp.age(copy int) RETURNS interval LANGUAGE sql IMMUTABLE AS
    $$ SELECT interval '80 minutes' * copy $$;
CREATE FUNCTION pg_temp.older(id uuid, copy int) RETURNS uuid LANGUAGE sql IMMUTABLE AS
    $$ SELECT (lpad(to_hex((('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint
                            - copy * 4800000::bigint) & 281474976710655), 12, '0')
               || substr(md5(id::text || copy::text), 13))::uuid $$;
"""

_COLUMNS = """
SELECT c.table_name, c.column_name, c.data_type
FROM information_schema.columns AS c
JOIN information_schema.columns AS has ON (has.table_schema, has.table_name)
    = (c.table_schema, c.table_name)
WHERE c.table_schema = $1
    AND (has.column_name IN ('lead_id', 'subject_id') OR c.table_name IN ('subject', 'inbox_0'))
GROUP BY c.table_name, c.column_name, c.data_type, c.ordinal_position
ORDER BY c.table_name, c.ordinal_position
"""
_CHANGED = {
    "alias.value": "{old} || '-' || copy",
    "timer.due_at": "{old}",
    "subject.id": "pg_temp.other({old}, copy)",
    "subject_id": "pg_temp.other({old}, copy)",
    "lead_id": "pg_temp.other({old}, copy)",
    "uuid": "pg_temp.older({old}, copy)",
    "timestamp with time zone": "{old} - pg_temp.age(copy)",
}
"""What a copy has in a column, by the column or else by its type."""

_KEPT_IN_THE_INBOX = 22 * 24 * 60 // 80
"""Copies that are younger than what an inbox keeps."""


async def keep_sample(database_url: str) -> None:
    """Set aside what is in the tables now; nothing may be running.

    No timer shall fire while something is measured: all of them are put off by a day.
    """
    db = await asyncpg.connect(database_url)
    try:
        for service in Service:
            await db.execute(
                f"UPDATE \"{service.schema}\".timer SET due_at = due_at + interval '1 day'"  # noqa: S608 - of our own text
            )
            await db.execute(f'CREATE SCHEMA "{_sample(service)}"')
            for table in {row["table_name"] for row in await db.fetch(_COLUMNS, service.schema)}:
                await db.execute(
                    f'CREATE TABLE "{_sample(service)}"."{table}" AS '
                    f'TABLE "{service.schema}"."{table}"'
                )
    finally:
        await db.close()


async def add_copies(database_url: str, copies: range) -> None:
    """The sample once more for each number; nothing may be running."""
    await asyncio.gather(*(_add(database_url, service, copies) for service in Service))
    db = await asyncpg.connect(database_url)
    try:
        # What a checkpoint costs is for those to pay who have filled the tables.
        await db.execute("CHECKPOINT")
    finally:
        await db.close()


async def some(database_url: str, wanted: int) -> Sequence[UUID]:
    """So many leads, at random, the same ones each time."""
    db = await asyncpg.connect(database_url)
    try:
        rows = await db.fetch(
            "SELECT id FROM scoring.subject ORDER BY md5(id::text) LIMIT $1", wanted
        )
        return [row["id"] for row in rows]
    finally:
        await db.close()


async def _add(database_url: str, service: Service, copies: range) -> None:
    db = await asyncpg.connect(database_url, server_settings={"search_path": service.schema})
    try:
        await db.execute(_FUNCTIONS)
        columns: dict[str, dict[str, str]] = {}
        for row in await db.fetch(_COLUMNS, service.schema):
            columns.setdefault(row["table_name"], {})[row["column_name"]] = row["data_type"]
        for table, types in columns.items():
            upto = copies.stop
            if table == "inbox_0":
                upto = min(upto, _KEPT_IN_THE_INBOX)
            names = ", ".join(f'"{name}"' for name in types)
            made = ", ".join(_copied(service, table, *column) for column in types.items())
            await db.execute(
                f'INSERT INTO "{table}" ({names}) SELECT {made} '  # noqa: S608 - of our own text
                f'FROM "{_sample(service)}"."{table}" AS old, '
                f"generate_series({copies.start}, {upto - 1}) AS copy"
            )
            await db.execute(f'VACUUM ANALYZE "{table}"')
    finally:
        await db.close()


def _copied(service: Service, table: str, name: str, type_: str) -> str:
    """The expression for a column of a copy."""
    old = f'old."{name}"'
    if (table, name) == ("subject", "state") and service in _ROW_OF_A_STATE:
        id_ = f"{old} #>> '{_ROW_OF_A_STATE[service]}'"
        return (
            f"coalesce(replace({old}::text, {id_}, "
            f"pg_temp.older(({id_})::uuid, copy)::text)::json, {old})"
        )
    return _CHANGED.get(f"{table}.{name}", _CHANGED.get(name, _CHANGED.get(type_, "{old}"))).format(
        old=old
    )


def _sample(service: Service) -> str:
    return f"sample_{service.schema}"
