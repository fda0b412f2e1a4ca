"""The SQL of the quarantine."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import asyncpg
from pydantic import TypeAdapter

from baton.cloudevents import Event
from baton.database import connection
from baton.events import LeadCaptured, Reason
from baton.paging import Position
from ingest.capture.events import CE_SOURCE
from ingest.features.backlog import Backlog

_REASONS = TypeAdapter(tuple[Reason, ...])


class Decision(StrEnum):
    """A decision about an enquiry in quarantine."""

    RELEASED = "released"
    DISCARDED = "discarded"


@dataclass(frozen=True, slots=True)
class QuarantinedEnquiry:
    """An enquiry that a rule holds back, with what the rule saw."""

    event: Event[LeadCaptured]
    rule: str
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """The decision about an enquiry, by whom and why; all None before the decision."""

    decision: Decision | None
    decided_at: datetime | None
    decided_by: str | None
    why: str | None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which enquiries; those that nothing was decided on where `decision` is None."""

    decision: Decision | None = None
    decided_too: bool = False
    rule: str | None = None
    source: str | None = None
    lead_id: UUID | None = None


class QuarantineTable:
    """The enquiries that were held."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def hold(self, enquiries: Sequence[QuarantinedEnquiry]) -> set[UUID]:
        """Keep enquiries; one that is there already stays as it is. Which of them were released."""
        ids = [enquiry.event.id for enquiry in enquiries]
        async with connection(self._pool) as db:
            await db.execute(
                """
                INSERT INTO quarantine (event_id, lead_id, source, rule, reasons, policy,
                                        traceparent, data, received_at)
                SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::json[],
                                     $6::text[], $7::text[], $8::json[], $9::timestamptz[])
                ON CONFLICT (event_id) DO NOTHING
                """,
                ids,
                [enquiry.event.data.lead_id for enquiry in enquiries],
                [enquiry.event.data.profile.source for enquiry in enquiries],
                [enquiry.rule for enquiry in enquiries],
                [_REASONS.dump_json(enquiry.reasons).decode() for enquiry in enquiries],
                [enquiry.event.policyversion for enquiry in enquiries],
                [enquiry.event.traceparent for enquiry in enquiries],
                [enquiry.event.data.model_dump_json() for enquiry in enquiries],
                [enquiry.event.time for enquiry in enquiries],
            )
            rows = await db.fetch(
                """
                SELECT event_id FROM quarantine
                WHERE event_id = ANY($1::uuid[]) AND decision = 'released'
                """,
                ids,
            )
        return {row["event_id"] for row in rows}

    async def page(
        self, condition: Filter, limit: int, after: Position | None
    ) -> list[tuple[QuarantinedEnquiry, Standing]]:
        """Held enquiries by when they came, newest first."""
        rows = await self._pool.fetch(
            """
            SELECT * FROM quarantine
            WHERE ($1 OR decision IS NOT DISTINCT FROM $2::text)
                AND ($3::text IS NULL OR rule = $3)
                AND ($4::text IS NULL OR source = $4)
                AND ($5::uuid IS NULL OR lead_id = $5)
                AND ($6::timestamptz IS NULL OR (received_at, event_id) < ($6, $7::uuid))
            ORDER BY received_at DESC, event_id DESC LIMIT $8
            """,
            condition.decided_too,
            condition.decision,
            condition.rule,
            condition.source,
            condition.lead_id,
            after.at if after else None,
            after.id if after else None,
            limit,
        )
        return [_read(row) for row in rows]

    async def get(self, event_id: UUID) -> tuple[QuarantinedEnquiry, Standing] | None:
        """One of them; None where there is none."""
        row = await self._pool.fetchrow("SELECT * FROM quarantine WHERE event_id = $1", event_id)
        return None if row is None else _read(row)

    async def decide(self, event_id: UUID, decided: Standing) -> bool:
        """Note a decision; whether it counts: what was released stays that."""
        row = await self._pool.fetchrow(
            """
            UPDATE quarantine SET decision = $2, decided_at = $3, decided_by = $4, why = $5
            WHERE event_id = $1 AND decision IS DISTINCT FROM 'released'
            RETURNING event_id
            """,
            event_id,
            decided.decision,
            decided.decided_at,
            decided.decided_by,
            decided.why,
        )
        return row is not None

    async def backlog(self) -> Backlog:
        """The enquiries without a decision."""
        row: Any = await self._pool.fetchrow(
            "SELECT count(*), min(received_at) FROM quarantine WHERE decision IS NULL"
        )
        return Backlog(row["count"], row["min"])

    async def delete_before(self, moment: datetime) -> None:
        """Remove what was decided on before; what nobody has decided on stays."""
        await self._pool.execute("DELETE FROM quarantine WHERE decided_at < $1", moment)


async def of_lead(
    db: asyncpg.Connection, lead_id: UUID
) -> list[tuple[QuarantinedEnquiry, Standing]]:
    """A lead's enquiries, whatever was decided on them, oldest first."""
    rows = await db.fetch(
        "SELECT * FROM quarantine WHERE lead_id = $1 ORDER BY received_at, event_id", lead_id
    )
    return [_read(row) for row in rows]


async def forget(db: asyncpg.Connection, leads: Sequence[UUID], up_to: Sequence[datetime]) -> None:
    """Remove these leads' enquiries from up to the times beside them."""
    await db.execute(
        """
        DELETE FROM quarantine
        USING unnest($1::uuid[], $2::timestamptz[]) AS erased (lead_id, up_to)
        WHERE quarantine.lead_id = erased.lead_id AND quarantine.received_at <= erased.up_to
        """,
        leads,
        up_to,
    )


def _read(row: asyncpg.Record) -> tuple[QuarantinedEnquiry, Standing]:
    data = LeadCaptured.model_validate(json.loads(row["data"]))
    event = Event(
        id=row["event_id"],
        source=CE_SOURCE,
        time=row["received_at"],
        subject=str(data.lead_id),
        data=data,
        traceparent=row["traceparent"],
        policyversion=row["policy"],
    )
    decision = row["decision"]
    return QuarantinedEnquiry(event, row["rule"], _REASONS.validate_json(row["reasons"])), Standing(
        decision=None if decision is None else Decision(decision),
        decided_at=row["decided_at"],
        decided_by=row["decided_by"],
        why=row["why"],
    )
