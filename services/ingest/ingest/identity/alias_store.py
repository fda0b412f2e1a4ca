"""All SQL of the aliases, for their keeper and for whoever asks whom a name belongs to."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import asyncpg
from pydantic import BaseModel

from baton.database import connection
from baton.policy.bundle import Bundle
from baton.runtime.decisions import Row
from baton.runtime.errors import SharedRow
from baton.runtime.inputs import Input
from baton.subjects import LEAD, Subject
from ingest.deadline import within
from ingest.features.enrichment import store as fetching
from ingest.features.failed import store as failed_store
from ingest.features.quarantine import store as quarantine
from ingest.features.unmatched import store as waiting
from ingest.identity.aliases import Alias, AliasKind, AliasName, Forget, NoState, name_id
from ingest.publish import spool_store as spool

_MOST_LEADS_OF_A_RECORD = 20


class AliasStore:
    """The alias keeper's side of the runner: `runtime.inputs.Store`."""

    @property
    def states(self) -> Mapping[str, type[BaseModel]]:
        """The model of a lead's state."""
        return {LEAD: NoState}

    def version(self, state: NoState) -> int:  # noqa: ARG002 - every release reads every state so far
        """The first version of the service that reads this state without losing anything of it."""
        return 1

    async def lock(
        self,
        db: asyncpg.Connection,
        inputs: Sequence[Input],
        states: Mapping[Subject, NoState],
        bundle: Bundle,
        missed: Collection[SharedRow],
    ) -> None:
        """Shards share nothing here."""

    async def save(self, db: asyncpg.Connection, rows: Sequence[Row], shared: None) -> None:  # noqa: ARG002 - the runner's interface
        """Write the aliases, then forget: the times in both tell which of them may stay."""
        newest: dict[tuple[AliasName, UUID], Alias] = {}
        for row in rows:
            if isinstance(row, Alias):
                before = newest.get((row.name, row.lead_id), row)
                newest[row.name, row.lead_id] = replace(
                    row, seen_at=max(row.seen_at, before.seen_at), own=row.own or before.own
                )
        if newest:
            # In one order, so that two shards that write the same names wait for each other only.
            await _save_aliases(db, [newest[key] for key in sorted(newest)])
            await waiting.mark_due(db, {alias.name for alias in newest.values()})
        forget = [row for row in rows if isinstance(row, Forget)]
        if forget:
            await _forget(db, forget)

    async def erase(self, db: asyncpg.Connection, subjects: Sequence[Subject]) -> None:
        """`save` has done it: `Forget` knows up to when, so that an enquiry since then stays."""


class AliasReads:
    """The lead to which a name belongs."""

    def __init__(self, pool: asyncpg.Pool, patience: timedelta) -> None:
        self._pool = pool
        self._patience = patience

    async def leads_of(self, names: Sequence[AliasName]) -> dict[AliasName, Sequence[UUID]]:
        """As the function of this name. Raises one of DATABASE_AWAY."""
        return await within(self._patience, self._leads_of(names))

    async def same_person(self, leads: Sequence[UUID]) -> list[UUID]:
        """These leads, and those that a system knows as the same person. Raises as `leads_of`."""
        return await within(self._patience, self._same_person(leads))

    async def _same_person(self, leads: Sequence[UUID]) -> list[UUID]:
        found, fresh = dict.fromkeys(leads), list(leads)
        async with connection(self._pool) as db:
            while fresh:
                fresh = [alias for alias in await _neighbours(db, fresh) if alias not in found]
                found |= dict.fromkeys(fresh)
        return list(found)

    async def _leads_of(self, names: Sequence[AliasName]) -> dict[AliasName, Sequence[UUID]]:
        async with connection(self._pool) as db:
            return await leads_of(db, names)


async def names_of(db: asyncpg.Connection, lead_id: UUID) -> list[AliasName]:
    """The names by which a lead is known."""
    rows = await db.fetch(
        """
        SELECT kind, brand, source, value FROM alias WHERE lead_id = $1
        ORDER BY kind, brand, source, value
        """,
        lead_id,
    )
    return [AliasName(AliasKind(r["kind"]), r["brand"], r["source"], r["value"]) for r in rows]


async def _neighbours(db: asyncpg.Connection, leads: Sequence[UUID]) -> list[UUID]:
    """The leads that share a person's record with one of these leads. A record of too many leads
    does not count: it may be a constant of a form.
    """
    rows = await db.fetch(
        """
        SELECT DISTINCT unnest(shared.leads) AS lead_id
        FROM (SELECT DISTINCT kind, brand, source, value FROM alias
              WHERE lead_id = ANY($1::uuid[]) AND kind = 'external_id') AS name
        CROSS JOIN LATERAL (
            SELECT ARRAY(
                SELECT lead_id FROM alias
                WHERE alias.kind = name.kind AND alias.brand = name.brand
                    AND alias.source = name.source AND alias.value = name.value
                LIMIT $2 + 1) AS leads) AS shared
        WHERE cardinality(shared.leads) <= $2
        """,
        leads,
        _MOST_LEADS_OF_A_RECORD,
    )
    return [row["lead_id"] for row in rows]


async def leads_of(
    db: asyncpg.Connection, names: Sequence[AliasName]
) -> dict[AliasName, Sequence[UUID]]:
    """The leads that are known by each name, two at most, the one that was seen last first.

    Before them come those that have the name for their own.
    """
    rows = await db.fetch(
        """
        SELECT ARRAY(
            SELECT lead_id FROM alias
            WHERE alias.kind = asked.kind AND alias.brand = asked.brand
                AND alias.source = asked.source AND alias.value = asked.value
            ORDER BY own DESC, seen_at DESC, lead_id LIMIT 2) AS leads
        FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
            WITH ORDINALITY AS asked (kind, brand, source, value, place)
        ORDER BY place
        """,
        [name.kind.value for name in names],
        [name.brand for name in names],
        [name.source for name in names],
        [name.value for name in names],
    )
    return {name: row["leads"] for name, row in zip(names, rows, strict=True)}


async def _save_aliases(db: asyncpg.Connection, aliases: Sequence[Alias]) -> None:
    await db.execute(
        """
        INSERT INTO alias (kind, brand, source, value, lead_id, seen_at, own)
        SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::uuid[],
                             $6::timestamptz[], $7::boolean[])
        ON CONFLICT (kind, brand, source, value, lead_id)
            DO UPDATE SET seen_at = greatest(alias.seen_at, excluded.seen_at),
                own = alias.own OR excluded.own
            WHERE alias.seen_at < excluded.seen_at OR alias.own < excluded.own
        """,
        [alias.name.kind.value for alias in aliases],
        [alias.name.brand for alias in aliases],
        [alias.name.source for alias in aliases],
        [alias.name.value for alias in aliases],
        [alias.lead_id for alias in aliases],
        [alias.seen_at for alias in aliases],
        [alias.own for alias in aliases],
    )


async def _forget(db: asyncpg.Connection, forget: Sequence[Forget]) -> None:
    up_to = {row.lead_id: row.up_to for row in sorted(forget, key=lambda row: row.up_to)}
    leads, times = list(up_to), list(up_to.values())
    heard_times = {
        row.lead_id: row.heard_at for row in sorted(forget, key=lambda row: row.heard_at)
    }
    heard_at = [heard_times[lead_id] for lead_id in leads]
    await waiting.forget(db, heard_times, await _names_of(db, leads))
    await spool.forget(db, leads, times)
    await failed_store.forget(db, leads, heard_at)
    await quarantine.forget(db, leads, heard_at)
    await fetching.forget(db, leads, heard_at)
    await db.execute(
        """
        DELETE FROM alias USING unnest($1::uuid[], $2::timestamptz[]) AS erased (lead_id, up_to)
        WHERE alias.lead_id = erased.lead_id AND alias.seen_at <= erased.up_to
        """,
        leads,
        times,
    )


async def _names_of(db: asyncpg.Connection, leads: Sequence[UUID]) -> dict[UUID, list[UUID]]:
    """The ids of the names by which each lead is known."""
    found: dict[UUID, list[UUID]] = {}
    for row in await db.fetch(
        "SELECT lead_id, kind, brand, source, value FROM alias WHERE lead_id = ANY($1::uuid[])",
        leads,
    ):
        name = name_id(row["kind"], row["brand"], row["source"], row["value"])
        found.setdefault(row["lead_id"], []).append(name)
    return found
