"""The highest rate that leads can keep coming at, from HTTP to their `lead-sla` records."""

import statistics
import time
from collections.abc import AsyncIterator
from math import sqrt

from baton_cli.service import Service
from tests.bench.arrivals import Arrivals, arrivals
from tests.bench.deployment import deployed
from tests.bench.figures import Aim, Figure, Unit
from tests.bench.floors import chain
from tests.bench.setting import Setting
from tests.bench.ways import BATCH_LINES, ByHttp, Way, client, pass_through, rush_through

_FLOOR = "bare chain, sustained"
_SINGLE = "HTTP to lead-sla, sustained: one a request"
_BATCH = f"HTTP to lead-sla, sustained: {BATCH_LINES} a request"

AIMS = {_SINGLE: Aim(at_least=400), _BATCH: Aim(at_least=1_000)}

_AT_ONCE = 64
_WITHIN_S = 0.5
"""A rate is sustained if 95 % of the leads have come out so long after they were due to be sent.

A rate that is too high by x % shows at the end of a trial as a wait of x % of the trial.
"""
_STEP = 1.15
_CLOSE_ENOUGH = 1.06


async def scenario(setting: Setting) -> AsyncIterator[Figure]:
    """One lead a request, then batches; then the bare chain."""
    async with deployed(setting.stack, setting.profiles) as deployment, client(deployment) as http:
        deployment.start(*Service)
        for what, at_once in ((_SINGLE, 1), (_BATCH, BATCH_LINES)):
            rate = await _highest(setting, ByHttp(deployment, http, at_once))
            yield Figure(what=what, unit=Unit.LEADS_A_SECOND, value=rate, floor=_FLOOR)
    async with chain(setting.stack) as bare:
        rate = await _highest(setting, bare)
    yield Figure(what=_FLOOR, unit=Unit.LEADS_A_SECOND, value=rate)


async def _highest(setting: Setting, way: Way) -> float:
    """The highest rate that was sustained, not far below one that was not; 0 where none was."""
    kept, not_kept = 0.0, 0.0
    async with arrivals(way.settings, way.out) as coming:
        rate = await _at_most(setting, way, coming)
        setting.say(f"  {way.name}: {rate:,.0f} leads/s when all are there at once")
        for _ in range(setting.sizes.trials):
            if await _is_sustained(setting, way, rate, coming):
                kept = rate
            else:
                not_kept = rate
            if not kept:
                rate = not_kept / _STEP
            elif not not_kept:
                rate = kept * _STEP
            elif not_kept > kept * _CLOSE_ENOUGH:
                rate = sqrt(kept * not_kept)
            else:
                break
    return kept


async def _at_most(setting: Setting, way: Way, coming: Arrivals) -> float:
    """How many come out a second while there are always more that could go in."""
    await rush_through(way, setting.sizes.warm_up, _AT_ONCE, coming)
    begin = time.monotonic()
    passed = await rush_through(way, setting.sizes.burst, _AT_ONCE, coming)
    return len(passed.through) / (time.monotonic() - begin)


async def _is_sustained(setting: Setting, way: Way, rate: float, coming: Arrivals) -> bool:
    passed = await pass_through(way, round(rate * setting.sizes.trial_seconds), rate, coming)
    late = statistics.quantiles(passed.through, n=20)[-1]
    sustained = late <= _WITHIN_S and all(passed.sent.taken)
    says = "sustained" if sustained else "not sustained"
    setting.say(f"  {way.name}: {rate:,.0f} leads/s: {says} (p95 {late * 1000:,.0f} ms)")
    return sustained
