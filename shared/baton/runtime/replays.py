"""Dead letters that an operator has decided on again: read anew, as items of their shard."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from baton.cloudevents import UnknownTypeError
from baton.runtime.batch import Item, Reader, Record
from baton.runtime.decisions import Arm
from baton.runtime.inputs import REPLAY, CommandInput
from baton.subjects import LEAD, Subject


async def resolve(
    db: asyncpg.Connection, items: Sequence[Item], reader: Reader, version: int
) -> list[Item]:
    """The items, with the dead letter in place of each command that asks for its replay.

    `version` is the newest that this release knows of timers and commands.
    """
    letter_ids = {
        item.input.id: UUID(str(item.input.body))
        for item in items
        if isinstance(item.input, CommandInput) and item.input.kind == REPLAY
    }
    if not letter_ids:
        return list(items)
    rows = await db.fetch(
        """
        SELECT id, shard, kind, topic, "offset", key, headers, value FROM dead_letter
        WHERE id = ANY($1::uuid[]) AND replayed_at IS NULL
        """,
        list(letter_ids.values()),
    )
    letters = {row["id"]: row for row in rows}
    return [
        item
        if item.command not in letter_ids
        else _replay(item, letters.get(letter_ids[item.command]), reader, version)
        for item in items
    ]


def _replay(item: Item, letter: asyncpg.Record | None, reader: Reader, known: int) -> Item:
    command = item.input
    if letter is None or not isinstance(command, CommandInput):
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
            again = reader.read_one(record)
        except UnknownTypeError as error:
            # A letter that a newer release made, which was taken back since: it waits for the next.
            again = Item(letter["shard"], None, record, f"this release does not know {error}")
        return Item(again.shard, again.input, again.record, again.fault, letter["id"], item.command)
    replay = replace(item, replays=letter["id"])
    try:
        again = _from_body(replay, command, letter["kind"], json.loads(letter["value"]))
    except (KeyError, TypeError, ValueError) as error:
        return replace(replay, fault=f"the letter can't be read: {type(error).__name__}: {error}")
    found = again.arms or again.input
    if isinstance(found, Arm | CommandInput) and found.version > known:
        return replace(replay, fault=f"it has version {found.version}, this release knows {known}")
    return again


def _from_body(replay: Item, cause: CommandInput, kind: str, body: dict[str, Any]) -> Item:
    """A command is decided on again. A timer is set again, so that the gate applies to it.

    The body of a letter of an earlier release has a `lead_id` for its subject, and does not say
    whether its timer accuses. A timer that does not then only waits, until its shard has read
    everything.
    """
    id_ = UUID(str(body["subject_id"] if "subject_id" in body else body["lead_id"]))
    subject, time = (
        Subject(body.get("subject_kind", LEAD), id_),
        datetime.fromisoformat(body["time"]),
    )
    version = body.get("version", 1)
    if kind == "timer":
        arms = Arm(body["name"], time, accuses=body.get("accuses", True), version=version)
        return replace(replay, input=replace(cause, subject=subject), arms=arms)
    command = CommandInput(
        UUID(str(body["id"])), subject, body["name"], body["body"], time, version=version
    )
    return replace(replay, input=command)
