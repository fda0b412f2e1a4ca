"""What intake takes by each of its ways, until Kafka has it; no other service runs."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from uuid import uuid4

from baton_cli.service import INGEST
from tests.bench import leads
from tests.bench.deployment import Deployment, deployed
from tests.bench.figures import Aim, Figure, Unit, percentiles
from tests.bench.floors import BARE_ENDPOINT, bare_endpoint
from tests.bench.load import Sent, send_at_once, send_evenly
from tests.bench.positions import all_read
from tests.bench.setting import Setting
from tests.bench.usage import cpu_seconds
from tests.bench.ways import ByHttp, Entrance, client
from tests.bench.webhooks import SignedWebhooks

RATE = 300
"""Requests a second, where it is asked how long an answer takes."""

_AT_ONCE = 16
_LINES = 1_000
_BATCHES_AT_ONCE = 2
_LEADS_OF_BATCHES = 5
"""So many times as many as are sent singly: they are taken so much faster."""
_FLOOR = "bare endpoint"
_PRODUCER = "bare producer: at most"

AIMS = {"batch: at most": Aim(at_least=2_500)}


async def scenario(setting: Setting) -> AsyncIterator[Figure]:
    """Each way by itself, as fast as it goes and at a rate; then the floors."""
    stack, wanted = setting.stack, setting.sizes.burst
    async with deployed(stack, setting.profiles) as deployment:
        deployment.start(INGEST)
        async with client(deployment) as http:
            taking = Taking(deployment.pid(INGEST), partial(all_read, deployment, INGEST))
            singly = ByHttp(deployment, http)
            await taking.as_fast_as_it_goes(singly, setting.sizes.warm_up, _AT_ONCE)
            for name, way in (
                ("single JSON", singly),
                ("signed webhook", SignedWebhooks(deployment, http)),
            ):
                setting.say(f"  {name}: as fast as it goes, then {RATE} requests/s")
                for figure in await _measured(setting, taking, way, name, _FLOOR):
                    yield figure
            setting.say(f"  batches of {_LINES}: as fast as it goes")
            batches = ByHttp(deployment, http, _LINES)
            taken = await taking.as_fast_as_it_goes(
                batches, wanted * _LEADS_OF_BATCHES, _BATCHES_AT_ONCE
            )
        yield _rate("batch: at most", taken.rate, _PRODUCER)
        yield _cpu("batch", taken, _FLOOR)
        deployment.stop(INGEST)
        yield _rate(_PRODUCER, await _produced(deployment, wanted * _LEADS_OF_BATCHES))
    async with bare_endpoint(stack) as bare:
        taking = Taking(stack.pid(BARE_ENDPOINT), _at_once)
        await taking.as_fast_as_it_goes(bare, setting.sizes.warm_up, _AT_ONCE)
        for figure in await _measured(setting, taking, bare, _FLOOR):
            yield figure


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Leads that were taken as fast as it went, `rate` a second; CPU seconds of one."""

    rate: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Taking:
    """A process that takes leads; `settled` returns when they have left it nothing to do."""

    pid: int
    settled: Callable[[], Awaitable[None]]

    async def as_fast_as_it_goes(self, way: Entrance, wanted: int, at_once: int) -> Acceptance:
        load = way.load(wanted)
        before = cpu_seconds(self.pid)
        sent = await send_at_once(load.send, len(load.keys), at_once)
        await self.settled()
        spent = cpu_seconds(self.pid) - before
        return Acceptance(sent.rate * way.at_once, spent / len(sent.due) / way.at_once)

    async def at_a_rate(self, way: Entrance, wanted: int, rate: float) -> Sent:
        load = way.load(wanted)
        sent = await send_evenly(load.send, len(load.keys), rate)
        await self.settled()
        return sent


async def _at_once() -> None:
    """The floor has nothing to do behind its answers."""


async def _measured(
    setting: Setting, taking: Taking, way: Entrance, name: str, floor: str | None = None
) -> list[Figure]:
    taken = await taking.as_fast_as_it_goes(way, setting.sizes.burst, _AT_ONCE)
    sent = await taking.at_a_rate(way, RATE * setting.sizes.seconds, RATE)
    return [
        _rate(f"{name}: at most", taken.rate, floor and f"{floor}: at most"),
        _cpu(name, taken, floor),
        *percentiles(f"{name} at {RATE}/s", sent.waits, floor and f"{floor} at {RATE}/s"),
        Figure(what=f"{name} at {RATE}/s: refused", unit=Unit.PERCENT, value=sent.refused),
    ]


def _rate(what: str, rate: float, floor: str | None = None) -> Figure:
    return Figure(what=what, unit=Unit.LEADS_A_SECOND, value=rate, floor=floor)


def _cpu(name: str, taken: Acceptance, floor: str | None = None) -> Figure:
    return Figure(
        what=f"{name}: a lead",
        unit=Unit.MS_CPU,
        value=taken.cpu * 1000,
        floor=floor and f"{floor}: a lead",
    )


async def _produced(deployment: Deployment, wanted: int) -> float:
    """How many records a second a bare producer puts where a batch puts them."""
    message = leads.captured("produced", 0, deployment.policy, deployment.id_key)
    messages = [replace(message, key=str(uuid4()).encode()) for _ in range(wanted)]
    begin = time.monotonic()
    await leads.write(deployment.kafka, messages)
    return wanted / (time.monotonic() - begin)
