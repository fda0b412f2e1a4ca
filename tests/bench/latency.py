"""How long a lead takes from HTTP to its `lead-sla` record, and what it costs on its way."""

import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass

import asyncpg

from baton_cli.service import INGEST, Service
from tests.bench.arrivals import arrivals
from tests.bench.deployment import deployed
from tests.bench.figures import Aim, Figure, Unit, percentiles
from tests.bench.floors import RELAYS, chain
from tests.bench.setting import Setting
from tests.bench.usage import SERVERS, Usage, memory_bytes, usage
from tests.bench.ways import ByHttp, Passed, Way, client, pass_through

QUIET, BUSY = 50, 300
"""Leads a second."""

_FLOOR, _BATON = "bare chain", "HTTP to lead-sla"

AIMS = {f"{_BATON} at {QUIET}/s: p50": Aim(less_than_floors=5)}


@dataclass(frozen=True, slots=True)
class _Found:
    """What became of the leads, by rate; and what they cost at the busy one.

    `load` is how many CPU seconds this process has taken, which has sent them.
    """

    passed: Mapping[int, Passed]
    used: Usage
    load: float

    @property
    def leads(self) -> int:
        return len(self.passed[BUSY].through)


async def scenario(setting: Setting) -> AsyncIterator[Figure]:
    """The four services, then the bare chain, each at both rates.

    In this order, so that the chain finds a Kafka whose code is compiled.
    """
    stack = setting.stack
    async with deployed(stack, setting.profiles) as deployment, client(deployment) as http:
        deployment.start(*Service)
        pids = {service.schema: deployment.pid(service) for service in Service}
        pids |= {name: stack.pid(name) for name in SERVERS}
        found = await _passed(setting, ByHttp(deployment, http), pids)
        memory = {service: memory_bytes(deployment.pid(service)) for service in Service}
    for figure in (*_times(found, _BATON, _FLOOR), *_costs(found)):
        yield figure
    for service, size in memory.items():
        what = f"{service}: memory after that"
        yield Figure(what=what, unit=Unit.MEGABYTES, value=size / 1_000_000)
    async with chain(stack) as bare:
        pids = {name: stack.pid(name) for name in (*RELAYS, "kafka")}
        found = await _passed(setting, bare, pids)
    for figure in (*_times(found, _FLOOR), *_costs_of_chain(found)):
        yield figure


async def _passed(setting: Setting, way: Way, pids: Mapping[str, int]) -> _Found:
    seconds = setting.sizes.seconds
    db = await asyncpg.connect(setting.stack.server_url)
    try:
        async with arrivals(way.settings, way.out) as coming:
            setting.say(f"  {way.name}: warming up")
            await pass_through(way, setting.sizes.warm_up, BUSY, coming)
            setting.say(f"  {way.name}: {QUIET} leads/s for {seconds} s")
            quiet = await pass_through(way, QUIET * seconds, QUIET, coming)
            setting.say(f"  {way.name}: {BUSY} leads/s for {seconds} s")
            before, load_before = await usage(db, pids), time.process_time()
            busy = await pass_through(way, BUSY * seconds, BUSY, coming)
            load = time.process_time() - load_before
            used = (await usage(db, pids)).since(before)
    finally:
        await db.close()
    return _Found({QUIET: quiet, BUSY: busy}, used, load)


def _times(found: _Found, name: str, floor: str | None = None) -> Iterator[Figure]:
    for rate, passed in found.passed.items():
        at = f"at {rate}/s"
        yield from percentiles(f"{name} {at}", passed.through, floor and f"{floor} {at}")
        yield Figure(what=f"{name} {at}: refused", unit=Unit.PERCENT, value=passed.sent.refused)


def _costs_of_chain(found: _Found) -> Iterator[Figure]:
    relays = sum(found.used.cpu[name] for name in RELAYS) / len(RELAYS)
    yield _cpu("bare chain: a relay", relays, found)
    yield _cpu("bare chain: Kafka", found.used.cpu["kafka"], found)


def _costs(found: _Found) -> Iterator[Figure]:
    used = found.used
    for service in Service:
        name = service.schema
        floor = None if service is INGEST else "bare chain: a relay, a lead"
        yield _cpu(f"{service}", used.cpu[name], found, floor)
        yield _cpu(f"{service}: its PostgreSQL sessions", used.session_cpu[name], found)
        wal = used.session_wal[name] / found.leads
        yield Figure(what=f"{service}: WAL, a lead", unit=Unit.BYTES, value=wal)
    yield _cpu("PostgreSQL", used.cpu["postgres"], found)
    yield _cpu("Kafka", used.cpu["kafka"], found, "bare chain: Kafka, a lead")
    yield _cpu("what sends and watches", found.load, found)
    yield Figure(what="WAL, a lead", unit=Unit.BYTES, value=used.wal_bytes / found.leads)


def _cpu(of: str, seconds: float, found: _Found, floor: str | None = None) -> Figure:
    value = seconds * 1000 / found.leads
    return Figure(what=f"{of}, a lead", unit=Unit.MS_CPU, value=value, floor=floor)
