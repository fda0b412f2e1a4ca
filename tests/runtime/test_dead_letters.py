"""What can't be applied is kept whole, stops nothing behind it, and can be replayed."""

from typing import Any
from uuid import UUID

from baton import topics
from baton.cloudevents import Message
from baton.events import DeadLetter
from baton.runtime.inputs import REPLAY
from baton.subjects import Subject
from tests.runtime.harness import World, captured, eventually, followup, totals


async def letters(world: World) -> list[tuple[UUID, str]]:
    rows = await world.db.fetch("SELECT id, reason FROM dead_letter ORDER BY failed_at")
    return [(row["id"], row["reason"]) for row in rows]


async def test_a_value_that_cannot_even_be_sent_to_the_database_is_a_dead_letter(
    world: World,
) -> None:
    lead_id = world.lead()
    await world.put(followup(lead_id, amount=1))
    bad = await world.put(followup(lead_id, amount=str(10**30)))
    await world.put(followup(lead_id, amount=2))
    await world.start()
    count = await world.counted(lead_id, lambda count: count.followups == 2)
    assert count.followups == 2
    ((id_, reason),) = await letters(world)
    assert id_ == bad
    assert "out of int64 range" in reason


async def test_a_state_that_this_release_cannot_read_is_a_dead_letter_of_its_lead_alone(
    world: World,
) -> None:
    await world.start()
    lead_id, other = world.lead(), world.lead()
    await world.put(captured(lead_id))
    await world.counted(lead_id, lambda count: count.captured == 1)
    await world.db.execute(
        """UPDATE subject SET state = '{"captured": "many"}' WHERE id = $1""", lead_id
    )
    bad = await world.put(captured(lead_id))
    await world.put(captured(other))
    await world.counted(other, lambda count: count.captured == 1)
    ((id_, reason),) = await letters(world)
    assert id_ == bad
    assert reason.startswith("ValidationError")


async def test_an_event_that_would_be_too_large_for_a_record_is_not_decided(world: World) -> None:
    await world.start()
    lead_id = world.lead()
    await world.put(followup(lead_id, large=1_200))
    await world.put(followup(lead_id, tell=True))
    await world.counted(lead_id, lambda count: count.followups == 1)
    await world.settled(topics.LEAD_FOLLOWUP)
    assert totals(await world.told(), lead_id) == [1]
    ((_, reason),) = await letters(world)
    assert "over the bound" in reason


async def test_what_is_no_event_at_all_is_kept_by_its_place(world: World) -> None:
    await world.start()
    lead_id = world.lead()
    key = str(lead_id).encode()
    for value in (b"", b"\x00\xff", b"{}"):
        headers: Any = [("ce_id", None), ("a", None)]  # Kafka lets a header have no value
        await world.put_record(topics.LEAD_CAPTURED, Message("", key, value, headers))
    await world.put(captured(lead_id))
    await world.counted(lead_id, lambda count: count.captured == 1)
    rows = await world.db.fetch('SELECT "offset", value FROM dead_letter ORDER BY "offset"')
    assert [(row["offset"], row["value"]) for row in rows] == [
        (0, b""),
        (1, b"\x00\xff"),
        (2, b"{}"),
    ]


async def test_a_dead_letter_is_told_once_by_id_and_a_replay_takes_effect(world: World) -> None:
    process = await world.start()
    lead_id = world.lead()
    bad = await world.put(followup(lead_id, poison=True))
    await world.settled(topics.LEAD_FOLLOWUP)
    again = await process.commands.ask(Subject.lead(lead_id), REPLAY, str(bad))
    assert again is not None
    assert again.outcome == "dead_letter"
    # As a release would that no longer calls it poison: the record is decoded anew.
    mended = followup(lead_id, tell=True).model_dump_json().encode()
    await world.db.execute("UPDATE dead_letter SET value = $2 WHERE id = $1", bad, mended)
    answer = await process.commands.ask(Subject.lead(lead_id), REPLAY, str(bad))
    assert answer is not None
    assert answer.outcome == "applied"
    await world.settled(topics.LEAD_FOLLOWUP)
    count = await world.state(lead_id)
    assert count is not None
    assert count.followups == 1
    told = await world.told(topics.DEAD_LETTER)
    assert len({event.id for event in told}) == 1
    assert isinstance(told[0].data, DeadLetter)
    assert told[0].data.dead_letter_id == bad
    row = await world.row("SELECT failures, replayed_at FROM dead_letter")
    assert row["failures"] == 2
    assert row["replayed_at"] is not None


async def test_a_replay_that_took_effect_does_not_do_so_again(world: World) -> None:
    process = await world.start()
    lead_id = world.lead()
    bad = await world.put(followup(lead_id, poison=True))
    await world.settled(topics.LEAD_FOLLOWUP)
    mended = followup(lead_id).model_dump_json().encode()
    await world.db.execute("UPDATE dead_letter SET value = $2 WHERE id = $1", bad, mended)
    for _ in range(2):
        await process.commands.ask(Subject.lead(lead_id), REPLAY, str(bad))
    await world.put(followup(lead_id), id=bad)
    await world.settled(topics.LEAD_FOLLOWUP)
    count = await world.state(lead_id)
    assert count is not None
    assert count.followups == 1


async def test_a_replay_of_what_has_taken_effect_meanwhile_is_done(world: World) -> None:
    process = await world.start()
    lead_id = world.lead()
    bad = await world.put(followup(lead_id, poison=True))
    await world.settled(topics.LEAD_FOLLOWUP)
    await world.put(followup(lead_id), id=bad)  # its sender has mended it
    await world.counted(lead_id, lambda count: count.followups == 1)
    answer = await process.commands.ask(Subject.lead(lead_id), REPLAY, str(bad))
    assert answer is not None
    assert answer.outcome == "applied"
    assert await world.db.fetchval("SELECT replayed_at FROM dead_letter") is not None
    count = await world.state(lead_id)
    assert count is not None
    assert count.followups == 1


async def test_a_command_that_is_poison_is_answered_and_does_not_come_again(world: World) -> None:
    process = await world.start()
    lead_id = world.lead()
    answer = await process.commands.ask(Subject.lead(lead_id), "count", "poison")
    assert answer is not None
    assert answer.outcome == "dead_letter"
    await process.commands.ask(Subject.lead(lead_id), "count", None)
    assert await world.db.fetchval("SELECT count(*) FROM command") == 0
    assert await world.db.fetchval("SELECT failures FROM dead_letter") == 1


async def test_a_batch_is_bounded_in_bytes(world: World) -> None:
    lead_id = world.lead()
    for _ in range(6):
        await world.put(followup(lead_id, note="x" * 3_000))
    process = await world.start(batch_bytes=7_000)
    await world.counted(lead_id, lambda count: count.followups == 6)

    async def counted() -> bool:
        return process.metric("baton_batch_inputs_sum") == 6

    await eventually(counted)
    assert process.metric("baton_batch_inputs_bucket", le="2.0") == process.metric(
        "baton_batch_inputs_count"
    )


async def test_an_event_with_a_trace_context_without_bound_is_told_of_without_it(
    world: World,
) -> None:
    await world.start()
    lead_id = world.lead()
    bad = await world.put(captured(lead_id), traceparent="0" * 20_000)
    await world.put(captured(lead_id))
    await world.counted(lead_id, lambda count: count.captured == 1)
    await world.settled()
    ((id_, reason),) = await letters(world)
    assert id_ == bad
    assert "headers" in reason


async def test_a_dead_letter_whose_headers_are_all_control_characters_fits_into_a_record(
    world: World,
) -> None:
    await world.start()
    headers = [(f"{n:02}" + "\x01" * 998, b"\x01" * 1_000) for n in range(50)]
    message = Message(topics.LEAD_CAPTURED.name, b"k", b"x" * 500_000, headers)
    await world.put_record(topics.LEAD_CAPTURED, message)
    await world.settled()
    assert len(await world.told(topics.DEAD_LETTER)) == 1
