"""All that intake holds on a lead, table by table."""

from dataclasses import dataclass
from uuid import UUID

import asyncpg

from baton.cloudevents import Message
from baton.database import connection
from ingest.features.enrichment import store as fetching
from ingest.features.enrichment.store import Incomplete
from ingest.features.failed import store as failed_store
from ingest.features.failed.store import FailedDelivery, Failure
from ingest.features.quarantine import store as quarantine
from ingest.features.quarantine.store import QuarantinedEnquiry, Standing
from ingest.features.unmatched import store as waiting
from ingest.features.unmatched.store import Waiting
from ingest.identity import alias_store as aliases
from ingest.identity.aliases import AliasName
from ingest.publish import spool_store as spool


@dataclass(frozen=True, slots=True)
class Holdings:
    """The data that an erasure of the lead would remove. Unmatched and failed deliveries may be
    about other persons too.
    """

    names: list[AliasName]
    spooled: list[Message]
    waiting: list[Waiting]
    fetching: list[Incomplete]
    quarantine: list[tuple[QuarantinedEnquiry, Standing]]
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
            deliveries=await failed_store.of_lead(db, lead_id),
        )
