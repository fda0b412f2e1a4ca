"""What the runner promises, when nothing goes wrong."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer

from baton import topics
from baton.events import ActivityType, LeadActivity
from baton.runtime.errors import StalledError
from baton.subjects import Subject
from tests.runtime.harness import QUICK, Process, World, captured, eventually, followup, totals
from tests.runtime.scenery import ended, first_stay


async def test_each_event_takes_effect_once_and_is_told_once(world: World) -> None:
    await world.start()
    leads = [world.lead(n % 3) for n in range(30)]
    for lead_id in leads:
        await world.put(captured(lead_id))
    await world.settled()
    told = await world.told()
    assert [totals(told, lead_id) for lead_id in leads] == [[1]] * 30


async def test_what_follows_from_events_of_a_lead_is_in_their_order(world: World) -> None:
    await world.start()
    lead_id = world.lead()
    for _ in range(50):
        await world.put(captured(lead_id))
    await world.settled()
    told = await world.told()
    assert totals(told, lead_id) == list(range(1, 51))
    assert [event.sequence for event in told] == list(range(1, 51))


async def test_an_event_that_is_twice_on_the_wire_counts_once(world: World) -> None:
    await world.start()
    lead_id = world.lead()
    event_id = await world.put(captured(lead_id))
    await world.put(captured(lead_id), id=event_id)
    await world.put(captured(lead_id))
    await world.settled()
    assert totals(await world.told(), lead_id) == [1, 2]


async def test_shards_are_shared_between_processes_and_survive_one_of_them(world: World) -> None:
    first, second = await world.start(), await world.start()

    async def both_have_shards() -> bool:
        shards = [p.metric("baton_shards_open") for p in (first, second)]
        return all(shards) and sum(shards) == 3

    await eventually(both_have_shards)
    leads = [world.lead(n % 3) for n in range(30)]
    for lead_id in leads[:15]:
        await world.put(captured(lead_id))
    await first.kill()
    for lead_id in leads[15:]:
        await world.put(captured(lead_id))
    await world.settled()
    told = {event.id: event for event in await world.told()}
    assert [totals(list(told.values()), lead_id) for lead_id in leads] == [[1]] * 30


async def test_a_process_that_is_told_to_end_leaves_nothing_undone(world: World) -> None:
    process = await world.start()
    lead_id = world.lead()
    for _ in range(20):
        await world.put(captured(lead_id))
    await world.counted(lead_id, lambda count: count.captured > 0)
    await process.end()
    assert process.running.exception() is None
    assert await world.db.fetchval("SELECT count(*) FROM outbox") == 0
    count = await world.state(lead_id)
    assert count is not None
    assert totals(await world.told(), lead_id) == list(range(1, count.captured + 1))


async def test_a_command_is_answered_from_its_shard_by_another_process(world: World) -> None:
    first, second = await world.start(), await world.start()
    await eventually(lambda: _ready(first, second))
    answers = await asyncio.gather(
        *(
            process.commands.ask(Subject.lead(world.lead(n)), "count", None)
            for process in (first, second)
            for n in range(3)
        )
    )
    assert [answer.outcome for answer in answers if answer is not None] == ["counted"] * 6


async def test_a_timer_fires_once_it_is_due(world: World) -> None:
    await world.start()
    lead_id = world.lead()
    await world.put(followup(lead_id, arm=0.3))
    count = await world.counted(lead_id, lambda count: bool(count.timers))
    await world.settled(topics.LEAD_FOLLOWUP)
    assert count.timers == ["t"]
    assert await world.db.fetchval("SELECT count(*) FROM timer") == 0


async def test_what_is_only_passed_over_is_noted_with_the_shards_next_event(world: World) -> None:
    process = await world.start(times=QUICK.model_copy(update={"look": timedelta(hours=1)}))
    first, second = world.lead(), world.lead()
    await world.put(followup(first))
    await world.counted(first, lambda count: count.followups == 1)
    await world.put(_unused(first))
    await eventually(lambda: _passed_over(process))
    await world.put(followup(second))
    await world.counted(second, lambda count: count.followups == 1)
    position = "SELECT next_offset FROM position WHERE topic = 'lead-activity' AND shard = 0"
    assert await world.db.fetchval(position) == 1
    await eventually(lambda: _applied(process, 2))
    assert process.metric("baton_batch_inputs_count") == 2


async def test_what_is_only_passed_over_is_noted_within_a_while(world: World) -> None:
    await world.start()
    await world.put(_unused(world.lead()))
    await world.settled(topics.LEAD_ACTIVITY)


async def test_what_was_passed_over_last_is_noted_before_a_process_ends(world: World) -> None:
    process = await world.start(times=QUICK.model_copy(update={"look": timedelta(hours=1)}))
    lead_id = world.lead()
    await world.put(followup(lead_id))
    await world.counted(lead_id, lambda count: count.followups == 1)
    await world.put(_unused(lead_id))
    await eventually(lambda: _passed_over(process))
    await process.end()
    await world.settled(topics.LEAD_ACTIVITY)


def _unused(lead_id: UUID) -> LeadActivity:
    """Of a type that the service's subscription does not use."""
    now = datetime.now(UTC)
    return LeadActivity(
        lead_id=lead_id,
        occurred_at=now,
        received_at=now,
        source="s",
        type=ActivityType.PAGE_VIEWED,
    )


async def _passed_over(process: Process) -> bool:
    return process.metric("baton_inputs_total", kind="event", outcome="passed") == 1


async def _applied(process: Process, count: int) -> bool:
    return process.metric("baton_inputs_total", kind="event", outcome="applied") == count


async def _ready(*processes: object) -> bool:
    return all(getattr(process, "ready", False) for process in processes)


async def test_a_process_for_which_each_batch_fails_ends_although_it_opens_its_shards_each_time(
    world: World,
) -> None:
    process = await world.start(times=QUICK.model_copy(update={"patience": timedelta(seconds=2)}))
    await eventually(lambda: _ready(process))
    await world.db.execute("ALTER TABLE subject RENAME TO elsewhere")
    await world.put(captured(world.lead()))
    assert isinstance(await ended(process, frozenset()), asyncpg.UndefinedTableError)


@pytest.mark.parametrize("sqlstate", ["40P01", "40001", "55P03"])
async def test_a_batch_that_others_got_in_the_way_of_is_repeated_in_the_same_stay(
    world: World, sqlstate: str
) -> None:
    """A deadlock, a write that could not be put in line, a lock that took too long."""
    await first_stay(world)
    await world.db.execute(
        f"""
        CREATE SEQUENCE attempt;
        CREATE FUNCTION fail_once() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF nextval('attempt') = 1 THEN RAISE 'once' USING ERRCODE = '{sqlstate}'; END IF;
                RETURN NEW;
            END $$;
        CREATE TRIGGER fail_once BEFORE INSERT ON subject
            FOR EACH ROW EXECUTE FUNCTION fail_once();
        """
    )
    process = await world.start()
    lead_id = world.lead()
    await world.put(captured(lead_id))
    await world.counted(lead_id, lambda count: count.captured == 1)
    assert process.metric("baton_retries_total", why=sqlstate) == 1
    assert await world.db.fetchval("SELECT max(epoch) FROM shard") == 2  # opened twice, in all


async def test_a_process_whose_positions_do_not_move_though_there_is_more_to_read_ends(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dead(consumer: AIOKafkaConsumer, *_: object, **__: object) -> None:
        with consumer._subscription.fetch_context():  # as of a client whose connection hangs
            await asyncio.Event().wait()

    await first_stay(world)
    lead_id = world.lead()
    await world.put(captured(lead_id))
    # While a promise is about to be judged, Kafka is asked often how far its topics go.
    await world.arm(lead_id, timedelta(hours=1), accuses=True)
    long = timedelta(hours=2)
    times = {"stall": timedelta(seconds=1), "settle": long, "catch_up": long}
    monkeypatch.setattr(AIOKafkaConsumer, "getmany", dead)
    process = await world.start(times=QUICK.model_copy(update=times))
    assert isinstance(await ended(process, frozenset()), StalledError)
