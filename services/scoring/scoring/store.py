"""The SQL of scoring: the history that decisions write, and what the API reads."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg
from pydantic import BaseModel, TypeAdapter
from sqlalchemy import RowMapping, Text, cast, select
from sqlalchemy.ext.asyncio import AsyncEngine

from baton.events import Reason
from baton.policy.bundle import Bundle
from baton.runtime.decisions import Row
from baton.runtime.errors import SharedRow
from baton.runtime.inputs import Input
from baton.subjects import LEAD, Subject
from scoring.domain import Lead, ScoreChange
from scoring.tables import HISTORY, HISTORY_KEPT, SUBJECT

_REASONS = TypeAdapter(tuple[Reason, ...])

_INSERT = """
INSERT INTO score_history (lead_id, number, event_id, at, occurred_at, cause, enquiry, new_enquiry,
    test, fit, engagement, total, grade, stage_before, stage, reasons, policy,
    qualified_at)
SELECT * FROM unnest($1::uuid[], $2::int[], $3::uuid[], $4::timestamptz[], $5::timestamptz[],
    $6::uuid[], $7::uuid[], $8::bool[], $9::bool[], $10::int[], $11::int[], $12::int[], $13::text[],
    $14::text[], $15::text[], $16::json[], $17::text[],
    $18::timestamptz[])
"""

_TRIM = """
DELETE FROM score_history AS old
USING (SELECT lead_id, max(number) AS newest
       FROM unnest($1::uuid[], $2::int[]) AS row (lead_id, number) GROUP BY lead_id) AS written
WHERE old.lead_id = written.lead_id AND old.number <= written.newest - $3
"""


class ScoringStore:
    """Scoring's rows beside a lead's state. The shards share no rows."""

    @property
    def states(self) -> Mapping[str, type[BaseModel]]:
        """The model of a lead's state."""
        return {LEAD: Lead}

    def version(self, state: Lead) -> int:  # noqa: ARG002 - every release reads every state so far
        """The first version of the service that reads this state without losing anything of it."""
        return 1

    async def lock(
        self,
        db: asyncpg.Connection,
        inputs: Sequence[Input],
        states: Mapping[Subject, Lead],
        bundle: Bundle,
        missed: Collection[SharedRow],
    ) -> None:
        """The shards share no rows, so there is no lock."""

    async def save(
        self,
        db: asyncpg.Connection,
        rows: Sequence[Row],
        shared: None,  # noqa: ARG002 - the shards share nothing
    ) -> None:
        """Write the history; what is past the number that is kept of a lead goes."""
        changes = [row for row in rows if isinstance(row, ScoreChange)]
        if not changes:
            return
        events = [change.event for change in changes]
        lead_ids = [event.lead_id for event in events]
        numbers = [change.number for change in changes]
        await db.execute(
            _INSERT,
            lead_ids,
            numbers,
            [change.event_id for change in changes],
            [change.at for change in changes],
            [event.occurred_at for event in events],
            [event.cause for event in events],
            [event.enquiry for event in events],
            [event.new_enquiry for event in events],
            [event.test for event in events],
            [event.score.fit for event in events],
            [event.score.engagement for event in events],
            [event.score.total for event in events],
            [event.score.grade for event in events],
            [event.stage_before for event in events],
            [event.stage for event in events],
            [_REASONS.dump_json(event.reasons).decode() for event in events],
            [change.policy for change in changes],
            [event.qualified_at for event in events],
        )
        if max(numbers) > HISTORY_KEPT:
            await db.execute(_TRIM, lead_ids, numbers, HISTORY_KEPT)

    async def erase(self, db: asyncpg.Connection, subjects: Sequence[Subject]) -> None:
        """Remove the history of these leads."""
        lead_ids = [subject.id for subject in subjects]
        await db.execute("DELETE FROM score_history WHERE lead_id = ANY($1::uuid[])", lead_ids)


@dataclass(frozen=True, slots=True)
class StoredLead:
    """A lead and its newest score changes, newest first."""

    lead: Lead
    changes: Sequence[RowMapping]


class Reads:
    """The queries of the API."""

    def __init__(self, engine: AsyncEngine) -> None:
        # The lead and its history as of one moment.
        self._engine = engine.execution_options(isolation_level="REPEATABLE READ")

    async def lead(self, lead_id: UUID, changes: int) -> StoredLead | None:
        """A lead with its newest `changes`; None if it is unknown or erased."""
        async with self._engine.connect() as db:
            state = await db.scalar(
                select(cast(SUBJECT.c.state, Text)).where(
                    SUBJECT.c.kind == LEAD, SUBJECT.c.id == lead_id
                )
            )
            if state is None:
                return None
            rows = await db.execute(
                select(HISTORY)
                .where(HISTORY.c.lead_id == lead_id)
                .order_by(HISTORY.c.number.desc())
                .limit(changes)
            )
            return StoredLead(Lead.model_validate_json(state), rows.mappings().all())
