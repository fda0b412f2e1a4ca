"""What the machine can do, whatever Baton does: the measure of other figures.

A budget that is a multiple of these holds on a slower machine too, and while others use it.
"""

import time
from collections.abc import AsyncIterator

from tests.bench.arrivals import arrivals
from tests.bench.figures import Figure, Unit, percentiles
from tests.bench.floors import RELAYS, chain
from tests.bench.setting import Setting
from tests.bench.usage import cpu_seconds
from tests.bench.ways import pass_through

LOOP = "pure-Python loop"
RELAY = "bare relay, a lead"
RATE = 300
"""Leads a second."""

_ROUNDS = 5
_STEPS = 1_000_000


async def scenario(setting: Setting) -> AsyncIterator[Figure]:
    """The loop, then the relays of the bare chain at a rate that they keep up with."""
    setting.say(f"  a loop of {_STEPS:,} steps, the shortest of {_ROUNDS} times")
    yield Figure(what=LOOP, unit=Unit.MS_CPU, value=min(_loop() for _ in range(_ROUNDS)) * 1000)
    stack, seconds = setting.stack, setting.sizes.trial_seconds
    async with chain(stack) as bare, arrivals(bare.settings, bare.out) as coming:
        await pass_through(bare, setting.sizes.warm_up, RATE, coming)
        pids = [stack.pid(name) for name in RELAYS]
        before = sum(map(cpu_seconds, pids))
        setting.say(f"  a bare relay: {RATE} leads/s for {seconds} s")
        passed = await pass_through(bare, RATE * seconds, RATE, coming)
        spent = sum(map(cpu_seconds, pids)) - before
    hops = len(RELAYS) * len(passed.through)
    yield Figure(what=RELAY, unit=Unit.MS_CPU, value=spent * 1000 / hops)
    # The load's own way to the first topic is a hop too.
    for figure in percentiles(
        "bare relay: a hop", [each / (len(RELAYS) + 1) for each in passed.through]
    ):
        yield figure


def _loop() -> float:
    """CPU seconds of work that is always the same: numbers, and a dictionary that is written."""
    begin = time.process_time()
    last: dict[int, int] = {}
    total = 0
    for step in range(_STEPS):
        total = (total * 31 + step) % 1_000_003
        last[total % 1_009] = step
    return time.process_time() - begin
