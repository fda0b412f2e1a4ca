"""How fast each service works off a backlog, alone, and what an event costs it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass

import asyncpg
import httpx
from prometheus_client.parser import text_string_to_metric_families

from baton_cli.service import Service
from bench import leads
from bench.deployment import Deployment, deployed
from bench.figures import Aim, Figure, Unit
from bench.positions import LOOK_EVERY_S, PATIENCE_S, end_of, read_up_to
from bench.setting import Setting
from bench.usage import SERVERS, Usage, usage

ORDER = (Service.SCORING, Service.ROUTING, Service.SLA_MONITOR, Service.INGEST)
"""Each writes what those behind it read."""


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """How a service worked off a backlog; from its first batch on, so without its start.

    `events` were read, `decided` of them decided on, the others passed over by their type.
    """

    service: Service
    events: int
    decided: int
    batches: int
    used: Usage

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.used.at

    def cpu_ms(self, process: str) -> float:
        """Of one event."""
        return self.used.cpu[process] * 1000 / self.events


AIMS = {f"{service}: catch-up": Aim(at_least=4_000) for service in ORDER}


async def scenario(setting: Setting) -> AsyncIterator[Figure]:
    """Each service by itself, then what it costs to pass over what a service has no use for."""
    async with deployed(setting.stack, setting.profiles) as deployment:
        await fill(deployment, setting.sizes.backlog)
        for service in ORDER:
            found = await catch_up(deployment, service)
            yield Figure(what=f"{service}: catch-up", unit=Unit.EVENTS_A_SECOND, value=found.rate)
            for figure in _costs(found):
                yield figure
        for service in (Service.SCORING, Service.ROUTING):
            found = await catch_up(deployment, service)
            cost = found.cpu_ms(service.schema) * 1000
            what = f"{service}: an event passed over"
            yield Figure(what=what, unit=Unit.MICROSECONDS_CPU, value=cost)


def _costs(found: CaughtUp) -> Iterator[Figure]:
    """Of one event that is decided on: those that are passed over cost next to nothing."""
    share = found.decided / found.events
    service = found.service
    yield Figure(what=f"{service}: events decided on", unit=Unit.PERCENT, value=share * 100)
    for process in (service.schema, *SERVERS):
        cost = found.cpu_ms(process) / share
        yield Figure(what=f"{service}: {process}, a decision", unit=Unit.MS_CPU, value=cost)
    wal = found.used.wal_bytes / found.decided
    yield Figure(what=f"{service}: WAL, a decision", unit=Unit.BYTES, value=wal)


async def fill(deployment: Deployment, count: int, name: str = "backlog") -> None:
    """Put enquiries on `lead-captured`, as if intake had taken them."""
    made = [
        leads.captured(name, number, deployment.policy, deployment.id_key)
        for number in range(count)
    ]
    await leads.write(deployment.kafka, made)


async def catch_up(deployment: Deployment, service: Service) -> CaughtUp:
    """Start a service, alone, and stop it when it has read all that there is."""
    end = await end_of(deployment, service)
    db = await asyncpg.connect(deployment.database_url)
    try:
        begin = await read_up_to(db, service)
        deployment.start(service, wait=False)
        pids = {name: deployment.stack.pid(name) for name in (service.schema, *SERVERS)}
        deadline = time.monotonic() + PATIENCE_S
        # From when it has begun on; or from before, where one look sees it done.
        first = (begin, await usage(db, pids))
        while (at := await read_up_to(db, service)) < end:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{service} stands at {at} of {end}")
            if first[0] == begin:
                first = (at, await usage(db, pids))
            await asyncio.sleep(LOOK_EVERY_S)
        last = await usage(db, pids)
        decided, batches = await _counted(deployment.url(service))
    finally:
        await db.close()
    deployment.stop(service)
    share = (end - first[0]) / (end - begin)
    return CaughtUp(service, end - first[0], round(decided * share), batches, last.since(first[1]))


async def _counted(url: str) -> tuple[int, int]:
    """How many events the process has decided on, in how many batches."""
    async with httpx.AsyncClient(trust_env=False) as http:
        text = (await http.get(f"{url}/metrics")).text
    samples = [s for family in text_string_to_metric_families(text) for s in family.samples]

    def total(which: Callable[[str, dict[str, str]], bool]) -> int:
        return round(sum(each.value for each in samples if which(each.name, each.labels)))

    decided = total(lambda n, by: n == "baton_inputs_total" and by.get("outcome") == "applied")
    return decided, total(lambda n, _: n == "baton_batch_inputs_count")
