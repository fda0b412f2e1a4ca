"""Who asks a shard for something is answered in time, whatever the shard does."""

import asyncio
from datetime import timedelta

from baton.subjects import Subject
from tests.runtime.harness import QUICK, World
from tests.runtime.scenery import first_stay

IMPATIENT = QUICK.model_copy(
    update={"look": timedelta(seconds=0.01), "command_wait": timedelta(seconds=0.1)}
)


async def test_many_who_wait_for_what_nobody_does_are_all_told_so_and_hold_up_no_one(
    world: World,
) -> None:
    await first_stay(world)
    process = await world.start(times=IMPATIENT)
    process.running.cancel()
    asking = process.commands
    for _ in range(5):
        asked = (asking.ask(Subject.lead(world.lead()), "count", None) for _ in range(100))
        assert await asyncio.gather(*asked) == [None] * 100
