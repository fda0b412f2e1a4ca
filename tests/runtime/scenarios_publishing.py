"""Publishing and letting go: what happens if a step of it is left out."""

from datetime import timedelta

from baton import topics
from baton.runtime.errors import PublishError
from tests.runtime.harness import (
    PARTITIONS,
    QUICK,
    Process,
    World,
    captured,
    followup,
)
from tests.runtime.scenery import (
    Left,
    configure,
    delete,
    ended,
    ready,
    soon,
)

REVOCATIONS = 5


async def nothing_is_sent_behind_what_kafka_refused(world: World, left: Left) -> None:
    await configure(world, topics.LEAD_SCORED, **{"max.message.bytes": "5000"})
    process = await world.start(leave_out=left)
    lead_id = world.lead()
    await world.put(followup(lead_id, large=20))
    await world.counted(lead_id, lambda count: count.followups == 1)
    await world.put(followup(lead_id, tell=True))

    async def ended_or_told() -> bool:
        return process.running.done() or bool(await world.told())

    await soon(ended_or_told, left)
    assert [event.sequence for event in await world.told()] == []


async def a_line_that_kafka_does_not_take_ends_the_process(world: World, left: Left) -> None:
    times = QUICK.model_copy(update={"publish": timedelta(seconds=1)})
    process = await world.start(leave_out=left, times=times)
    await ready(process)
    await delete(world, topics.DEAD_LETTER)
    await world.put(followup(world.lead(), poison=True))
    assert isinstance(await ended(process, left), PublishError)


async def what_is_published_leaves_the_outbox(world: World, left: Left) -> None:
    await world.start(leave_out=left)
    lead_id = world.lead()
    await world.put(captured(lead_id))
    await world.counted(lead_id, lambda count: count.captured == 1)

    async def empty() -> bool:
        return not await world.db.fetchval("SELECT count(*) FROM outbox")

    await soon(empty, left)


async def a_revocation_costs_no_one_the_group(world: World, left: Left) -> None:
    first = await world.start(leave_out=left)
    await ready(first)
    # Often enough that a revocation meets what was polled before it.
    for _ in range(REVOCATIONS):
        second = await world.start()
        processes = (first, second)

        async def both_while_leads_come(both: tuple[Process, ...] = processes) -> bool:
            for n in range(PARTITIONS * 5):
                await world.put(captured(world.lead(n % PARTITIONS)))
            return all(process.metric("baton_shards_open") for process in both)

        await soon(both_while_leads_come, left)
        await second.end()
    await world.settled()
    why = [{"why": "newer epoch"}, {"why": "positions"}, {"why": "rejoin"}]
    assert sum(first.metric("baton_rejoins_total", **labels) for labels in why) == 0
