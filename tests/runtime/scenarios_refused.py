"""What can't be applied: what happens if a step of its handling is left out."""

from datetime import UTC, datetime

from baton import cloudevents, identity, topics
from baton.cloudevents import Event
from baton.events import BreakerResumed, BreakerTripped
from baton.runtime import dead_letters
from tests.runtime.harness import (
    Process,
    World,
    captured,
    followup,
)
from tests.runtime.scenery import (
    Left,
    soon,
)


async def data_that_the_database_refuses_takes_nothing_with_it(world: World, left: Left) -> None:
    good, bad = world.lead(), world.lead()
    await world.put(followup(good, amount=1))
    await world.put(followup(bad, amount=1_000_000))
    await world.put(followup(good, amount=2))
    await world.start(leave_out=left)
    await world.settled(topics.LEAD_FOLLOWUP)
    count = await world.state(good)
    assert count is not None
    assert count.followups == 2
    assert await world.db.fetchval("SELECT count(*) FROM dead_letter") == 1


async def a_record_in_the_wrong_partition_is_a_dead_letter(world: World, left: Left) -> None:
    lead_id = world.lead(0)
    message = cloudevents.encode(
        Event(
            id=identity.named_id("astray"),
            source="/test",
            time=datetime.now(UTC),
            subject=str(lead_id),
            data=captured(lead_id),
        )
    )
    await world.put_record(topics.LEAD_CAPTURED, message, partition=1)
    await world.start(leave_out=left)
    await world.settled()
    assert await world.state(lead_id) is None
    reason = await world.db.fetchval("SELECT reason FROM dead_letter")
    assert "does not belong to its partition" in reason


async def a_type_that_is_not_known_is_not_passed_over(world: World, left: Left) -> None:
    lead_id = world.lead()
    message = cloudevents.encode(
        Event(
            id=identity.named_id("new"),
            source="/test",
            time=datetime.now(UTC),
            subject=str(lead_id),
            data=captured(lead_id),
        )
    )
    headers = [
        (name, b"baton.lead.captured.v9" if name == "ce_type" else value)
        for name, value in message.headers
    ]
    newer = cloudevents.Message(message.topic, message.key, message.value, headers)
    await world.put_record(topics.LEAD_CAPTURED, newer)
    process = await world.start(leave_out=left)

    async def says_so() -> bool:
        return "baton.lead.captured.v9" in process.reasons

    await soon(says_so, left)
    assert not await world.db.fetchval("SELECT max(next_offset) FROM position")


async def too_many_dead_letters_stop_the_service_also_after_a_restart(
    world: World, left: Left
) -> None:
    first = await world.start(leave_out=left, breaker_dead_letters=3)
    bad, good = world.lead(), world.lead()
    for _ in range(3):
        await world.put(followup(bad, poison=True))
    await soon(lambda: _stopped(first), left)
    await first.end()
    second = await world.start(leave_out=left, breaker_dead_letters=3)
    await soon(lambda: _stopped(second), left)
    await world.put(followup(good))
    assert await world.state(good) is None
    await dead_letters.resume(world.db, "an operator", "mended")
    await world.counted(good, lambda count: count.followups == 1)
    told = {event.id: event.data.event_type for event in await world.told(topics.OPERATIONS)}
    assert list(told.values()) == [BreakerTripped.event_type, BreakerResumed.event_type]


async def _stopped(process: Process) -> bool:
    return "stopped itself" in process.reasons
