"""The SQL of routing: what the shards share, assignments and decisions, and what the API reads."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import asyncpg
from pydantic import BaseModel
from sqlalchemy import Text, cast, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from baton.policy.bundle import Bundle
from baton.runtime.activations import at, parse_activations
from baton.runtime.decisions import Row
from baton.runtime.errors import SharedRow
from baton.runtime.inputs import Input
from baton.subjects import LEAD, Subject
from routing.domain.loads import Loads, RepLoad
from routing.domain.needs import needs
from routing.domain.rows import AssignmentRow, DecisionRow
from routing.domain.state import Lead
from routing.policy.reads import READS
from routing.records import AssignmentRecord, DecisionRecord, HistoryRecord, RepRecord
from routing.tables import ASSIGNMENT, DECISION, METADATA, REP

_SHARD, _BUNDLE = METADATA.tables["shard"], METADATA.tables["policy_bundle"]
_IN_FORCE = METADATA.tables["policy_in_force"]

# A statement that waited for a lock has the locked row as it is now, and all else as it was before:
# so these read nothing but the rows that they lock. Sorting comes before locking in their plan.
_LOCK_POOLS = "SELECT id, balances FROM pool WHERE id = ANY($1::text[]) ORDER BY id FOR UPDATE"
_LOCK_REPS = """
SELECT id, open_leads, last_assigned_at FROM rep WHERE id = ANY($1::text[]) ORDER BY id FOR UPDATE
"""

_ADD_POOLS = """
INSERT INTO pool (id) SELECT id FROM unnest($1::text[]) AS new (id) ORDER BY id
ON CONFLICT DO NOTHING RETURNING id
"""
_ADD_REPS = """
INSERT INTO rep (id) SELECT id FROM unnest($1::text[]) AS new (id) ORDER BY id
ON CONFLICT DO NOTHING RETURNING id
"""

# Four tables at once; none of the parts sees what another has done, and none needs to.
_SAVE = """
WITH pools AS (
    UPDATE pool SET balances = new.balances
    FROM unnest($1::text[], $2::json[]) AS new (id, balances) WHERE pool.id = new.id
), reps AS (
    UPDATE rep SET open_leads = new.open_leads, last_assigned_at = new.last_assigned_at
    FROM unnest($3::text[], $4::int[], $5::timestamptz[]) AS new (id, open_leads, last_assigned_at)
    WHERE rep.id = new.id
), decisions AS (
    INSERT INTO decision (id, lead_id, cause, at, policy, code, assignment_id, released, question,
        choice)
    SELECT * FROM unnest($6::uuid[], $7::uuid[], $8::uuid[], $9::timestamptz[], $10::text[],
        $11::text[], $12::uuid[], $13::uuid[], $14::json[], $15::json[])
)
INSERT INTO assignment (id, lead_id, decision_id, enquiry, attempt, rep, team, rule, pool, role,
    sla_policy, previous_rep, assigned_at, accepted_at, worked_at, ended_at, ended_code,
    ended_reason)
SELECT id, lead_id, decision_id, enquiry, attempt, rep, team, rule, pool, role, sla_policy,
    previous_rep, assigned_at, accepted_at, worked_at, ended_at, ended_code, ended_reason
FROM unnest($16::uuid[], $17::uuid[], $18::uuid[], $19::uuid[], $20::int[], $21::text[],
    $22::text[], $23::text[], $24::text[], $25::text[], $26::text[], $27::text[],
    $28::timestamptz[], $29::timestamptz[], $30::timestamptz[], $31::timestamptz[], $32::text[],
    $33::text[])
    WITH ORDINALITY AS row (id, lead_id, decision_id, enquiry, attempt, rep, team, rule, pool,
        role, sla_policy, previous_rep, assigned_at, accepted_at, worked_at, ended_at, ended_code,
        ended_reason, place)
ORDER BY place
ON CONFLICT (id) DO UPDATE SET accepted_at = excluded.accepted_at,
    worked_at = excluded.worked_at, ended_at = excluded.ended_at,
    ended_code = excluded.ended_code, ended_reason = excluded.ended_reason
"""


class RoutingStore:
    """Routing's rows beside a lead's state, and the rows that all shards share (pools and reps).

    All transactions take locks in one order: pools, then reps, each by id. A missing row is added
    in the same order, before any row of its table is locked. Rows of `pool` and `rep` are never
    removed, so those that others have committed need not be added again.
    """

    def __init__(self) -> None:
        self._pools_there: set[str] = set()
        self._reps_there: set[str] = set()

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
    ) -> Loads:
        """The loads that these inputs may need; none for most inputs."""
        need = needs(inputs, states, bundle, missed)
        pools: Mapping[str, Mapping[str, int]] = {}
        reps: Mapping[str, RepLoad] = {}
        if need.pools:
            await _add(db, _ADD_POOLS, need.pools, self._pools_there)
            rows = await db.fetch(_LOCK_POOLS, need.pools)
            pools = {row["id"]: json.loads(row["balances"]) for row in rows}
        if need.reps:
            await _add(db, _ADD_REPS, need.reps, self._reps_there)
            rows = await db.fetch(_LOCK_REPS, need.reps)
            reps = {row["id"]: RepLoad(row["open_leads"], row["last_assigned_at"]) for row in rows}
        return Loads(pools, reps)

    async def save(self, db: asyncpg.Connection, rows: Sequence[Row], shared: Loads) -> None:
        """Write what has changed."""
        if not rows and not shared.changed_pools and not shared.changed_reps:
            return
        await db.execute(
            _SAVE,
            *_pool_columns(shared),
            *_rep_columns(shared),
            *_decision_columns([row for row in rows if isinstance(row, DecisionRow)]),
            *_assignment_columns(_latest(row for row in rows if isinstance(row, AssignmentRow))),
        )

    async def erase(self, db: asyncpg.Connection, subjects: Sequence[Subject]) -> None:
        """Remove the leads' assignments and decisions; who has how many stays right."""
        lead_ids = [subject.id for subject in subjects]
        await db.execute("DELETE FROM assignment WHERE lead_id = ANY($1::uuid[])", lead_ids)
        await db.execute("DELETE FROM decision WHERE lead_id = ANY($1::uuid[])", lead_ids)


async def _add(db: asyncpg.Connection, statement: str, ids: Sequence[str], there: set[str]) -> None:
    """Add the missing rows. They may still be rolled back with this transaction."""
    unsure = [id_ for id_ in ids if id_ not in there]
    if unsure:
        added = {row["id"] for row in await db.fetch(statement, unsure)}
        there.update(id_ for id_ in unsure if id_ not in added)


def _latest(rows: Iterable[AssignmentRow]) -> list[AssignmentRow]:
    """Each assignment as it was left; ended ones first, so that no lead ever has two current."""
    latest = {row.assignment.id: row for row in rows}
    return sorted(latest.values(), key=lambda row: row.ended_at is None)


def _pool_columns(loads: Loads) -> Sequence[Sequence[Any]]:
    ids = sorted(loads.changed_pools)
    return ids, [json.dumps(dict(loads.pools[id_])) for id_ in ids]


def _rep_columns(loads: Loads) -> Sequence[Sequence[Any]]:
    ids = sorted(loads.changed_reps)
    rep_loads = [loads.reps[id_] for id_ in ids]
    return (
        ids,
        [rep_load.open for rep_load in rep_loads],
        [rep_load.last_assigned_at for rep_load in rep_loads],
    )


def _decision_columns(rows: Sequence[DecisionRow]) -> Sequence[Sequence[Any]]:
    return (
        [row.id for row in rows],
        [row.lead_id for row in rows],
        [row.cause for row in rows],
        [row.at for row in rows],
        [row.policy for row in rows],
        [str(row.code) for row in rows],
        [row.assignment_id for row in rows],
        [row.released for row in rows],
        [row.question.model_dump_json() if row.question else None for row in rows],
        [row.choice.model_dump_json() if row.choice else None for row in rows],
    )


def _assignment_columns(rows: Sequence[AssignmentRow]) -> Sequence[Sequence[Any]]:
    assignments = [row.assignment for row in rows]
    return (
        [assignment.id for assignment in assignments],
        [row.lead_id for row in rows],
        [assignment.decision_id for assignment in assignments],
        [assignment.enquiry for assignment in assignments],
        [assignment.attempt for assignment in assignments],
        [assignment.rep.id for assignment in assignments],
        [assignment.team for assignment in assignments],
        [assignment.terms.rule for assignment in assignments],
        [assignment.terms.pool for assignment in assignments],
        [assignment.terms.role for assignment in assignments],
        [assignment.terms.sla_policy for assignment in assignments],
        [assignment.previous_rep for assignment in assignments],
        [assignment.assigned_at for assignment in assignments],
        [assignment.accepted_at for assignment in assignments],
        [assignment.worked_at for assignment in assignments],
        [row.ended_at for row in rows],
        [row.ended_code for row in rows],
        [row.ended_reason for row in rows],
    )


class NoPolicyError(LookupError):
    """No bundle is in force."""


class Reads:
    """The queries of the API; each reads one consistent snapshot."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(isolation_level="REPEATABLE READ")
        self._bundle: Bundle | None = None

    async def history(self, lead_id: UUID, decisions: int) -> HistoryRecord | None:
        """All assignments of a lead and its newest `decisions`; None where there are neither."""
        query = select(ASSIGNMENT).where(ASSIGNMENT.c.lead_id == lead_id)
        decided = select(DECISION).where(DECISION.c.lead_id == lead_id)
        async with self._engine.connect() as db:
            assignments = await db.execute(query.order_by(ASSIGNMENT.c.assigned_at))
            newest = await db.execute(decided.order_by(DECISION.c.at.desc()).limit(decisions))
            rows = [AssignmentRecord.model_validate({**row}) for row in assignments.mappings()]
            made = [DecisionRecord.model_validate({**row}) for row in newest.mappings()]
        if not rows and not made:
            return None
        return HistoryRecord(
            lead_id=lead_id,
            current=next((row for row in rows if row.ended_at is None), None),
            assignments=tuple(rows),
            decisions=tuple(reversed(made)),
        )

    async def reps(self) -> list[RepRecord]:
        """The reps of the bundle in force, in its order; then who left and still has open leads.

        Raises NoPolicyError.
        """
        async with self._engine.connect() as db:
            bundle = await self._in_force(db)
            rows = (await db.execute(select(REP).order_by(REP.c.id))).mappings().all()
        rep_loads = {row["id"]: RepLoad(row["open_leads"], row["last_assigned_at"]) for row in rows}
        known = [
            RepRecord.of(rep, bundle, rep_loads.get(rep.id, RepLoad())) for rep in bundle.teams.reps
        ]
        left = [
            RepRecord.of_one_who_left(id_, rep_load)
            for id_, rep_load in rep_loads.items()
            if rep_load.open and bundle.teams.rep(id_) is None
        ]
        return [*known, *left]

    async def _in_force(self, db: AsyncConnection) -> Bundle:
        activations = select(cast(_IN_FORCE.c.activations, Text)).scalar_subquery()
        clock = select(func.max(_SHARD.c.clock)).scalar_subquery()
        row = (
            await db.execute(select(activations, func.coalesce(clock, func.clock_timestamp())))
        ).one()
        activation = at(parse_activations(row[0]), row[1])
        if activation is None:
            raise NoPolicyError("no policy bundle is in force yet: run `baton policy activate`")
        if self._bundle is None or self._bundle.hash != activation.hash:
            files = await db.scalar(
                select(_BUNDLE.c.files).where(_BUNDLE.c.hash == activation.hash)
            )
            if files is None:
                raise NoPolicyError(f"the bundle in force, {activation.hash[:12]}, is not here yet")
            self._bundle = Bundle.parse(files, READS)
        return self._bundle
