"""Each step of the runner's protocol is needed: a scenario holds with it, and fails without it.

A scenario fails by an AssertionError, or by waiting for something that never comes.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest
import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.structs import TopicPartition
from counter import SUBSCRIPTION, Count, CounterStore, told
from harness import (
    PARTITIONS,
    PATIENCE,
    QUICK,
    SCHEMA,
    Process,
    Stops,
    World,
    captured,
    eventually,
    followup,
    totals,
)

from baton import cloudevents, identity, kafka, topics
from baton.cloudevents import Event
from baton.runtime import dead_letters
from baton.runtime.errors import AssignmentError, CommitUnknownError, PublishError
from baton.runtime.inputs import EventInput, Input, TimerInput
from baton.runtime.steps import Step
from baton.topics import Topic

Left = frozenset[str]
"""The steps that the process under test leaves out: none, or the one in question."""
Scenario = Callable[[World, Left], Awaitable[None]]

IN_VAIN = 3.0
"""How long a scenario waits, where a step is left out, for what never comes then."""
PATIENT = QUICK.model_copy(update={"lock": timedelta(seconds=5)})
"""Times in which nobody ends the sessions of those who hold a lock for a moment."""


async def soon(look: Callable[[], Awaitable[bool]], left: Left) -> None:
    """Wait for what must come; not for long where a step is left out, since then it never does."""
    await eventually(look, IN_VAIN if left else PATIENCE)


async def frozen(stops: Stops) -> None:
    assert await asyncio.to_thread(stops.frozen.wait, 30)


async def woken(stops: Stops) -> None:
    stops.thawed.set()
    assert await asyncio.to_thread(stops.batch_over.wait, 30)


async def ready(process: Process) -> None:
    async def look() -> bool:
        return process.metric("baton_shards_open") == PARTITIONS

    await eventually(look)


async def first_stay(world: World) -> None:
    """A process that was there and has gone: the schema knows its shards."""
    process = await world.start()
    await ready(process)
    await process.end()


@contextlib.asynccontextmanager
async def holding(world: World, mode: str) -> AsyncIterator[asyncpg.Connection]:
    """A transaction, of somebody else's, that holds shard 0."""
    url = world.settings.database_url.get_secret_value()
    holder = await asyncpg.connect(url, server_settings={"search_path": SCHEMA})
    try:
        await holder.execute(f"BEGIN; SELECT FROM shard WHERE shard = 0 FOR {mode}")
        yield holder
        if not holder.is_closed():
            await holder.execute("COMMIT")
    finally:
        holder.terminate()


async def ended(process: Process, left: Left) -> BaseException | None:
    """Why the runner ended; fails where it does not."""
    within = IN_VAIN if left else PATIENCE
    done, _ = await asyncio.wait({process.running}, timeout=within)
    assert done, "the process lives on"
    return process.running.exception()


async def configure(world: World, topic: Topic, **config: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=world.settings.kafka_bootstrap_servers)
    await admin.start()
    name = kafka.topic_name(world.settings, topic)
    await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, config)])
    await admin.close()


async def delete(world: World, topic: Topic) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=world.settings.kafka_bootstrap_servers)
    await admin.start()
    await admin.delete_topics([kafka.topic_name(world.settings, topic)])
    await admin.close()


async def deferred_at_commit(world: World, body: str) -> None:
    """Have PostgreSQL run `body` while it commits a transaction that wrote an amount."""
    await world.db.execute(
        f"""
        CREATE FUNCTION at_commit() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN {body}; RETURN NULL; END $$;
        CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON amount
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION at_commit();
        """
    )


def outbox_row(lead_id: UUID) -> tuple[object, ...]:
    """What a predecessor told of a lead, as its outbox has it."""
    event = Event(
        id=identity.named_id("left", str(lead_id)),
        source="/baton/counter",
        time=datetime.now(UTC),
        subject=str(lead_id),
        data=told(lead_id, datetime.now(UTC), Count(captured=1)),
        sequence=1,
    )
    message = cloudevents.encode(event)
    headers = json.dumps([[name, value.decode()] for name, value in message.headers])
    return (event.id, message.topic, message.key, headers, message.value)


INSERT_OUTBOX = """
    INSERT INTO outbox (shard, event_id, topic, key, headers, value) VALUES (0, $1, $2, $3, $4, $5)
"""


# --- opening a shard


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
        process = await world.start(test_leave_out=left)
        assert isinstance(await ended(process, left), AssignmentError)
    finally:
        await older_release.stop()


async def one_who_was_frozen_before_a_batch_does_not_apply_it(world: World, left: Left) -> None:
    lead_id = world.lead()
    stops = Stops(
        before_batch=lambda batch: any(isinstance(i.given, TimerInput) for i in batch.items)
    )
    old = world.start_apart(stops, test_leave_out=left)
    try:
        await world.put(followup(lead_id, arm=0.2))
        await frozen(stops)
        await world.start(test_leave_out=left & {Step.RAISE_EPOCH})
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
    old = world.start_apart(stops, test_leave_out=left, times=times)
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
        process = await world.start(test_leave_out=left)

        async def opens() -> bool:
            return process.metric("baton_shards_open") == PARTITIONS

        await soon(opens, left)


async def what_the_group_does_not_confirm_is_not_opened(world: World, left: Left) -> None:
    stops = Stops(before_opening=True)
    with structlog.testing.capture_logs() as logs:
        late = world.start_apart(stops, test_leave_out=left)
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
    await ready(await world.start(test_leave_out=left))
    assert totals(await world.told(), lead_id) == [1]


async def what_a_predecessor_commits_last_is_published_too(world: World, left: Left) -> None:
    await first_stay(world)
    lead_id = world.lead()
    async with holding(world, "SHARE") as predecessor:
        process = await world.start(test_leave_out=left, times=PATIENT)
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
    await world.start(test_leave_out=left)

    async def counted() -> bool:
        return await world.state(lead_id) is not None

    await soon(counted, left)


async def a_position_that_kafka_does_not_have_is_explained(world: World, left: Left) -> None:
    await first_stay(world)
    await world.db.execute(
        "INSERT INTO position VALUES (0, 'lead-captured', 5) "
        "ON CONFLICT (shard, topic) DO UPDATE SET next_offset = 5"
    )
    process = await world.start(test_leave_out=left)

    async def explained() -> bool:
        reasons = " ".join(process.status.reasons.values())
        return "of lead-captured stands at 5" in reasons and "baton accept-loss" in reasons

    await soon(explained, left)


# --- a batch


async def an_owner_who_finds_a_newer_epoch_loses_no_event(world: World, left: Left) -> None:
    await ready(await world.start(test_leave_out=left))
    # One who raised late, and was not confirmed.
    await world.db.execute("UPDATE shard SET epoch = epoch + 1")
    lead_id = world.lead()
    await world.put(captured(lead_id))

    async def counted() -> bool:
        return await world.state(lead_id) is not None

    await soon(counted, left)


async def what_stands_behind_the_position_is_not_applied_again(world: World, left: Left) -> None:
    process = await world.start(test_leave_out=left)
    await ready(process)
    await world.db.execute("INSERT INTO position VALUES (0, 'lead-captured', 1)")
    applied, later = world.lead(), world.lead()
    await world.put(captured(applied))
    await world.put(captured(later))
    await world.counted(later, lambda count: count.captured == 1)
    assert await world.state(applied) is None


async def the_policy_does_not_change_under_a_decision(world: World, left: Left) -> None:
    deciding, go_on = asyncio.Event(), asyncio.Event()

    async def hold(_: asyncpg.Connection, given: Sequence[Input]) -> None:
        deciding.set()
        await go_on.wait()

    await world.start(CounterStore(on_lock=hold), test_leave_out=left)
    await world.put(captured(world.lead()))
    await asyncio.wait_for(deciding.wait(), 30)
    try:
        with pytest.raises(asyncpg.LockNotAvailableError):
            await world.db.execute(
                "SET lock_timeout = 300; UPDATE policy_in_force SET activations = activations"
            )
    except pytest.fail.Exception as error:
        raise AssertionError from error
    finally:
        go_on.set()


async def a_copy_of_an_event_has_no_effect(world: World, left: Left) -> None:
    lead_id = world.lead()
    event_id = await world.put(captured(lead_id))
    await world.put(captured(lead_id), id=event_id)
    await world.start(test_leave_out=left)
    await world.settled()
    count = await world.state(lead_id)
    assert count is not None
    assert count.captured == 1


async def what_a_service_says_on_its_own_topic_is_no_news_to_it(world: World, left: Left) -> None:
    process = await world.start(test_leave_out=left)
    lead_id = world.lead()
    await world.put(captured(lead_id))
    await world.settled()
    await world.settled(topics.LEAD_SCORED)
    count = await world.state(lead_id)
    assert count is not None
    assert count.scored == 0
    assert process.metric("baton_inputs_total", kind="event", outcome="duplicate") == 1


async def a_timer_fires_once(world: World, left: Left) -> None:
    process = await world.start(test_leave_out=left)
    lead_id = world.lead()
    await world.put(followup(lead_id, arm=0.1))
    await world.counted(lead_id, lambda count: bool(count.timers))
    for _ in range(3):  # each command is taken by a look that takes due timers too
        await process.commands.ask(lead_id, "count", None)
    count = await world.state(lead_id)
    assert count is not None
    assert count.timers == ["t"]


async def a_command_takes_effect_once(world: World, left: Left) -> None:
    process = await world.start(test_leave_out=left)
    lead_id = world.lead()
    for _ in range(3):
        await process.commands.ask(lead_id, "count", None)
    count = await world.state(lead_id)
    assert count is not None
    assert count.commands == 3


async def nobody_is_accused_while_the_answer_lies_unread(world: World, left: Left) -> None:
    await first_stay(world)
    lead_id, other = world.lead(), world.lead()
    for _ in range(60):
        await world.put(followup(other))
    await world.put(followup(lead_id, cancel=True))
    await world.db.execute(
        "INSERT INTO timer VALUES ($1, 't', 0, now() - interval '1 s', true, NULL)", lead_id
    )
    await world.start(test_leave_out=left, batch_events=5)
    await world.settled(topics.LEAD_FOLLOWUP)
    count = await world.counted(lead_id, lambda count: count.followups == 1)
    assert count.timers == []


async def after_a_commit_with_unknown_outcome_the_process_ends(world: World, left: Left) -> None:
    await deferred_at_commit(world, "PERFORM pg_terminate_backend(pg_backend_pid())")
    process = await world.start(test_leave_out=left)
    await world.put(followup(world.lead(), amount=1))
    assert isinstance(await ended(process, left), CommitUnknownError)


async def nothing_is_published_that_is_not_committed(world: World, left: Left) -> None:
    await deferred_at_commit(world, "PERFORM pg_sleep(1); RAISE 'no' USING ERRCODE = 'P0001'")
    process = await world.start(test_leave_out=left)
    await world.put(followup(world.lead(), amount=1, tell=True))
    await ended(process, left)
    assert await world.told() == []


# --- publishing


async def nothing_is_sent_behind_what_kafka_refused(world: World, left: Left) -> None:
    await configure(world, topics.LEAD_SCORED, **{"max.message.bytes": "5000"})
    process = await world.start(test_leave_out=left)
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
    process = await world.start(test_leave_out=left, times=times)
    await ready(process)
    await delete(world, topics.DEAD_LETTER)
    await world.put(followup(world.lead(), poison=True))
    assert isinstance(await ended(process, left), PublishError)


async def what_is_published_leaves_the_outbox(world: World, left: Left) -> None:
    await world.start(test_leave_out=left)
    lead_id = world.lead()
    await world.put(captured(lead_id))
    await world.counted(lead_id, lambda count: count.captured == 1)

    async def empty() -> bool:
        return not await world.db.fetchval("SELECT count(*) FROM outbox")

    await soon(empty, left)


async def a_revocation_costs_no_one_the_group(world: World, left: Left) -> None:
    first = await world.start(test_leave_out=left)
    await ready(first)
    second = await world.start()

    async def both() -> bool:
        return all(p.metric("baton_shards_open") for p in (first, second))

    for n in range(PARTITIONS * 20):
        await world.put(captured(world.lead(n % PARTITIONS)))
    await eventually(both)
    for n in range(PARTITIONS * 5):
        await world.put(captured(world.lead(n % PARTITIONS)))
    await world.settled()
    why = [{"why": "newer epoch"}, {"why": "positions"}, {"why": "rejoin"}]
    assert sum(first.metric("baton_rejoins_total", **labels) for labels in why) == 0


# --- what can't be applied


async def data_that_the_database_refuses_takes_nothing_with_it(world: World, left: Left) -> None:
    good, bad = world.lead(), world.lead()
    await world.put(followup(good, amount=1))
    await world.put(followup(bad, amount=1_000_000))
    await world.put(followup(good, amount=2))
    await world.start(test_leave_out=left)
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
    await world.start(test_leave_out=left)
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
    process = await world.start(test_leave_out=left)

    async def says_so() -> bool:
        return "baton.lead.captured.v9" in " ".join(process.status.reasons.values())

    await soon(says_so, left)
    assert not await world.db.fetchval("SELECT max(next_offset) FROM position")


async def too_many_dead_letters_stop_the_service_also_after_a_restart(
    world: World, left: Left
) -> None:
    first = await world.start(test_leave_out=left, breaker_dead_letters=3)
    bad, good = world.lead(), world.lead()
    for _ in range(3):
        await world.put(followup(bad, poison=True))
    await soon(lambda: _stopped(first), left)
    await first.end()
    second = await world.start(test_leave_out=left, breaker_dead_letters=3)
    await soon(lambda: _stopped(second), left)
    await world.put(followup(good))
    assert await world.state(good) is None
    await dead_letters.resume(world.db, "an operator")
    await world.counted(good, lambda count: count.followups == 1)


async def _stopped(process: Process) -> bool:
    return "stopped itself" in " ".join(process.status.reasons.values())


SCENARIOS: dict[Step, Scenario] = {
    Step.COMPLETE_ASSIGNMENT: a_shard_without_all_its_topics_is_not_worked_on,
    Step.RAISE_EPOCH: one_who_was_frozen_before_a_batch_does_not_apply_it,
    Step.RAISE_BEFORE_DRAIN: what_a_predecessor_commits_last_is_published_too,
    Step.END_BLOCKING_SESSIONS: a_session_that_holds_a_shard_for_ever_is_ended,
    Step.CONFIRM: what_the_group_does_not_confirm_is_not_opened,
    Step.DRAIN: what_a_predecessor_left_is_published,
    Step.SEEK: reading_goes_on_where_the_database_stands,
    Step.CHECK_RANGE: a_position_that_kafka_does_not_have_is_explained,
    Step.FENCE: one_who_was_frozen_before_a_batch_does_not_apply_it,
    Step.FENCE_LOCK: a_successor_waits_for_the_transaction_of_one_who_is_frozen,
    Step.REJOIN: an_owner_who_finds_a_newer_epoch_loses_no_event,
    Step.CHECK_POSITIONS: what_stands_behind_the_position_is_not_applied_again,
    Step.POLICY_LOCK: the_policy_does_not_change_under_a_decision,
    Step.INBOX: a_copy_of_an_event_has_no_effect,
    Step.NOTE_OWN_EVENTS: what_a_service_says_on_its_own_topic_is_no_news_to_it,
    Step.DELETE_TIMER: a_timer_fires_once,
    Step.DELETE_COMMAND: a_command_takes_effect_once,
    Step.TIMER_GATE: nobody_is_accused_while_the_answer_lies_unread,
    Step.END_ON_UNKNOWN_COMMIT: after_a_commit_with_unknown_outcome_the_process_ends,
    Step.COMMIT_BEFORE_PUBLISH: nothing_is_published_that_is_not_committed,
    Step.ONE_LINE: nothing_is_sent_behind_what_kafka_refused,
    Step.PUBLISH_DEADLINE: a_line_that_kafka_does_not_take_ends_the_process,
    Step.DELETE_PUBLISHED: what_is_published_leaves_the_outbox,
    Step.FORGET_REVOKED: a_revocation_costs_no_one_the_group,
    Step.HALVE: data_that_the_database_refuses_takes_nothing_with_it,
    Step.CHECK_PARTITION: a_record_in_the_wrong_partition_is_a_dead_letter,
    Step.STOP_ON_UNKNOWN_TYPE: a_type_that_is_not_known_is_not_passed_over,
    Step.BREAKER: too_many_dead_letters_stop_the_service_also_after_a_restart,
}


def test_every_step_has_its_scenario() -> None:
    assert set(SCENARIOS) == set(Step)


@pytest.mark.parametrize("left_out", [False, True], ids=["kept", "left-out"])
@pytest.mark.parametrize("step", list(Step), ids=lambda step: step.value)
async def test_a_step_is_needed(world: World, step: Step, left_out: bool) -> None:  # noqa: FBT001
    if not left_out:
        await SCENARIOS[step](world, frozenset())
        return
    with pytest.raises((AssertionError, TimeoutError)):
        await SCENARIOS[step](world, frozenset({step.value}))
