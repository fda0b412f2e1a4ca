"""Stores, lists and replays dead letters, and holds the breaker that too many of them trip."""

import base64
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
from pydantic import BaseModel, JsonValue

from baton import cloudevents, identity
from baton.cloudevents import Event
from baton.events import BreakerResumed, BreakerTripped, DeadLetter
from baton.runtime.batch import Item
from baton.runtime.effects import Poison
from baton.runtime.inputs import CommandInput, TimerInput
from baton.subjects import LEAD

# What the event of a dead letter may carry, so that it is never itself too large for a record: a
# control character is six in JSON.
_VALUE_ON_TOPIC = 500_000
_HEADERS = 50
_HEADER = 300
_REASON = 2_000


class Letter(BaseModel):
    """A dead letter as the API shows it; `value` is text where it is UTF-8, else base64.

    `lead_id` is the subject's id where the subject is a lead.
    """

    id: UUID
    shard: int
    kind: str
    lead_id: UUID | None
    subject_kind: str | None = None
    subject_id: UUID | None = None
    topic: str | None
    offset: int | None
    reason: str
    failures: int
    failed_at: datetime
    replayed_at: datetime | None
    key: str | None = None
    headers: dict[str, str] | None = None
    value: str | None = None


class Breaker(BaseModel):
    """Whether the service stopped itself, and who let it go on."""

    tripped_at: datetime | None = None
    why: str | None = None
    resumed_at: datetime | None = None
    resumed_by: str | None = None

    @property
    def tripped(self) -> bool:
        """Whether it stands still now."""
        if self.tripped_at is None:
            return False
        return self.resumed_at is None or self.resumed_at < self.tripped_at


def announcement(service: str, poison: Poison, now: datetime) -> DeadLetter:
    """The event that tells of a dead letter; a large value stays in the database."""
    item, record = poison.item, poison.item.record
    value = record.value if record is not None else _body(item).encode()
    return DeadLetter(
        dead_letter_id=item.replays or item.dead_letter_id,
        service=service,
        kind=item.kind,
        occurred_at=now,
        reason=_printable(poison.reason),
        origin_topic=None if record is None else record.topic,
        partition=None if record is None else record.shard,
        offset=None if record is None else record.offset,
        key=None if record is None or record.key is None else _text(record.key)[:_HEADER],
        headers={}
        if record is None
        else {
            name[:_HEADER]: _text(value or b"")[:_HEADER]
            for name, value in record.headers[:_HEADERS]
        },
        value=None
        if value is None or len(value) > _VALUE_ON_TOPIC
        else base64.b64encode(value).decode(),
    )


def announcement_id(service: str, dead_letter_id: UUID) -> UUID:
    """The same for each time that it fails: once by id for each consuming service."""
    return identity.named_id("dead-letter", service, str(dead_letter_id))


async def write(db: asyncpg.Connection, poisons: Sequence[Poison], now: datetime) -> None:
    """Keep what could not be applied, whole."""
    await db.executemany(
        """
        INSERT INTO dead_letter (id, shard, kind, subject_kind, subject_id, topic, "offset", key,
                                 headers, value, reason, failures, failed_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1, $12)
        ON CONFLICT (id) DO UPDATE SET reason = excluded.reason, failed_at = excluded.failed_at,
            failures = dead_letter.failures + 1, replayed_at = NULL
        """,
        [_row(poison, now) for poison in poisons],
    )


async def replayed(db: asyncpg.Connection, ids: Sequence[UUID], now: datetime) -> None:
    """Note that a replay took effect."""
    await db.execute("UPDATE dead_letter SET replayed_at = $2 WHERE id = ANY($1::uuid[])", ids, now)


async def trip(
    db: asyncpg.Connection, service: str, limit: int, within: timedelta, now: datetime
) -> BreakerTripped | None:
    """Stop the service if so many inputs failed within a time, counted since the last resume."""
    count = await db.fetchval(
        """
        SELECT count(*) FROM dead_letter
        WHERE failed_at > greatest($1::timestamptz, (SELECT resumed_at FROM breaker))
        """,
        now - within,
    )
    if count < limit:
        return None
    why = f"{count} inputs failed within {int(within.total_seconds())} s; the limit is {limit}"
    await db.execute("UPDATE breaker SET tripped_at = $1, why = $2", now, why)
    return BreakerTripped(
        subject=service, service=service, occurred_at=now, dead_letters=count, why=why
    )


async def breaker(db: asyncpg.Connection) -> Breaker:
    """How the breaker stands."""
    row = await db.fetchrow("SELECT tripped_at, why, resumed_at, resumed_by FROM breaker")
    return Breaker.model_validate(dict(row or {}))


async def resume(db: asyncpg.Connection, by: str, why: str) -> None:
    """Let a stopped service go on; earlier failures no longer count. The announcement is put into
    the outbox of the first shard, and the next process that opens this shard publishes it. A
    process that has not noticed the stop yet may own the shard. Its epoch becomes outdated, so that
    it cannot delete outbox rows that it did not publish.
    """
    async with db.transaction():
        # Before the breaker: a batch that trips it holds its shards already.
        await db.execute("SELECT FROM shard WHERE shard = 0 FOR UPDATE")
        row = await db.fetchrow(
            """
            UPDATE breaker SET resumed_at = clock_timestamp(), resumed_by = $1
            WHERE tripped_at IS NOT NULL AND (resumed_at IS NULL OR resumed_at < tripped_at)
            RETURNING resumed_at, current_schema() AS service
            """,
            by,
        )
        if row is None:
            return
        service, now = row["service"], row["resumed_at"]
        data = BreakerResumed(subject=service, service=service, occurred_at=now, by=by, why=why)
        id_ = identity.named_id("resumed", service, now.isoformat())
        message = cloudevents.encode(Event(id_, f"/baton/{service}", now, service, data))
        await db.execute("UPDATE shard SET epoch = epoch + 1 WHERE shard = 0")
        await db.execute(
            """
            INSERT INTO outbox (shard, event_id, topic, key, headers, value)
            VALUES (0, $1, $2, $3, $4, $5)
            """,
            id_,
            message.topic,
            message.key,
            json.dumps([[name, value.decode()] for name, value in message.headers]),
            message.value,
        )


async def page(
    db: asyncpg.Connection,
    before: datetime | None,
    limit: int,
    lead_id: UUID | None,
    *,
    replayed_too: bool,
) -> list[Letter]:
    """Dead letters without their contents, the newest first; of one lead where it is given."""
    rows = await db.fetch(
        """
        SELECT id, shard, kind, subject_kind, subject_id, topic, "offset", reason, failures,
            failed_at, replayed_at
        FROM dead_letter
        WHERE ($1::timestamptz IS NULL OR failed_at < $1) AND ($3 OR replayed_at IS NULL)
            AND ($4::uuid IS NULL OR subject_id = $4 AND subject_kind = $5)
        ORDER BY failed_at DESC LIMIT $2
        """,
        before,
        limit,
        replayed_too,
        lead_id,
        LEAD,
    )
    return [Letter.model_validate(_named(row)) for row in rows]


async def get(db: asyncpg.Connection, letter_id: UUID) -> Letter | None:
    """One dead letter with its contents, None where there is none."""
    row = await db.fetchrow(
        """
        SELECT id, shard, kind, subject_kind, subject_id, topic, "offset", key, headers, value,
            reason, failures, failed_at, replayed_at
        FROM dead_letter WHERE id = $1
        """,
        letter_id,
    )
    if row is None:
        return None
    headers = json.loads(row["headers"] or "[]")
    fields = _named(row) | {
        "key": None if row["key"] is None else _text(row["key"]),
        "headers": {
            name: "" if value is None else _text(bytes.fromhex(value)) for name, value in headers
        },
        "value": None if row["value"] is None else _text(row["value"]),
    }
    return Letter.model_validate(fields)


def _named(row: asyncpg.Record) -> dict[str, Any]:
    lead_id = row["subject_id"] if row["subject_kind"] == LEAD else None
    return dict(row) | {"lead_id": lead_id}


def _row(poison: Poison, now: datetime) -> tuple[object, ...]:
    item, record = poison.item, poison.item.record
    subject = None if item.input is None else item.input.subject
    about = (None, None) if subject is None else (subject.kind, subject.id)
    if record is None:
        place: tuple[object, ...] = (None, None, None, None, _body(item).encode())
    else:
        headers = json.dumps(
            [[name, None if value is None else value.hex()] for name, value in record.headers]
        )
        place = (record.topic, record.offset, record.key, headers, record.value)
    identifier = item.replays or item.dead_letter_id
    return (identifier, item.shard, item.kind, *about, *place, _printable(poison.reason), now)


def _body(item: Item) -> str:
    """A timer or command as JSON, from which it can be replayed."""
    cause = item.input
    body: dict[str, JsonValue] = {}
    if isinstance(cause, TimerInput):
        body = {
            "name": cause.name,
            "facts_complete": cause.facts_complete,
            "accuses": cause.accuses,
            "version": cause.version,
        }
    elif isinstance(cause, CommandInput):
        body = {"name": cause.kind, "body": cause.body, "version": cause.version}
    if cause is not None:
        body |= {
            "id": str(cause.id),
            "subject_kind": cause.subject.kind,
            "subject_id": str(cause.subject.id),
            "time": cause.time.isoformat(),
        }
    return json.dumps(body)


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return base64.b64encode(value).decode()


def _printable(reason: str) -> str:
    return reason.replace("\x00", "\\0").encode(errors="replace").decode()[:_REASON]
