"""A process for which the group has no shard."""

import asyncio
from datetime import timedelta

from tests.runtime.harness import PARTITIONS, QUICK, World, captured, eventually

SHORT = QUICK.model_copy(
    update={
        name: timedelta(seconds=5)
        for name in ("rebalance", "drain", "transaction", "statement", "publish", "stall")
    }
)


async def test_a_process_that_had_no_shard_for_long_takes_over_when_others_die(
    world: World,
) -> None:
    processes = [await world.start(times=SHORT) for _ in range(PARTITIONS + 1)]

    async def shared_out() -> bool:
        shards = sorted(process.metric("baton_shards_open") for process in processes)
        return shards == [0, *[1] * PARTITIONS]

    await eventually(shared_out)
    (spare,) = (p for p in processes if not p.metric("baton_shards_open"))
    # Nothing is waited for: that time passes is what the group must not mind.
    await asyncio.sleep(2.5 * SHORT.stall.total_seconds())
    for process in processes:
        if process is not spare:
            await process.kill()
    leads = [world.lead(n) for n in range(PARTITIONS)]
    for lead_id in leads:
        await world.put(captured(lead_id))
    for lead_id in leads:
        await world.counted(lead_id, lambda count: count.captured == 1)
