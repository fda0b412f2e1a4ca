"""What was fixed when the schema was empty; a service that must not go on says why, and waits."""

from datetime import UTC, datetime, timedelta

from baton import topics
from baton.runtime import losses
from baton.runtime.housekeeping import turn_inbox
from tests.runtime.harness import PARTITIONS, Process, World, captured, eventually, followup


async def says(process: Process, *words: str) -> None:
    async def look() -> bool:
        reasons = process.reasons
        return all(word in reasons for word in words)

    await eventually(look)


async def test_another_number_of_partitions_than_the_database_has_seen_is_explained(
    world: World,
) -> None:
    await (await opened(world)).end()
    process = await world.start(partitions=PARTITIONS + 1)
    await says(process, f"BATON_PARTITIONS is {PARTITIONS + 1}", f"seen {PARTITIONS} shards")
    await process.end()
    await world.db.execute("UPDATE deployment SET shards = 2")
    await says(await world.start(), f"has {PARTITIONS} partitions", "seen 2 shards")


async def test_a_backup_that_is_being_made_keeps_nobody_from_working(world: World) -> None:
    await (await opened(world)).end()
    async with world.db.transaction():
        await world.db.execute("LOCK TABLE deployment IN ACCESS SHARE MODE")  # as pg_dump does
        await opened(world)


async def test_the_clock_of_a_schema_is_kept(world: World) -> None:
    await (await opened(world)).end()
    process = await world.start(clock="events")
    await says(process, "BATON_CLOCK", "database")


async def test_by_the_events_clock_a_timer_is_due_when_the_events_say_so(world: World) -> None:
    await world.start(clock="events")
    lead_id = world.lead()
    then = datetime(2020, 2, 29, 23, 59, tzinfo=UTC)
    early = followup(lead_id, arm=3_600).model_copy(update={"occurred_at": then})
    await world.put(early)
    await world.counted(lead_id, lambda count: count.followups == 1)
    due = await world.db.fetchval("SELECT due_at FROM timer")
    assert due == then + timedelta(hours=1)
    later = followup(world.lead()).model_copy(update={"occurred_at": then + timedelta(hours=2)})
    await world.put(later)
    await world.counted(lead_id, lambda count: count.timers == ["t"])


async def test_a_loss_is_accepted_by_name_and_reading_goes_on(world: World) -> None:
    await (first := await opened(world)).end()
    await world.db.execute(
        "INSERT INTO position VALUES (0, 'lead-captured', 7) "
        "ON CONFLICT (shard, topic) DO UPDATE SET next_offset = 7"
    )
    process = await world.start()
    await says(process, "of lead-captured stands at 7", "baton accept-loss")
    assert first.running.done()
    place = (0, topics.LEAD_CAPTURED.name)
    loss = await losses.accept(process.pool, world.settings, place, "operator", "restored")
    assert (loss.from_offset, loss.to_offset) == (7, 0)
    lead_id = world.lead()
    await world.put(captured(lead_id))
    await world.counted(lead_id, lambda count: count.captured == 1)
    assert await world.db.fetchval("SELECT by FROM accepted_loss") == "operator"


async def test_the_inbox_is_emptied_by_turns_and_forgets_nothing_within_its_span(
    world: World,
) -> None:
    await world.start()
    lead_id = world.lead()
    event_id = await world.put(captured(lead_id))
    await world.counted(lead_id, lambda count: count.captured == 1)
    span = timedelta(0)
    assert await turn_inbox(world.db, span)
    await world.put(captured(lead_id), id=event_id)
    await world.put(captured(lead_id))
    await world.counted(lead_id, lambda count: count.captured == 2)
    await world.settled()
    count = await world.state(lead_id)
    assert count is not None
    assert count.captured == 2
    assert await turn_inbox(world.db, span)
    assert await world.db.fetchval("SELECT count(*) FROM inbox_0") == 0
    assert not await turn_inbox(world.db, timedelta(days=1))


async def opened(world: World) -> Process:
    process = await world.start()

    async def look() -> bool:
        return process.metric("baton_shards_open") == PARTITIONS

    await eventually(look)
    return process
