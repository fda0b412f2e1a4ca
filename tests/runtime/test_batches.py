"""Halves of a batch, and inputs that were read before the transaction that applies them."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from baton import topics
from baton.cloudevents import Event
from baton.runtime import timers
from baton.runtime.batch import Batch, Item, Record
from baton.runtime.inputs import CommandInput, EventInput, TimerInput
from baton.subjects import Subject
from tests.runtime.counter import Count
from tests.runtime.harness import Process, World, apply, followup
from tests.runtime.scenery import first_stay, ready

TOPIC = topics.LEAD_FOLLOWUP.name


def _read_at(offset: int) -> Item:
    lead_id = uuid4()
    event = Event(uuid4(), "/test", datetime.now(UTC), str(lead_id), followup(lead_id))
    return Item(0, EventInput(event), Record(0, TOPIC, offset, None, None, ()))


@pytest.mark.parametrize("offsets", [[3, 20, 5], [20, 3, 5], [3, 5, 20], [5, 20, 3]])
def test_the_first_half_of_a_batch_moves_no_position_past_a_record_of_the_second(
    offsets: list[int],
) -> None:
    place = (0, TOPIC)
    batch = Batch([_read_at(offset) for offset in offsets], {0: 1}, {place: 3}, {place: 21})
    first, second = batch.halves()
    beginnings = [item.record.offset for item in second.items if item.record is not None]
    assert first.ends[place] == second.begins[place] == min(beginnings)


async def _applied(world: World, process: Process, item: Item) -> Count | None:
    """The lead's state after the process has applied an item as one of its own."""
    assert item.input is not None
    await apply(world, process, [item])
    return await world.state(item.input.subject.id)


def _firing(lead_id: UUID, due_at: datetime) -> TimerInput:
    subject = Subject.lead(lead_id)
    return TimerInput(timers.timer_id(subject, "t", due_at), subject, "t", due_at)


async def test_a_timer_that_was_cancelled_since_it_was_found_due_does_not_fire(
    world: World,
) -> None:
    process = await world.start()
    await ready(process)
    item = Item(0, _firing(world.lead(), datetime.now(UTC)))
    assert await _applied(world, process, item) is None


async def test_a_command_that_is_done_is_not_done_again_when_its_batch_is_repeated(
    world: World,
) -> None:
    process = await world.start()
    await ready(process)
    given = CommandInput(uuid4(), Subject.lead(world.lead()), "count", None, datetime.now(UTC))
    assert await _applied(world, process, Item(0, given, command=given.id)) is None


async def test_however_many_timers_wait_at_the_gate_another_one_is_found_due(world: World) -> None:
    await first_stay(world)
    await world.db.execute(
        """
        INSERT INTO timer (shard, subject_kind, subject_id, name, due_at, accuses, version)
        SELECT 0, 'lead', gen_random_uuid(), 't', now() - interval '1 hour', true, 1
        FROM generate_series(1, 1000)
        """
    )
    lead_id = world.lead()
    await world.arm(lead_id, timedelta())
    soon = timedelta(seconds=30)
    due = (await timers.page(world.db, [0], soon, 100, 1, by_event_clock=False)).due
    assert lead_id in {timer.input.subject.id for timer in due}
    assert len(due) < 1000


@pytest.mark.parametrize(
    ("due", "accuses", "soon"),
    [
        (timedelta(seconds=20), True, True),
        (timedelta(seconds=-1), True, True),
        (timedelta(seconds=40), True, False),
        (timedelta(seconds=20), False, False),
    ],
)
async def test_that_a_timer_accuses_soon_is_known_before_it_is_due(
    world: World, due: timedelta, *, accuses: bool, soon: bool
) -> None:
    await ready(process := await world.start())
    await process.end()
    await world.arm(world.lead(1), due, accuses=accuses)
    await world.arm(world.lead(1), timedelta(seconds=1))
    found = await timers.page(world.db, [1], timedelta(seconds=30), 100, 1, by_event_clock=False)
    assert found.accuses_soon is soon


async def test_a_dead_letter_that_was_replayed_since_it_was_read_is_not_replayed_again(
    world: World,
) -> None:
    process = await world.start()
    await ready(process)
    letter = await _dead_letter(world)
    await world.db.execute("UPDATE dead_letter SET replayed_at = now()")
    given = CommandInput(uuid4(), Subject.lead(world.lead()), "count", None, datetime.now(UTC))
    assert await _applied(world, process, Item(0, given, replays=letter)) is None


async def _dead_letter(world: World) -> UUID:
    """The id of one that waits."""
    letter_id = uuid4()
    await world.db.execute(
        "INSERT INTO dead_letter (id, shard, kind, value, reason, failures, failed_at) "
        "VALUES ($1, 0, 'command', '{}', 'it was poison', 1, now())",
        letter_id,
    )
    return letter_id
