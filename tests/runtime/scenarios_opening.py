"""Opening a shard: what happens if a step of it is left out."""

from datetime import timedelta

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.structs import TopicPartition

from baton import kafka, topics
from baton.runtime.errors import AssignmentError
from baton.runtime.inputs import EventInput, TimerInput
from tests.runtime.counter import SUBSCRIPTION
from tests.runtime.harness import (
    PARTITIONS,
    QUICK,
    SCHEMA,
    Stops,
    World,
    captured,
    eventually,
    followup,
    totals,
)
from tests.runtime.scenery import (
    INSERT_OUTBOX,
    PATIENT,
    Left,
    ended,
    first_stay,
    frozen,
    holding,
    outbox_row,
    ready,
    soon,
    woken,
)
from tests.sabotage.steps import Step


async def a_shard_without_all_its_topics_is_not_worked_on(world: World, left: Left) -> None:
    older_release = AIOKafkaConsumer(
        kafka.topic_name(world.settings, topics.LEAD_CAPTURED),
        bootstrap_servers=world.settings.kafka_bootstrap_servers,
        group_id=world.settings.topic_prefix + SCHEMA,
        partition_assignment_strategy=(RangePartitionAssignor,),
        session_timeout_ms=6000,
    )
    await older_release.start()
    try:
        process = await world.start(leave_out=left)
        assert isinstance(await ended(process, left), AssignmentError)
    finally:
        await older_release.stop()


async def nothing_is_applied_under_an_epoch_that_is_not_the_newest(
    world: World, left: Left
) -> None:
    await ready(await world.start(leave_out=left))
    # As somebody does who takes the shard over.
    raised = await world.db.fetchval(
        "UPDATE shard SET epoch = epoch + 1 WHERE shard = 0 RETURNING epoch"
    )
    lead_id = world.lead(0)
    await world.put(captured(lead_id))
    await world.counted(lead_id, lambda count: count.captured == 1)
    epoch = await world.db.fetchval("SELECT epoch FROM shard WHERE shard = 0")
    assert epoch > raised, "an event was applied by one who had not raised the epoch"


async def one_who_was_frozen_before_a_batch_does_not_apply_it(world: World) -> None:
    lead_id = world.lead()
    stops = Stops(
        before_batch=lambda batch: any(isinstance(i.input, TimerInput) for i in batch.items)
    )
    old = world.start_apart(stops)
    try:
        await world.put(followup(lead_id, arm=0.2))
        await frozen(stops)
        await world.start()
        await world.counted(lead_id, lambda count: bool(count.timers))
        await woken(stops)
        count = await world.state(lead_id)
        assert count is not None
        assert count.timers == ["t"]
    finally:
        await old.end()


async def a_successor_waits_for_the_transaction_of_one_who_is_frozen(
    world: World, left: Left
) -> None:
    lead_id = world.lead()
    times = QUICK.model_copy(
        update={
            "idle_in_transaction": timedelta(seconds=15),
            "statement": timedelta(seconds=15),
            "rebalance": timedelta(seconds=25),
        }
    )
    stops = Stops(in_batch=lambda given: any(isinstance(i, EventInput) for i in given))
    old = world.start_apart(stops, leave_out=left, times=times)
    try:
        await world.put(captured(lead_id))
        await frozen(stops)
        await world.start()
        await world.put(captured(lead_id))
        await world.counted(lead_id, lambda count: count.captured == 2)
        await woken(stops)
        await world.put(captured(lead_id))
        await world.settled()
        count = await world.state(lead_id)
        assert count is not None
        assert count.captured == 3
    finally:
        await old.end()


async def a_session_that_holds_a_shard_for_ever_is_ended(world: World, left: Left) -> None:
    await first_stay(world)
    async with holding(world, "SHARE"):
        process = await world.start(leave_out=left)

        async def opens() -> bool:
            return process.metric("baton_shards_open") == PARTITIONS

        await soon(opens, left)


async def what_the_group_does_not_confirm_is_not_opened(world: World, left: Left) -> None:
    stops = Stops(before_opening=True)
    with structlog.testing.capture_logs() as logs:
        late = world.start_apart(stops, leave_out=left)
        try:
            await frozen(stops)
            await ready(await world.start())
            await woken(stops)

            async def both_open() -> bool:
                return 0 < world.processes[0].metric("baton_shards_open") < PARTITIONS

            await eventually(both_open)
        finally:
            await late.end()
    all_at_once = [e for e in logs if e.get("shards") == list(range(PARTITIONS))]
    assert len(all_at_once) == 1, "two processes opened all shards, and the group had only one"


async def _waits_for_lock(world: World) -> bool:
    waiting: bool = await world.db.fetchval(
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock')"
    )
    return waiting


async def what_a_predecessor_left_is_published(world: World, left: Left) -> None:
    await first_stay(world)
    lead_id = world.lead()
    await world.db.execute(INSERT_OUTBOX, *outbox_row(lead_id))
    await ready(await world.start(leave_out=left))
    assert totals(await world.told(), lead_id) == [1]


async def what_a_predecessor_commits_last_is_published_too(world: World, left: Left) -> None:
    await first_stay(world)
    lead_id = world.lead()
    async with holding(world, "SHARE") as predecessor:
        process = await world.start(leave_out=left, times=PATIENT)
        await eventually(lambda: _waits_for_lock(world))
        await predecessor.execute(INSERT_OUTBOX, *outbox_row(lead_id))
    await ready(process)
    assert totals(await world.told(), lead_id) == [1]


async def reading_goes_on_where_the_database_stands(world: World, left: Left) -> None:
    lead_id = world.lead()
    await world.put(captured(lead_id))
    ahead = AIOKafkaConsumer(
        bootstrap_servers=world.settings.kafka_bootstrap_servers,
        group_id=world.settings.topic_prefix + SCHEMA,
        enable_auto_commit=False,
    )
    await ahead.start()
    names = [kafka.topic_name(world.settings, topic) for topic in SUBSCRIPTION.topics]
    places = [TopicPartition(name, n) for name in names for n in range(PARTITIONS)]
    ahead.assign(places)
    ends = await ahead.end_offsets(places)
    await ahead.commit(dict(ends))
    await ahead.stop()
    # Without the seek, the client reads on from the group's offsets. The confirmation would set
    # them back, and may come before the client asks for them.
    await world.start(leave_out=left | {Step.CONFIRM})

    async def counted() -> bool:
        return await world.state(lead_id) is not None

    await soon(counted, left)


async def a_position_that_kafka_does_not_have_is_explained(world: World, left: Left) -> None:
    await first_stay(world)
    await world.db.execute(
        "INSERT INTO position VALUES (0, 'lead-captured', 5) "
        "ON CONFLICT (shard, topic) DO UPDATE SET next_offset = 5"
    )
    process = await world.start(leave_out=left)

    async def explained() -> bool:
        reasons = process.reasons
        return "of lead-captured stands at 5" in reasons and "baton accept-loss" in reasons

    await soon(explained, left)
