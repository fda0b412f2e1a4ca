"""The SQL of deliveries that were not understood."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from baton.database import connection
from baton.paging import Position
from ingest.features.backlog import Backlog


@dataclass(frozen=True, slots=True)
class FailedDelivery:
    """A delivery that is authentic and was not understood. `lead_ids`: whom it may be about."""

    id: UUID
    source: str
    headers: Mapping[str, str]
    body: bytes
    reason: str
    lead_ids: Sequence[UUID]
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Failure:
    """How a delivery stands: why it failed last, how often it has, and when it was replayed."""

    id: UUID
    source: str
    reason: str
    failures: int
    received_at: datetime
    failed_at: datetime
    replayed_at: datetime | None


class FailedDeliveries:
    """The failed deliveries."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def keep(self, delivery: FailedDelivery, now: datetime) -> None:
        """Keep it whole; the same one, sent again, is kept once, as it came first."""
        await self._pool.execute(
            """
            INSERT INTO delivery_failed (id, source, headers, body, reason, lead_ids, received_at,
                                         failures, failed_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8)
            ON CONFLICT (id) DO UPDATE SET reason = excluded.reason, failed_at = excluded.failed_at,
                failures = delivery_failed.failures + 1, replayed_at = NULL,
                lead_ids = ARRAY(SELECT DISTINCT unnest(delivery_failed.lead_ids
                                                        || excluded.lead_ids))
            """,
            delivery.id,
            delivery.source,
            json.dumps(dict(delivery.headers)),
            delivery.body,
            delivery.reason,
            list(delivery.lead_ids),
            delivery.received_at,
            now,
        )

    async def page(
        self, source: str | None, limit: int, after: Position | None, *, replayed: bool
    ) -> list[Failure]:
        """The deliveries that wait for a replay, or the replayed ones; newest first."""
        rows = await self._pool.fetch(
            """
            SELECT id, source, reason, failures, received_at, failed_at, replayed_at
            FROM delivery_failed
            WHERE (replayed_at IS NOT NULL) = $1
                AND ($2::text IS NULL OR source = $2)
                AND ($3::timestamptz IS NULL OR (received_at, id) < ($3, $4::uuid))
            ORDER BY received_at DESC, id DESC LIMIT $5
            """,
            replayed,
            source,
            after.at if after else None,
            after.id if after else None,
            limit,
        )
        return [Failure(**row) for row in rows]

    async def get(self, delivery_id: UUID) -> tuple[FailedDelivery, Failure] | None:
        """One with all that came, and how it stands; None where there is none."""
        row = await self._pool.fetchrow("SELECT * FROM delivery_failed WHERE id = $1", delivery_id)
        return None if row is None else _from_row(row)

    async def failed_again(
        self, delivery_id: UUID, reason: str, lead_ids: Sequence[UUID], now: datetime
    ) -> None:
        """Note why a replay failed, and whom the part of it is about that did not."""
        await self._pool.execute(
            """
            UPDATE delivery_failed SET reason = $2, failed_at = $4, failures = failures + 1,
                lead_ids = ARRAY(SELECT DISTINCT unnest(lead_ids || $3::uuid[]))
            WHERE id = $1
            """,
            delivery_id,
            reason,
            list(lead_ids),
            now,
        )

    async def replayed(self, delivery_id: UUID, lead_ids: Sequence[UUID], now: datetime) -> None:
        """Note that all that it tells has been taken, and whom that is about."""
        await self._pool.execute(
            """
            UPDATE delivery_failed SET replayed_at = $3,
                lead_ids = ARRAY(SELECT DISTINCT unnest(lead_ids || $2::uuid[]))
            WHERE id = $1
            """,
            delivery_id,
            list(lead_ids),
            now,
        )

    async def backlog(self) -> Backlog:
        """The deliveries that were not replayed."""
        row: Any = await self._pool.fetchrow(
            "SELECT count(*), min(received_at) FROM delivery_failed WHERE replayed_at IS NULL"
        )
        return Backlog(row["count"], row["min"])

    async def delete_before(self, moment: datetime) -> None:
        """Remove what is past its retention."""
        async with connection(self._pool) as db:
            await db.execute("DELETE FROM delivery_failed WHERE received_at < $1", moment)


async def of_lead(db: asyncpg.Connection, lead_id: UUID) -> list[tuple[FailedDelivery, Failure]]:
    """The deliveries that may be about a lead, oldest first."""
    rows = await db.fetch(
        """
        SELECT * FROM delivery_failed WHERE lead_ids @> ARRAY[$1::uuid] ORDER BY received_at, id
        """,
        lead_id,
    )
    return [_from_row(row) for row in rows]


async def forget(db: asyncpg.Connection, leads: Sequence[UUID], up_to: Sequence[datetime]) -> None:
    """Remove what may be about these leads and came up to the times beside them."""
    await db.execute(
        """
        DELETE FROM delivery_failed
        USING unnest($1::uuid[], $2::timestamptz[]) AS erased (lead_id, up_to)
        WHERE delivery_failed.lead_ids @> ARRAY[erased.lead_id]
            AND delivery_failed.received_at <= erased.up_to
        """,
        leads,
        up_to,
    )


def _from_row(row: asyncpg.Record) -> tuple[FailedDelivery, Failure]:
    delivery = FailedDelivery(
        id=row["id"],
        source=row["source"],
        headers=json.loads(row["headers"]),
        body=row["body"],
        reason=row["reason"],
        lead_ids=row["lead_ids"],
        received_at=row["received_at"],
    )
    return delivery, Failure(**{name: row[name] for name in Failure.__dataclass_fields__})
