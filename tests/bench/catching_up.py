"""How fast each service works off a backlog, alone, and what an event costs it."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Self

import asyncpg
import httpx
from prometheus_client.parser import text_string_to_metric_families

from baton import topics
from baton_cli.service import INGEST, ROUTING, SCORING, SLA_MONITOR, Service
from tests.bench import leads
from tests.bench.deployment import Deployment, deployed
from tests.bench.figures import Aim, Figure, Unit
from tests.bench.positions import PATIENCE_S, all_read, end_of, read_up_to
from tests.bench.setting import Setting
from tests.bench.usage import SERVERS, Usage, cpu_seconds, usage

_COUNT_EVERY_S = 0.1

ORDER = (SCORING, ROUTING, SLA_MONITOR, INGEST)
"""Each writes what those behind it read."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Inputs of a kind, and of them those that were decided on, not passed over by type."""

    inputs: int = 0
    decided: int = 0

    def since(self, before: Self) -> "Counted":
        return Counted(self.inputs - before.inputs, self.decided - before.decided)


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """How a service worked off a backlog; from its first batch on, so without its start."""

    service: Service
    counted: Counted
    used: Usage

    @property
    def rate(self) -> float:
        """Inputs a second."""
        return self.counted.inputs / self.used.at


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
        for service in (SCORING, ROUTING):
            cost = await _pass_over(deployment, service)
            what = f"{service}: an event passed over"
            yield Figure(what=what, unit=Unit.MICROSECONDS_CPU, value=cost * 1_000_000)


def _costs(found: CaughtUp) -> Iterator[Figure]:
    """Of one event that is decided on: those that are passed over cost next to nothing."""
    service, used, decided = found.service, found.used, found.counted.decided
    share = decided * 100 / found.counted.inputs
    yield Figure(what=f"{service}: events decided on", unit=Unit.PERCENT, value=share)
    for process in (service.schema, *SERVERS):
        cost = used.cpu[process] * 1000 / decided
        yield Figure(what=f"{service}: {process}, a decision", unit=Unit.MS_CPU, value=cost)
    wal = used.wal_bytes / decided
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
        waiting = end - await read_up_to(db, service)
        deployment.start(service, wait=False)
        found = await work_off(deployment, db, service, "event", waiting)
    finally:
        await db.close()
    # What is passed over is noted once a second.
    await all_read(deployment, service)
    deployment.stop(service)
    return found


async def work_off(
    deployment: Deployment, db: asyncpg.Connection, service: Service, kind: str, waiting: int
) -> CaughtUp:
    """Returns when a service that was started has worked off so many inputs of a kind.

    The kinds are those of the metric `baton_inputs_total`. Raises TimeoutError.
    """
    pids = {name: deployment.stack.pid(name) for name in (service.schema, *SERVERS)}
    deadline = time.monotonic() + PATIENCE_S
    # From when it has begun on; or from before, where one look sees it done.
    first, used_first = Counted(), await usage(db, pids)
    while (counted := await _counted(deployment.url(service), kind)).inputs < waiting:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{service} has worked off {counted.inputs} {kind}s of {waiting}")
        if counted.inputs and not first.inputs:
            first, used_first = counted, await usage(db, pids)
        await asyncio.sleep(_COUNT_EVERY_S)
    return CaughtUp(service, counted.since(first), (await usage(db, pids)).since(used_first))


async def _pass_over(deployment: Deployment, service: Service) -> float:
    """CPU seconds of an event on `lead-sla`, of which the service decides on nothing."""
    deployment.start(service)
    await all_read(deployment, service)
    url, pid = deployment.url(service), deployment.pid(service)
    again = [each async for each in leads.read(deployment.kafka, topics.LEAD_SLA)]
    first, cpu_first = await _counted(url, "event"), cpu_seconds(pid)
    await leads.write(deployment.kafka, again)
    await all_read(deployment, service)
    cpu, counted = cpu_seconds(pid) - cpu_first, (await _counted(url, "event")).since(first)
    deployment.stop(service)
    return cpu / counted.inputs


async def _counted(url: str, kind: str) -> Counted:
    """What the process has counted; nothing before it answers."""
    try:
        async with httpx.AsyncClient(trust_env=False) as http:
            text = (await http.get(f"{url}/metrics")).text
    except httpx.TransportError:
        return Counted()
    by_outcome = [
        (sample.labels["outcome"], round(sample.value))
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "baton_inputs_total" and sample.labels["kind"] == kind
    ]
    return Counted(
        inputs=sum(number for _, number in by_outcome),
        decided=sum(number for outcome, number in by_outcome if outcome == "applied"),
    )
