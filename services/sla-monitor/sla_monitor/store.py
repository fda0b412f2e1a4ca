"""The SQL of the monitor: the list of clocks that decisions write, and what the API reads of it."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
from pydantic import BaseModel, TypeAdapter
from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncEngine

from baton.events import LeadRouted
from baton.paging import Position
from baton.policy.bundle import Bundle
from baton.policy.problems import BundleError
from baton.runtime.decisions import Row
from baton.runtime.errors import SharedRow
from baton.runtime.inputs import EventInput, Input
from baton.subjects import LEAD, Subject
from sla_monitor.domain import Bundles, ClockRow, LeadClocks
from sla_monitor.policy.reads import READS
from sla_monitor.records import ClockRecord, ClockState
from sla_monitor.tables import CLOCK

_RECORDS = TypeAdapter(list[ClockRecord])

_CHANGING = (
    "warn_at",
    "due_at",
    "state",
    "fact",
    "used_seconds",
    "warned_at",
    "answered_at",
    "ended_at",
    "breached_at",
    "late_seconds",
    "facts_complete",
    "due_before",
    "moved_at",
    "moved_by",
    "retracted_code",
)
"""The columns that may change in a clock's life."""

_COLUMNS = ", ".join(CLOCK.columns.keys())
# Every name is one of this module's or of the table's.
_WRITE = f"""
INSERT INTO clock ({_COLUMNS})
SELECT {_COLUMNS} FROM json_populate_recordset(NULL::clock, $1::json)
ON CONFLICT (clock_id) DO UPDATE SET
    {", ".join(f"{name} = excluded.{name}" for name in _CHANGING)}
"""  # noqa: S608


class ClockStore:
    """The monitor's rows beside a lead's state. The shards share no rows that change. The shared
    argument of `decide` has the bundles of the batch's clocks, by hash.
    """

    def __init__(self) -> None:
        self._bundles: dict[str, Bundle] = {}
        self._unreadable: set[str] = set()

    @property
    def states(self) -> Mapping[str, type[BaseModel]]:
        """The model of a lead's state."""
        return {LEAD: LeadClocks}

    def version(self, state: LeadClocks) -> int:  # noqa: ARG002 - every release reads every state so far
        """The first version of the service that reads this state without losing anything of it."""
        return 1

    async def lock(
        self,
        db: asyncpg.Connection,
        inputs: Sequence[Input],
        states: Mapping[Subject, LeadClocks],
        bundle: Bundle,
        missed: Collection[SharedRow],  # noqa: ARG002 - bundles are not locked
    ) -> Bundles:
        """The bundles that these inputs need, beside the one in force. The table has each published
        bundle. Bundles that this release cannot read are missing.
        """
        needed = {clock.bundle for state in states.values() for clock in state.clocks}
        for item in inputs:
            if isinstance(item, EventInput) and isinstance(item.event.data, LeadRouted):
                needed.add(item.event.policyversion or bundle.hash)
        self._bundles[bundle.hash] = bundle
        if unknown := needed - self._bundles.keys() - self._unreadable:
            await self._read(db, unknown)
        return {hash_: self._bundles[hash_] for hash_ in needed & self._bundles.keys()}

    async def save(
        self,
        db: asyncpg.Connection,
        rows: Sequence[Row],
        shared: Bundles,  # noqa: ARG002 - bundles do not change
    ) -> None:
        """Write the clocks that have changed, each as it was decided on last."""
        changed = {
            row.clock.id: ClockRecord.of(row.lead_id, row.clock)
            for row in rows
            if isinstance(row, ClockRow)
        }
        if changed:
            await db.execute(_WRITE, _RECORDS.dump_json(list(changed.values())).decode())

    async def erase(self, db: asyncpg.Connection, subjects: Sequence[Subject]) -> None:
        """Remove the clocks of these leads."""
        lead_ids = [subject.id for subject in subjects]
        await db.execute("DELETE FROM clock WHERE lead_id = ANY($1::uuid[])", lead_ids)

    async def _read(self, db: asyncpg.Connection, hashes: set[str]) -> None:
        query = "SELECT hash, files FROM policy_bundle WHERE hash = ANY($1::text[])"
        for row in await db.fetch(query, list(hashes)):
            try:
                self._bundles[row["hash"]] = Bundle.parse(json.loads(row["files"]), READS)
            except BundleError:
                self._unreadable.add(row["hash"])


@dataclass(frozen=True, slots=True)
class BreachFilter:
    """The filter of a list of breaches. `since` is the time of publication. Retracted breaches are
    included only with `retracted`.
    """

    since: datetime | None = None
    team: str | None = None
    pool: str | None = None
    retracted: bool = False


class Reads:
    """The queries of the API."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def clocks(self, lead_id: UUID) -> Sequence[ClockRecord]:
        """All clocks of a lead, by their start; none where it is unknown."""
        query = (
            select(CLOCK)
            .where(CLOCK.c.lead_id == lead_id)
            .order_by(CLOCK.c.started_at, CLOCK.c.clock_id)
        )
        async with self._engine.connect() as db:
            rows = await db.execute(query)
            return _RECORDS.validate_python([dict(row) for row in rows.mappings()])

    async def breaches(
        self, breach_filter: BreachFilter, limit: int, after: Position | None
    ) -> Sequence[ClockRecord]:
        """Breaches, newest first, at most `limit` from behind `after`."""
        query = select(CLOCK).where(CLOCK.c.breached_at.is_not(None))
        if not breach_filter.retracted:
            query = query.where(CLOCK.c.state == ClockState.BREACHED)
        if breach_filter.since is not None:
            query = query.where(CLOCK.c.breached_at >= breach_filter.since)
        if breach_filter.team is not None:
            query = query.where(CLOCK.c.team == breach_filter.team)
        if breach_filter.pool is not None:
            query = query.where(CLOCK.c.pool == breach_filter.pool)
        place = tuple_(CLOCK.c.breached_at, CLOCK.c.clock_id)
        if after is not None:
            query = query.where(place < tuple_(after.at, after.id))
        query = query.order_by(CLOCK.c.breached_at.desc(), CLOCK.c.clock_id.desc()).limit(limit)
        async with self._engine.connect() as db:
            rows = await db.execute(query)
            return _RECORDS.validate_python([dict(row) for row in rows.mappings()])
