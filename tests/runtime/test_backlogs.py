"""However much waits, a batch stays small, and none of what waits keeps the rest waiting."""

import json
import secrets
from collections.abc import Sequence
from datetime import timedelta

import asyncpg
import pytest

from baton.runtime.inputs import EventInput, Input, TimerInput
from tests.runtime.counter import CounterStore
from tests.runtime.harness import PARTITIONS, QUICK, World, eventually, followup
from tests.runtime.scenery import first_stay

MOST = 5
RARELY = QUICK.model_copy(update={"look": timedelta(hours=1), "settle": timedelta()})
"""Times of a process that looks again only where it has a reason."""


class Batches:
    """What each transaction of a process decided on, in order; copies of its own events too."""

    def __init__(self) -> None:
        self.all: list[Sequence[Input]] = []

    async def note(self, _: asyncpg.Connection, given: Sequence[Input]) -> None:
        self.all.append(given)

    @property
    def inputs(self) -> Sequence[Input]:
        return [one for batch in self.all for one in batch]


async def due(world: World, count: int, shards: Sequence[int], *, accuses: bool) -> None:
    """Timers, so many in each of these shards, that are due for an hour."""
    await world.db.executemany(
        """
        INSERT INTO timer (subject_kind, subject_id, name, shard, due_at, accuses, version)
        VALUES ('lead', $1, 't', $2, now() - interval '1 hour' + $3 * interval '1 ms', $4, 1)
        """,
        [(world.lead(shard), shard, n, accuses) for shard in shards for n in range(count)],
    )


async def asked(world: World, count: int) -> None:
    """Commands that wait."""
    for _ in range(count):
        await world.leave_command(world.lead(), "count")


async def nothing_is_due(world: World) -> bool:
    waits = "SELECT (SELECT count(*) FROM timer) + (SELECT count(*) FROM command)"
    return not await world.db.fetchval(waits)


@pytest.mark.parametrize("most", [1, MOST])
@pytest.mark.parametrize("accuses", [False, True], ids=["plain", "accusing"])
async def test_whatever_has_piled_up_is_worked_off_in_batches_that_are_bounded_in_all(
    world: World, most: int, *, accuses: bool
) -> None:
    await first_stay(world)
    await due(world, 40, range(PARTITIONS), accuses=accuses)
    await asked(world, 30)
    lead_id = world.lead(1)
    for _ in range(30):
        await world.put(followup(lead_id))
    batches = Batches()
    process = await world.start(CounterStore(on_lock=batches.note), batch_events=most, times=RARELY)
    await world.counted(lead_id, lambda count: count.followups == 30)
    await eventually(lambda: nothing_is_due(world))
    assert max(map(len, batches.all)) <= most
    bound = "1.0" if most == 1 else "5.0"
    counted = process.metric("baton_batch_inputs_count")
    assert process.metric("baton_batch_inputs_bucket", le=bound) == counted
    fired = process.metric("baton_inputs_total", kind="timer", outcome="applied")
    assert fired == 40 * PARTITIONS


async def test_timers_events_and_commands_that_have_piled_up_take_turns(world: World) -> None:
    await first_stay(world)
    await due(world, 100, range(PARTITIONS), accuses=False)
    await asked(world, 100)
    lead_id = world.lead(1)
    for _ in range(100):
        await world.put(followup(lead_id))
    batches = Batches()
    await world.start(CounterStore(on_lock=batches.note), batch_events=MOST, times=RARELY)
    await world.counted(lead_id, lambda count: count.followups == 100)
    await eventually(lambda: nothing_is_due(world))
    events = [n for n, one in enumerate(batches.inputs) if isinstance(one, EventInput)]
    timers = [n for n, one in enumerate(batches.inputs) if isinstance(one, TimerInput)]
    assert timers[0] < events[-1]
    assert events[0] < timers[-1]
    first_half = batches.inputs[: events[99] // 2]
    for kind in (EventInput, TimerInput):
        assert sum(isinstance(one, kind) for one in first_half) > len(first_half) // 10


async def test_timers_at_the_gate_of_one_shard_hold_up_no_other_shard(world: World) -> None:
    await first_stay(world)
    await due(world, 50, [0], accuses=True)
    for _ in range(200):
        await world.put(followup(world.lead(0)))
    late = world.lead(1)
    await world.arm(late, -timedelta(minutes=1), accuses=True)
    batches = Batches()
    await world.start(CounterStore(on_lock=batches.note), batch_events=MOST, times=RARELY)
    await eventually(lambda: nothing_is_due(world))
    fired = [one.subject.id for one in batches.inputs if isinstance(one, TimerInput)]
    assert fired[0] == late
    assert len(fired) == 51


async def test_the_timers_that_are_due_longest_fire_first_whatever_their_shard(
    world: World,
) -> None:
    await first_stay(world)
    await due(world, 60, [0], accuses=False)
    oldest = world.lead(2)
    await world.arm(oldest, -timedelta(days=1))
    batches = Batches()
    await world.start(CounterStore(on_lock=batches.note), batch_events=MOST, times=RARELY)
    await eventually(lambda: nothing_is_due(world))
    fired = [one for one in batches.inputs if isinstance(one, TimerInput)]
    assert fired[0].subject.id == oldest
    assert [one.due_at for one in fired] == sorted(one.due_at for one in fired)


async def test_a_batch_loads_no_more_states_than_it_may_have_bytes(world: World) -> None:
    await first_stay(world)
    leads = [world.lead(1) for _ in range(8)]
    for lead_id in leads:
        state = json.dumps({"followups": 1, "kept": secrets.token_hex(2_000)})
        await world.keep(lead_id, state)
        await world.put(followup(lead_id))
    batches = Batches()
    await world.start(CounterStore(on_lock=batches.note), batch_bytes=9_000)
    for lead_id in leads:
        await world.counted(lead_id, lambda count: count.followups == 2)
    assert max(len({one.subject.id for one in batch}) for batch in batches.all) <= 2


async def test_one_lead_is_decided_on_however_large_its_state_is(world: World) -> None:
    await first_stay(world)
    lead_id = world.lead()
    state = json.dumps({"followups": 1, "kept": secrets.token_hex(20_000)})
    await world.keep(lead_id, state)
    await world.put(followup(lead_id))
    await world.put(followup(world.lead()))
    await world.start(batch_bytes=9_000)
    await world.counted(lead_id, lambda count: count.followups == 2)
    assert await world.db.fetchval("SELECT count(*) FROM dead_letter") == 0
