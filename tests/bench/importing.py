"""A list of a million: into Kafka, killed in the middle; and beside live leads."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from baton import topics
from baton_cli.service import INGEST, Service
from tests.bench import leads
from tests.bench.arrivals import LostError, arrivals
from tests.bench.deployment import Deployment, deployed
from tests.bench.figures import Aim, Figure, Unit, percentiles
from tests.bench.lists import Import, write_list
from tests.bench.setting import Setting
from tests.bench.usage import SERVERS, cpu_seconds, memory_bytes
from tests.bench.ways import ByHttp, client, pass_through

LIVE = 20
"""Leads a second that come singly while a list is imported."""

_INTO_KAFKA = "import, killed in the middle and run again"
_LIVE = f"HTTP to owner at {LIVE}/s beside an import"

AIMS = {
    _INTO_KAFKA: Aim(at_least=3_000),
    f"{_LIVE}: p99": Aim(less_than=2_000),
}


async def scenario(setting: Setting) -> AsyncIterator[Figure]:
    """Ingest alone takes the list; then the four services do, while leads come singly."""
    with TemporaryDirectory(prefix="baton-bench-") as folder:
        file = Path(folder) / "list.csv"
        setting.say(f"  a list of {setting.sizes.rows:,} rows is written")
        await asyncio.to_thread(write_list, file, "list", setting.sizes.rows)
        async with deployed(setting.stack, setting.profiles) as deployment:
            deployment.start(INGEST)
            async for figure in _into_kafka(setting, deployment, file):
                yield figure
        stamped = topics.LEAD_ROUTED
        async with deployed(setting.stack, setting.profiles, stamped) as deployment:
            deployment.start(*Service)
            async for figure in _beside_live_leads(setting, deployment, file):
                yield figure


async def _into_kafka(
    setting: Setting, deployment: Deployment, file: Path
) -> AsyncIterator[Figure]:
    rows = setting.sizes.rows
    pid = deployment.pid(INGEST)
    pids = {"ingest": pid, **{name: deployment.stack.pid(name) for name in SERVERS}}
    before, begin = _cpu(pids), time.monotonic()
    setting.say("  baton import, until it is killed")
    first = Import(file, deployment.told, _batch(setting))
    await first.up_to(rows // 10)
    early = {"baton import": first.memory, "ingest": memory_bytes(pid)}
    await first.up_to(rows // 2)
    first.kill()
    setting.say("  baton import, gone on with")
    second = Import(file, deployment.told, _batch(setting))
    await second.complete()
    took = time.monotonic() - begin
    used = {name: spent - before[name] for name, spent in _cpu(pids).items()}
    yield Figure(what=_INTO_KAFKA, unit=Unit.LEADS_A_SECOND, value=rows / took)
    for name, spent in {"baton import": first.cpu + second.cpu, **used}.items():
        cost = spent / rows * 1_000_000
        yield Figure(what=f"import: {name}, a row", unit=Unit.MICROSECONDS_CPU, value=cost)
    late = {"baton import": second.memory, "ingest": memory_bytes(pid)}
    for name, memory in late.items():
        for when, size in (("after a tenth", early[name]), ("at the end", memory)):
            what = f"import: {name}, memory {when}"
            yield Figure(what=what, unit=Unit.MEGABYTES, value=size / 1_000_000)
    await _require_each_once(setting, deployment)


async def _require_each_once(setting: Setting, deployment: Deployment) -> None:
    """Raises LostError unless there is one event for each row, as after a run that was not killed.

    A copy of an event has its id, and takes no effect.
    """
    rows = setting.sizes.rows
    setting.say("  what Kafka has is counted")
    keys, ids = set(), set()
    async for message in leads.read(deployment.kafka, topics.LEAD_CAPTURED):
        keys.add(message.key)
        ids.add(dict(message.headers)["ce_id"])
    if not len(keys) == len(ids) == rows:
        raise LostError(f"{rows} rows have become {len(ids)} events of {len(keys)} leads")


async def _beside_live_leads(
    setting: Setting, deployment: Deployment, file: Path
) -> AsyncIterator[Figure]:
    sizes = setting.sizes
    async with client(deployment) as http:
        way = ByHttp(deployment, http, out=topics.LEAD_ROUTED)
        async with arrivals(way.settings, way.out) as coming:
            setting.say("  warming up")
            await pass_through(way, sizes.warm_up, LIVE, coming)
            running = Import(file, deployment.told, _batch(setting))
            await running.up_to(sizes.rows // 100)
            before, begin = running.taken, time.monotonic()
            setting.say(f"  {LIVE} leads/s for {sizes.import_seconds} s beside baton import")
            passed = await pass_through(way, LIVE * sizes.import_seconds, LIVE, coming)
            taken, took = running.taken - before, time.monotonic() - begin
            running.kill()
    passed.sent.require_all_taken()
    for figure in percentiles(_LIVE, passed.through):
        yield figure
    yield Figure(what="import beside it", unit=Unit.LEADS_A_SECOND, value=taken / took)


def _batch(setting: Setting) -> int:
    """What `baton import` takes by itself, but where the list is short."""
    return max(1, min(1_000, setting.sizes.rows // 20))


def _cpu(pids: Mapping[str, int]) -> Mapping[str, float]:
    return {name: cpu_seconds(pid) for name, pid in pids.items()}
