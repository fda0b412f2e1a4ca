"""A batch: what happens if a step of it is left out."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import asyncpg
import pytest

from baton import topics
from baton.runtime.errors import CommitUnknownError
from baton.runtime.inputs import Input
from baton.subjects import Subject
from tests.runtime.counter import CounterStore
from tests.runtime.harness import (
    QUICK,
    World,
    captured,
    followup,
)
from tests.runtime.scenery import (
    Left,
    deferred_at_commit,
    ended,
    first_stay,
    ready,
    soon,
)


async def an_owner_who_finds_a_newer_epoch_loses_no_event(world: World, left: Left) -> None:
    await ready(await world.start(leave_out=left))
    # One who raised late, and was not confirmed.
    await world.db.execute("UPDATE shard SET epoch = epoch + 1")
    lead_id = world.lead()
    await world.put(captured(lead_id))

    async def counted() -> bool:
        return await world.state(lead_id) is not None

    await soon(counted, left)


async def what_stands_behind_the_position_is_not_applied_again(world: World, left: Left) -> None:
    process = await world.start(leave_out=left)
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

    await world.start(CounterStore(on_lock=hold), leave_out=left)
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
    await world.start(leave_out=left)
    await world.settled()
    count = await world.state(lead_id)
    assert count is not None
    assert count.captured == 1


async def what_a_service_says_on_its_own_topic_is_no_news_to_it(world: World, left: Left) -> None:
    process = await world.start(leave_out=left)
    lead_id = world.lead()
    await world.put(captured(lead_id))
    await world.settled()
    await world.settled(topics.LEAD_SCORED)
    count = await world.state(lead_id)
    assert count is not None
    assert count.scored == 0
    assert process.metric("baton_inputs_total", kind="event", outcome="duplicate") == 1


async def a_timer_fires_once(world: World, left: Left) -> None:
    process = await world.start(leave_out=left)
    lead_id = world.lead()
    await world.put(followup(lead_id, arm=0.1))
    await world.counted(lead_id, lambda count: bool(count.timers))
    for _ in range(3):  # each command is taken by a look that takes due timers too
        await process.commands.ask(Subject.lead(lead_id), "count", None)
    count = await world.state(lead_id)
    assert count is not None
    assert count.timers == ["t"]


async def a_command_takes_effect_once(world: World, left: Left) -> None:
    process = await world.start(leave_out=left)
    lead_id = world.lead()
    for _ in range(3):
        await process.commands.ask(Subject.lead(lead_id), "count", None)
    count = await world.state(lead_id)
    assert count is not None
    assert count.commands == 3


async def nobody_is_accused_while_the_answer_lies_unread(world: World, left: Left) -> None:
    await first_stay(world)
    lead_id, other = world.lead(), world.lead()
    for _ in range(60):
        await world.put(followup(other))
    await world.put(followup(lead_id, cancel=True))
    await world.arm(lead_id, -timedelta(seconds=1), accuses=True)
    await world.start(leave_out=left, batch_events=5)
    await world.settled(topics.LEAD_FOLLOWUP)
    count = await world.counted(lead_id, lambda count: count.followups == 1)
    assert count.timers == []


async def nobody_is_accused_while_the_answer_may_be_in_a_spool(world: World, left: Left) -> None:
    await first_stay(world)
    lead_id, other = world.lead(), world.lead()
    await world.arm(lead_id, -timedelta(seconds=1), accuses=True)
    await world.arm(other, -timedelta(seconds=1))
    long = timedelta(minutes=2)
    times = QUICK.model_copy(update={"settle": long, "catch_up": long})
    await world.start(leave_out=left, times=times)
    await world.counted(other, lambda count: count.timers == ["t"])  # found due beside the other
    await world.put(followup(other, arm=2 * times.spool_switch.total_seconds()))
    await world.counted(other, lambda count: count.timers == ["t", "t"])
    await world.put(followup(lead_id, cancel=True))
    count = await world.counted(lead_id, lambda count: count.followups == 1)
    assert count.timers == []


async def after_a_commit_with_unknown_outcome_the_process_ends(world: World, left: Left) -> None:
    await deferred_at_commit(world, "PERFORM pg_terminate_backend(pg_backend_pid())")
    process = await world.start(leave_out=left)
    await world.put(followup(world.lead(), amount=1))
    assert isinstance(await ended(process, left), CommitUnknownError)


async def nothing_is_published_that_is_not_committed(world: World, left: Left) -> None:
    await deferred_at_commit(world, "PERFORM pg_sleep(1); RAISE 'no' USING ERRCODE = 'P0001'")
    process = await world.start(leave_out=left)
    await world.put(followup(world.lead(), amount=1, tell=True))
    await ended(process, left)
    assert await world.told() == []
