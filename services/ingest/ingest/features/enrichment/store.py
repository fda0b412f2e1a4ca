"""The SQL of leads whose details are still with their vendor."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from baton.database import connection
from baton.paging import Position
from ingest.features.backlog import Backlog
from ingest.features.failed.store import FailedDelivery
from ingest.senders.kit.drafts import LeadDraft, lead_draft
from ingest.senders.kit.items import Fetch


@dataclass(frozen=True, slots=True)
class Incomplete:
    """A lead that its delivery names by an id alone; `event_id` is its event's from receipt on.

    `delivery` is whole, with its latest reason: what is given up is kept like any that was not
    understood. `readable`: whether `draft` and the delivery's headers are as this release writes
    them; else they are empty.
    """

    event_id: UUID
    draft: LeadDraft
    part: str
    fetch: Fetch
    delivery: FailedDelivery
    traceparent: str | None
    attempts: int
    due_at: datetime
    readable: bool = True


class FetchTable:
    """The leads whose details must still be fetched."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def add(self, incomplete: Incomplete) -> None:
        """Keep it; what is there already stays as it is."""
        await self._pool.execute(
            """
            INSERT INTO incomplete (event_id, delivery_id, source, record, record_id, document,
                                    part, headers, body, reason, lead_ids, traceparent,
                                    received_at, attempts, due_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0, $14)
            ON CONFLICT (event_id) DO NOTHING
            """,
            incomplete.event_id,
            incomplete.delivery.id,
            incomplete.delivery.source,
            incomplete.fetch.record,
            incomplete.fetch.id,
            json.dumps(incomplete.draft.document()),
            incomplete.part,
            json.dumps(dict(incomplete.delivery.headers)),
            incomplete.delivery.body,
            incomplete.delivery.reason,
            list(incomplete.delivery.lead_ids),
            incomplete.traceparent,
            incomplete.delivery.received_at,
            incomplete.due_at,
        )

    async def claim(self, now: datetime, lease: timedelta, limit: int) -> list[Incomplete]:
        """Some that are due and that nobody else has; they are ours until the lease is over."""
        rows = await self._pool.fetch(
            """
            UPDATE incomplete SET due_at = $1::timestamptz + $2::interval
            WHERE event_id IN (
                SELECT event_id FROM incomplete WHERE due_at <= $1
                ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED)
            RETURNING *
            """,
            now,
            lease,
            limit,
        )
        return [_read(row) for row in rows]

    async def done(self, event_id: UUID) -> None:
        """It waits no more."""
        await self._pool.execute("DELETE FROM incomplete WHERE event_id = $1", event_id)

    async def put_off(self, event_id: UUID, due_at: datetime, reason: str) -> None:
        """It was asked for in vain, and will be again."""
        await self._pool.execute(
            """
            UPDATE incomplete SET attempts = attempts + 1, due_at = $2, reason = $3
            WHERE event_id = $1
            """,
            event_id,
            due_at,
            reason,
        )

    async def page(
        self, source: str | None, limit: int, after: Position | None
    ) -> list[Incomplete]:
        """The leads whose details are missing, by the time of receipt, newest first."""
        rows = await self._pool.fetch(
            """
            SELECT * FROM incomplete
            WHERE ($1::text IS NULL OR source = $1)
                AND ($2::timestamptz IS NULL OR (received_at, event_id) < ($2, $3::uuid))
            ORDER BY received_at DESC, event_id DESC LIMIT $4
            """,
            source,
            after.at if after else None,
            after.id if after else None,
            limit,
        )
        return [_read(row) for row in rows]

    async def backlog(self) -> Backlog:
        """How much waits."""
        async with connection(self._pool) as db:
            row: Any = await db.fetchrow("SELECT count(*), min(received_at) FROM incomplete")
        return Backlog(row["count"], row["min"])


async def of_lead(db: asyncpg.Connection, lead_id: UUID) -> list[Incomplete]:
    """The rows that are about a lead although its details are missing, oldest first."""
    rows = await db.fetch(
        "SELECT * FROM incomplete WHERE lead_ids @> ARRAY[$1::uuid] ORDER BY received_at, event_id",
        lead_id,
    )
    return [_read(row) for row in rows]


async def forget(db: asyncpg.Connection, leads: Sequence[UUID], up_to: Sequence[datetime]) -> None:
    """Remove what is known to be about these leads and came up to the times beside them."""
    await db.execute(
        """
        DELETE FROM incomplete
        USING unnest($1::uuid[], $2::timestamptz[]) AS erased (lead_id, up_to)
        WHERE incomplete.lead_ids @> ARRAY[erased.lead_id]
            AND incomplete.received_at <= erased.up_to
        """,
        leads,
        up_to,
    )


def _read(row: asyncpg.Record) -> Incomplete:
    fetch = Fetch(row["record"], row["record_id"])
    draft, headers = _draft(row["document"]), json.loads(row["headers"])
    readable = draft is not None and isinstance(headers, dict)
    return Incomplete(
        event_id=row["event_id"],
        draft=draft if readable and draft is not None else LeadDraft(),
        part=row["part"],
        fetch=fetch,
        delivery=FailedDelivery(
            id=row["delivery_id"],
            source=row["source"],
            headers=headers if readable else {},
            body=row["body"],
            reason=row["reason"],
            lead_ids=row["lead_ids"],
            received_at=row["received_at"],
        ),
        traceparent=row["traceparent"],
        attempts=row["attempts"],
        due_at=row["due_at"],
        readable=readable,
    )


def _draft(text: str) -> LeadDraft | None:
    """None where it is not as this release writes it."""
    document = json.loads(text)
    try:
        return lead_draft(document) if isinstance(document, dict) else None
    except ValueError:
        return None
