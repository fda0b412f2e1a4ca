"""What tells of a halt, and of its end, is published, whoever has the shards."""

import asyncio
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from baton import topics
from baton.events import BreakerResumed, BreakerTripped
from baton.runtime import dead_letters
from tests.runtime.harness import Process, World, eventually, followup
from tests.runtime.scenery import ready


async def stopped(process: Process) -> bool:
    return "stopped itself" in " ".join(process.status.reasons.values())


async def told(world: World) -> list[str]:
    return [event.data.event_type for event in await world.told(topics.OPERATIONS)]


async def test_that_a_service_has_stopped_itself_is_told_before_it_leaves(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = AIOKafkaProducer.send_batch

    async def slowly(producer: AIOKafkaProducer, *given: Any, **more: Any) -> Any:
        await asyncio.sleep(0.5)  # Kafka takes its time, and the next batch does not wait for it
        return await send(producer, *given, **more)

    monkeypatch.setattr(AIOKafkaProducer, "send_batch", slowly)
    for _ in range(6):
        await world.put(followup(world.lead(), poison=True))
    process = await world.start(breaker_dead_letters=2, batch_events=1)
    await eventually(lambda: stopped(process))
    assert BreakerTripped.event_type in await told(world)
    assert await world.db.fetchval("SELECT count(*) FROM dead_letter") < 6


async def test_a_process_that_has_nothing_to_do_stands_still_with_the_others(world: World) -> None:
    idle = await world.start()
    await ready(idle)
    # As the transaction of another process does that has just lost its shards.
    await world.db.execute("UPDATE breaker SET tripped_at = now(), why = 'too much'")
    await eventually(lambda: stopped(idle))


async def test_news_of_a_resumption_is_not_lost_where_a_process_has_not_stood_still_yet(
    world: World,
) -> None:
    process = await world.start()
    await ready(process)
    async with world.db.transaction():
        await world.db.execute("UPDATE breaker SET tripped_at = now(), why = 'too much'")
        await dead_letters.resume(world.db, "an operator", "mended")
    lead_id = world.lead(shard=0)
    await world.put(followup(lead_id, tell=True))
    await world.counted(lead_id, lambda count: count.followups == 1)
    await world.settled(topics.LEAD_FOLLOWUP)
    assert BreakerResumed.event_type in await told(world)
