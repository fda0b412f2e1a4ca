"""All that intake holds on a lead, table by table."""

from dataclasses import dataclass
from uuid import UUID

import asyncpg

from baton.cloudevents import Message
from baton.database import connection
from ingest import store as spool
from ingest.aliases import store as aliases
from ingest.domain import AliasName
from ingest.fetching import store as fetching
from ingest.fetching.store import Incomplete
from ingest.kept import store as kept
from ingest.kept.store import FailedDelivery, Failure
from ingest.quarantine import store as quarantine
from ingest.quarantine.store import Held, Standing
from ingest.waiting import store as waiting
from ingest.waiting.store import Waiting


@dataclass(frozen=True, slots=True)
class Holdings:
    """What an erasure of the lead would remove. What waits or failed may be about others too."""

    names: list[AliasName]
    spooled: list[Message]
    waiting: list[Waiting]
    fetching: list[Incomplete]
    quarantine: list[tuple[Held, Standing]]
    deliveries: list[tuple[FailedDelivery, Failure]]


async def holdings(pool: asyncpg.Pool, lead_id: UUID) -> Holdings:
    """As of one moment."""
    async with connection(pool) as db, db.transaction(isolation="repeatable_read", readonly=True):
        names = await aliases.names_of(db, lead_id)
        return Holdings(
            names=names,
            spooled=await spool.of_lead(db, lead_id),
            waiting=await waiting.of_lead(db, lead_id, names),
            fetching=await fetching.of_lead(db, lead_id),
            quarantine=await quarantine.of_lead(db, lead_id),
            deliveries=await kept.of_lead(db, lead_id),
        )
