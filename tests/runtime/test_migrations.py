"""The migrations make the tables that the code uses, and keep their rows."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import alembic.command
import asyncpg
import pytest
from pydantic import SecretStr

from baton import migrations
from baton.manifest import manifests
from baton.runtime import command_rows, dead_letters, timers
from baton.runtime.fence import fence
from baton.settings import DatabaseSettings
from baton.subjects import Subject

MIGRATED = [
    pytest.param(service.package, service.migrations, id=service.name)
    for service in manifests()
    if service.migrations is not None
]
each_schema = pytest.mark.parametrize(("schema", "folder"), MIGRATED)

Result = TypeVar("Result")
Row = Mapping[str, Any]
Rows = Mapping[str, Sequence[Row]]

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
LEAD, ERASED = UUID(int=1), UUID(int=2)
COMMAND, LETTER = UUID(int=3), UUID(int=4)
STATE = '{"waits": 3}'
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TIMER = {"lead_id": LEAD, "shard": 1, "due_at": NOW, "accuses": False, "traceparent": None}
UNREADABLE = {
    "id": UUID(int=5),
    "shard": 0,
    "kind": "event",
    "lead_id": None,
    "topic": "lead-captured",
    "offset": 9,
    "key": b"k",
    "headers": '[["ce_id", "37"]]',
    "value": b"{",
    "reason": "it can't be understood",
    "failures": 2,
    "failed_at": NOW,
    "replayed_at": NOW,
}
BEFORE: Rows = {
    "lead": [
        {"lead_id": LEAD, "shard": 1, "state": STATE, "sequences": '{"a": 7}', "erased_at": None},
        {"lead_id": ERASED, "shard": 0, "state": None, "sequences": "{}", "erased_at": NOW},
    ],
    "timer": [
        TIMER | {"name": "look"},
        TIMER | {"name": "breach", "accuses": True, "traceparent": TRACE},
        TIMER | {"name": "next year", "due_at": NOW + timedelta(days=9_999)},
    ],
    "command": [
        {
            "id": COMMAND,
            "shard": 1,
            "lead_id": LEAD,
            "kind": "accept",
            "body": '{"rep": "rep-a"}',
            "made_at": NOW,
            "traceparent": TRACE,
        }
    ],
    "answer": [
        {"command_id": UUID(int=6), "lead_id": LEAD, "status": 202, "body": "{}", "at": NOW}
    ],
    "dead_letter": [
        UNREADABLE,
        UNREADABLE
        | {"id": LETTER, "kind": "command", "lead_id": LEAD, "topic": None, "offset": None}
        | {"key": None, "headers": None, "replayed_at": None},
    ],
    "shard": [{"shard": 0, "epoch": 4, "clock": None}, {"shard": 1, "epoch": 5, "clock": NOW}],
}
"""Rows of the release before subjects, by table."""


def settings_for(url: str) -> DatabaseSettings:
    return DatabaseSettings(database_url=SecretStr(url))


@each_schema
def test_a_migrated_schema_is_the_one_of_the_metadata(
    make_database: Callable[[], str], schema: str, folder: Path
) -> None:
    settings = settings_for(make_database())
    migrations.upgrade(settings, schema, folder)
    migrations.check(settings, schema, folder)
    migrations.upgrade(settings, schema, folder)


# --- leads become subjects


def with_subjects(rows: Rows) -> Rows:
    """Rows as they must be once leads are subjects."""
    tables = {table: [_with_subject(table, row) for row in found] for table, found in rows.items()}
    return {"subject" if table == "lead" else table: found for table, found in tables.items()}


def _with_subject(table: str, row: Row) -> Row:
    """The row with the names and the new columns of this release."""
    new = {name: value for name, value in row.items() if name not in {"lead_id", "status"}}
    if table == "shard":
        return new | {"activated": None}
    if table in {"lead", "timer", "command"}:
        new["version"] = 1
    if table == "lead":
        return new | {"kind": "lead", "id": row["lead_id"], "activated": None}
    kind = None if row["lead_id"] is None else "lead"
    return new | {"subject_kind": kind, "subject_id": row["lead_id"]}


@each_schema
def test_rows_about_leads_become_rows_about_subjects_and_lead_rows_again(
    make_database: Callable[[], str], schema: str, folder: Path
) -> None:
    settings = settings_for(make_database())
    run = partial(within, settings, schema)
    earlier = revision_before_subjects(folder)
    after = with_subjects(BEFORE)
    migrations.upgrade(settings, schema, folder, earlier)
    shape_before = run(shape)
    run(partial(insert, rows=BEFORE))
    for _ in range(2):
        migrations.upgrade(settings, schema, folder)
        migrations.check(settings, schema, folder)
        assert run(partial(read, tables=after)) == in_any_order(after)
        downgrade(settings, schema, folder, earlier)
        assert run(shape) == shape_before
        assert run(partial(read, tables=BEFORE)) == in_any_order(BEFORE)


@each_schema
def test_going_back_to_leads_loses_subjects_of_other_kinds_alone(
    make_database: Callable[[], str], schema: str, folder: Path
) -> None:
    settings = settings_for(make_database())
    run = partial(within, settings, schema)
    earlier = revision_before_subjects(folder)
    migrations.upgrade(settings, schema, folder)
    after = with_subjects(BEFORE)
    of_pools = {
        table: [
            {**row, kind: "pool"}
            for row in after[table]
            for kind in row.keys() & {"kind", "subject_kind"}
            if row[kind] == "lead"
        ]
        for table in ("subject", "timer")
    }
    run(partial(insert, rows=after))
    run(partial(insert, rows=of_pools))
    downgrade(settings, schema, folder, earlier)
    assert run(partial(read, tables=BEFORE)) == in_any_order(BEFORE)


@each_schema
def test_the_runner_finds_what_waited_for_a_lead_before_leads_became_subjects(
    make_database: Callable[[], str], schema: str, folder: Path
) -> None:
    settings = settings_for(make_database())
    run = partial(within, settings, schema)
    migrations.upgrade(settings, schema, folder, revision_before_subjects(folder))
    run(partial(insert, rows=BEFORE))
    migrations.upgrade(settings, schema, folder)
    lead, erased = Subject.lead(LEAD), Subject.lead(ERASED)

    found = run(lambda db: fence(db, [0, 1], [], [lead, erased], 1_000_000))
    assert found.epochs == {0: 4, 1: 5}
    assert (found.subjects[lead].state, found.subjects[lead].sequences) == (STATE, {"a": 7})
    assert (found.subjects[erased].state, found.subjects[erased].erased_at) == (None, NOW)

    soon = timedelta(minutes=1)
    page = run(lambda db: timers.page(db, [0, 1], soon, 10, 1, by_event_clock=False))
    due = {(timer.input.subject, timer.input.name, timer.input.accuses) for timer in page.due}
    assert due == {(lead, "look", False), (lead, "breach", True)}

    (command,) = run(lambda db: command_rows.page(db, [0, 1], 10, 1_000_000, 1))
    assert command.input is not None
    assert (command.input.id, command.input.subject) == (COMMAND, lead)

    (letter,) = run(lambda db: dead_letters.page(db, None, 10, LEAD, replayed_too=True))
    assert (letter.id, letter.lead_id) == (LETTER, LEAD)
    letters = run(lambda db: dead_letters.page(db, None, 10, None, replayed_too=True))
    assert {each.id for each in letters} == {LETTER, UNREADABLE["id"]}


def revision_before_subjects(folder: Path) -> str:
    (path,) = (folder / "versions").glob("*_subjects.py")
    return f"{int(path.name.partition('_')[0]) - 1:04}"


def downgrade(settings: DatabaseSettings, schema: str, folder: Path, revision: str) -> None:
    """Go back to a revision; no command of Baton's does, so nothing public is there for it."""
    migrations._run(
        settings, schema, folder, lambda config: alembic.command.downgrade(config, revision)
    )


def within(
    settings: DatabaseSettings,
    schema: str,
    work: Callable[[asyncpg.Connection], Awaitable[Result]],
) -> Result:
    """The result of `work` on a connection in a transaction."""

    async def run() -> Result:
        url = settings.database_url.get_secret_value()
        db = await asyncpg.connect(url, server_settings={"search_path": schema})
        try:
            async with db.transaction():
                return await work(db)
        finally:
            await db.close()

    return asyncio.run(run())


async def insert(db: asyncpg.Connection, rows: Rows) -> None:
    for table, made in rows.items():
        for row in made:
            names = ", ".join(f'"{name}"' for name in row)
            places = ", ".join(f"${n}" for n in range(1, len(row) + 1))
            await db.execute(
                f"INSERT INTO {table} ({names}) VALUES ({places})",  # noqa: S608 - the test's own
                *row.values(),
            )


async def read(db: asyncpg.Connection, tables: Rows) -> Rows:
    return in_any_order(
        {
            table: [dict(row) for row in await db.fetch(f"SELECT * FROM {table}")]  # noqa: S608 - as above
            for table in tables
        }
    )


def in_any_order(rows: Rows) -> Rows:
    """The same rows, sorted, since neither rows nor columns have an order in a table."""
    return {
        table: sorted((dict(sorted(row.items())) for row in found), key=str)
        for table, found in rows.items()
    }


async def shape(db: asyncpg.Connection) -> set[str]:
    """The columns, the indexes and the comments of the schema."""
    found = await db.fetch(
        """
        SELECT concat_ws(' ', table_name, column_name, data_type, is_nullable, column_default) AS it
        FROM information_schema.columns WHERE table_schema = current_schema()
        UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema()
        UNION ALL SELECT concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(oid))
        FROM pg_constraint WHERE connamespace = current_schema()::regnamespace
        UNION ALL SELECT concat_ws(' ', relname, reloptions, obj_description(oid, 'pg_class'))
        FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'
        """
    )
    return {row["it"] for row in found}
