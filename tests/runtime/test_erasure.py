"""A person who must be forgotten is, also by what was on its way, until they come anew."""

from datetime import UTC, datetime

from baton import topics
from baton.runtime.batch import Batch
from baton.subjects import Subject
from tests.runtime.harness import World, captured, erased, eventually, followup

HELD = ("subject", "outbox", "command", "answer", "timer", "dead_letter")


async def test_nothing_is_left_of_an_erased_lead_but_the_time(world: World) -> None:
    process = await world.start()
    lead_id = world.lead()
    await world.put(captured(lead_id))
    await world.put(followup(lead_id, arm=3_600, amount=1))
    await world.put(followup(lead_id, poison=True))
    await process.commands.ask(Subject.lead(lead_id), "count", None)
    await world.settled(topics.LEAD_FOLLOWUP)
    await world.put(erased(lead_id))
    await world.settled(topics.LEAD_IDENTITY)
    left = {}
    for table in HELD:
        left[table] = await world.db.fetchval(f"SELECT count(*) FROM {table}")  # noqa: S608
    assert left == dict.fromkeys(HELD, 0) | {"subject": 1}
    row = await world.row("SELECT state, erased_at FROM subject")
    assert row["state"] is None
    assert row["erased_at"] is not None
    assert await world.db.fetchval("SELECT count(*) FROM amount") == 0


async def test_what_was_before_does_not_come_back_and_what_is_new_begins_anew(
    world: World,
) -> None:
    await world.start()
    lead_id = world.lead()
    before = captured(lead_id)
    await world.put(before)
    await world.put(erased(lead_id))
    await world.settled(topics.LEAD_IDENTITY)
    await world.put(before)
    await world.settled()
    assert await world.state(lead_id) is None
    await world.put(captured(lead_id))
    count = await world.counted(lead_id, lambda count: count.captured == 1)
    assert count.followups == 0


async def test_an_erasure_in_the_middle_of_a_batch_cuts_it_in_two(world: World) -> None:
    """Before it: gone, with what was about to be told. After it: there."""
    lead_id = world.lead()
    await world.put(captured(lead_id))
    await (first := await world.start()).end()
    assert first.running.done()
    # One batch: the positions of all three topics are read together.
    before, after = followup(lead_id, amount=1, tell=True), followup(lead_id, amount=2)
    await world.put(before)
    await world.put(erased(lead_id))
    await world.put(after)
    await world.start()
    await world.settled(topics.LEAD_FOLLOWUP)
    await world.settled(topics.LEAD_IDENTITY)
    amounts = [row["amount"] for row in await world.db.fetch("SELECT amount FROM amount")]
    assert 1 not in amounts


async def test_what_was_told_since_an_erasure_stays_though_it_was_read_before(
    world: World,
) -> None:
    await world.start()
    lead_id = world.lead()
    await world.put(captured(lead_id))
    await world.put(followup(lead_id, arm=3_600, amount=1))
    await world.settled(topics.LEAD_FOLLOWUP)
    moment = datetime.now(UTC)
    await world.put(captured(lead_id))
    await world.counted(lead_id, lambda count: count.captured == 2)
    await world.put(erased(lead_id, moment))
    await world.settled(topics.LEAD_IDENTITY)
    count = await world.counted(lead_id, lambda count: count.captured == 1)
    assert count.followups == 0
    assert await world.db.fetchval("SELECT array_agg(amount) FROM amount") == [77]
    assert await world.db.fetchval("SELECT array_agg(name) FROM timer") == ["anew"]


async def test_an_id_that_was_used_before_an_erasure_is_another_events_after_it(
    world: World,
) -> None:
    """The same form of the same person, sent again: nothing but the erasure is between them."""
    await world.start()
    lead_id = world.lead()
    id_ = await world.put(captured(lead_id))
    await world.counted(lead_id, lambda count: count.captured == 1)
    await world.put(erased(lead_id))
    await world.settled(topics.LEAD_IDENTITY)
    for _ in range(2):
        await world.put(captured(lead_id), id=id_)
    await world.settled()
    await world.counted(lead_id, lambda count: count.captured > 0)
    await world.put(captured(lead_id))
    await world.counted(lead_id, lambda count: count.captured == 2)
    told = [event.id for event in await world.told() if event.subject == str(lead_id)]
    assert len(set(told)) == 3


async def test_an_erasure_that_is_told_again_forgets_nothing_that_came_since(world: World) -> None:
    process = await world.start()
    lead_id = world.lead()
    first = await world.put(erased(lead_id))
    await world.settled(topics.LEAD_IDENTITY)
    await world.put(captured(lead_id))
    await world.put(followup(lead_id))
    await world.counted(lead_id, lambda count: (count.captured, count.followups) == (1, 1))
    await world.put(erased(lead_id), id=first)  # sent again much later, without a time of its own
    await world.settled(topics.LEAD_IDENTITY)
    count = await world.state(lead_id)
    assert count is not None
    assert (count.captured, count.followups) == (1, 1)

    async def counted() -> bool:
        return process.metric("baton_inputs_total", kind="event", outcome="duplicate") == 1

    await eventually(counted)


async def test_an_erasure_that_is_told_again_beside_a_new_enquiry_takes_nothing_of_it(
    world: World,
) -> None:
    process = await world.start()
    lead_id = world.lead()
    form = await world.put(captured(lead_id))
    erasure = await world.put(erased(lead_id))
    await world.settled(topics.LEAD_IDENTITY)
    await world.settled()
    await process.end()
    await world.put(captured(lead_id), id=form)  # the very same form, sent anew
    await world.put(erased(lead_id), id=erasure)
    await world.start()
    await world.counted(lead_id, lambda count: count.captured == 1)


async def test_a_copy_of_what_came_after_an_erasure_is_a_duplicate(world: World) -> None:
    await world.start()
    lead_id = world.lead()
    await world.put(erased(lead_id))
    await world.settled(topics.LEAD_IDENTITY)
    id_ = await world.put(captured(lead_id))
    await world.counted(lead_id, lambda count: count.captured == 1)
    await world.put(captured(lead_id), id=id_)
    await world.settled()
    await world.put(followup(lead_id))
    assert (await world.counted(lead_id, lambda count: count.followups == 1)).captured == 1


def test_a_batch_in_halves_begins_and_ends_where_the_whole_does() -> None:
    batch = Batch([], {0: 1}, {(0, "a"): 3}, {(0, "a"): 9})
    first, second = batch.halves()
    assert first.begins == batch.begins
    assert first.ends == second.begins
    assert second.ends == batch.ends
