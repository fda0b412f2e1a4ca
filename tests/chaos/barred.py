"""Leads that a service's table refuses for a while: what is told of them becomes dead letters."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

import asyncpg
from pydantic import JsonValue

from baton.policy.bundle import Bundle
from ingest.capture.origin import person_of
from ingest.capture.submissions import LeadIn
from ingest.policy.sources import Source, sources_of
from tests.chaos.checker.seen import Barred
from tests.chaos.deployment import Deployment
from tests.chaos.workload import SOURCE, Sort, enquiries

_TABLES = {
    "ingest": ("alias", "lead_id"),
    "scoring": ("subject", "id"),
    "routing": ("subject", "id"),
    "sla_monitor": ("clock", "lead_id"),
}
"""By service, the table that refuses a lead, and the column of the lead's id."""
_OF_EACH = 3
_AMONG = 400


def choose(seed: int, id_key: bytes, bundle: Bundle) -> list[Barred]:
    """Some of the first leads of a seed that a rep is to get."""
    first = itertools.islice(enquiries(seed), _AMONG)
    able = (each for each in first if each.sort in {Sort.PATIENT, Sort.HASTY})
    spread = itertools.islice(able, 0, None, 12)
    source = sources_of(bundle)[SOURCE]
    return [
        Barred(lead_id=_lead_id(next(spread).body("-"), source, id_key), service=service)
        for service, _ in itertools.product(_TABLES, range(_OF_EACH))
    ]


def _lead_id(body: Mapping[str, JsonValue], source: Source, id_key: bytes) -> UUID:
    person = person_of(LeadIn.model_validate(body), source.brand, source)
    return person.identified(id_key).lead_id


async def bar(deployment: Deployment, barred: Sequence[Barred]) -> None:
    """Have their tables refuse them."""
    for service, leads in _by_service(barred):
        ids = ", ".join(f"'{lead_id}'" for lead_id in leads)
        _, column = _TABLES[service]
        await _alter(deployment, service, f"ADD CONSTRAINT barred CHECK ({column} NOT IN ({ids}))")


async def mend(deployment: Deployment, barred: Sequence[Barred]) -> None:
    """Have them take everybody again."""
    for service, _ in _by_service(barred):
        await _alter(deployment, service, "DROP CONSTRAINT barred")


def _by_service(barred: Sequence[Barred]) -> Iterator[tuple[str, list[UUID]]]:
    for service in _TABLES:
        leads = [each.lead_id for each in barred if each.service == service]
        if leads:
            yield service, leads


async def _alter(deployment: Deployment, service: str, change: str) -> None:
    table, _ = _TABLES[service]
    db = await asyncpg.connect(deployment.alone.database_url)
    try:
        await db.execute(f'ALTER TABLE "{service}".{table} {change}')
    finally:
        await db.close()
