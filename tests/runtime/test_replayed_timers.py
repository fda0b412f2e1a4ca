"""A timer that became a dead letter and is replayed: set again, so that its gate applies to it."""

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from pydantic import JsonValue

from baton import cloudevents, topics
from baton.cloudevents import Event
from baton.runtime.batch import Item, Reader, Record
from baton.runtime.decisions import Arm
from baton.runtime.inputs import REPLAY, CommandInput
from baton.runtime.timers import timer_id
from baton.subjects import Subject
from tests.runtime.harness import PARTITIONS, QUICK, World, apply, erased, eventually, followup
from tests.runtime.scenery import first_stay, ready

EARLIER: dict[str, JsonValue] = {"name": "t", "facts_complete": True}
"""What a letter of the release before had of a timer beside its place and time."""


async def letter(world: World, lead_id: UUID, due_at: datetime, **body: JsonValue) -> UUID:
    """A timer's dead letter that waits."""
    id_ = timer_id(Subject.lead(lead_id), "t", due_at)
    whole = {"id": str(id_), "lead_id": str(lead_id), "time": due_at.isoformat(), **body}
    await world.db.execute(
        """
        INSERT INTO dead_letter (id, shard, kind, subject_kind, subject_id, value, reason, failures,
            failed_at)
        VALUES ($1, 0, 'timer', 'lead', $2, $3, 'it was poison', 1, now())
        """,
        id_,
        lead_id,
        json.dumps(whole).encode(),
    )
    return id_


async def asked_to_replay(world: World, lead_id: UUID, *letters: UUID) -> None:
    """The commands of `replay --all`, which no process has come to yet."""
    for id_ in letters:
        await world.leave_command(lead_id, REPLAY, str(id_))


async def replayed(world: World) -> bool:
    """Whether no dead letter waits any more."""
    return not await world.db.fetchval("SELECT count(*) FROM dead_letter WHERE replayed_at IS NULL")


def an_hour_ago() -> datetime:
    return datetime.now(UTC) - timedelta(hours=1)


@pytest.mark.parametrize("body", [EARLIER, EARLIER | {"accuses": True}], ids=["earlier", "now"])
async def test_a_replayed_timer_accuses_nobody_while_the_answer_lies_unread(
    world: World, body: dict[str, JsonValue]
) -> None:
    await first_stay(world)
    lead_id, other = world.lead(), world.lead()
    for _ in range(60):
        await world.put(followup(other))
    await world.put(followup(lead_id, cancel=True))
    await asked_to_replay(world, lead_id, await letter(world, lead_id, an_hour_ago(), **body))
    await world.start(batch_events=5)
    await world.settled(topics.LEAD_FOLLOWUP)
    count = await world.counted(lead_id, lambda count: count.followups == 1)
    assert count.timers == []
    await eventually(lambda: replayed(world))
    assert await world.db.fetchval("SELECT count(*) FROM timer") == 0


@pytest.mark.parametrize(
    "body",
    [
        EARLIER | {"facts_complete": False},
        EARLIER | {"accuses": True},
        EARLIER | {"accuses": False},
    ],
    ids=["ran into its bound before", "accuses", "does not accuse"],
)
async def test_a_replayed_timer_fires_once_with_the_facts_that_there_are_by_then(
    world: World, body: dict[str, JsonValue]
) -> None:
    process = await world.start()
    await ready(process)
    lead_id = world.lead()
    id_ = await letter(world, lead_id, an_hour_ago(), **body)
    answer = await process.commands.ask(Subject.lead(lead_id), REPLAY, str(id_))
    assert answer is not None
    assert answer.outcome == "applied"
    count = await world.counted(lead_id, lambda count: count.timers != [])
    assert count.timers == ["t"]
    assert count.facts_complete
    assert await replayed(world)
    assert await world.db.fetchval("SELECT count(*) FROM timer") == 0


async def test_a_replayed_timer_leaves_the_one_that_has_its_name_by_now(world: World) -> None:
    process = await world.start()
    await ready(process)
    lead_id = world.lead()
    await world.arm(lead_id, timedelta(days=1), accuses=True)
    later = await world.db.fetchval("SELECT due_at FROM timer")
    id_ = await letter(world, lead_id, an_hour_ago(), **EARLIER)
    answer = await process.commands.ask(Subject.lead(lead_id), REPLAY, str(id_))
    assert answer is not None
    assert answer.outcome == "applied"
    assert await replayed(world)
    assert await world.db.fetchval("SELECT due_at FROM timer") == later
    assert await world.state(lead_id) is None


async def test_a_replayed_timer_that_fails_again_waits_again_as_the_same_dead_letter(
    world: World,
) -> None:
    process = await world.start()
    await ready(process)
    lead_id = world.lead()
    await world.put(followup(lead_id))
    await world.counted(lead_id, lambda count: count.followups == 1)
    await spoil(world, '{"followups": "many"}')
    await world.arm(lead_id, -timedelta(seconds=1), accuses=True)
    await eventually(lambda: failed(world, 1))
    row = await world.row("SELECT id, value FROM dead_letter")
    assert json.loads(row["value"])["accuses"] is True
    await process.commands.ask(Subject.lead(lead_id), REPLAY, str(row["id"]))
    await eventually(lambda: failed(world, 2))
    await spoil(world, '{"followups": 1}')
    await process.commands.ask(Subject.lead(lead_id), REPLAY, str(row["id"]))
    count = await world.counted(lead_id, lambda count: count.timers != [])
    assert count.timers == ["t"]
    assert await replayed(world)


async def spoil(world: World, state: str) -> None:
    await world.db.execute("UPDATE subject SET state = $1", state)


async def failed(world: World, times: int) -> bool:
    """Whether the one dead letter waits, having failed so often."""
    return bool(
        await world.db.fetchval(
            "SELECT failures = $1 FROM dead_letter WHERE replayed_at IS NULL", times
        )
    )


@pytest.mark.parametrize("value", ["{}", "no JSON", '{"lead_id": 7}', "[]"])
async def test_a_dead_letter_that_cannot_be_read_fails_again_and_ends_no_process(
    world: World, value: str
) -> None:
    process = await world.start()
    await ready(process)
    lead_id = world.lead()
    id_ = await letter(world, lead_id, an_hour_ago())
    await world.db.execute("UPDATE dead_letter SET value = $1", value.encode())
    answer = await process.commands.ask(Subject.lead(lead_id), REPLAY, str(id_))
    assert answer is not None
    assert answer.outcome == "dead_letter"
    assert await failed(world, 2)
    await world.put(followup(lead_id))
    await world.counted(lead_id, lambda count: count.followups == 1)


async def test_a_replay_in_the_batch_that_erases_its_lead_sets_no_timer(world: World) -> None:
    process = await world.start()
    await ready(process)
    lead_id = world.lead()
    id_ = await letter(world, lead_id, an_hour_ago(), **EARLIER)
    asked = CommandInput(uuid4(), Subject.lead(lead_id), REPLAY, str(id_), datetime.now(UTC))
    arms = Arm("t", an_hour_ago(), accuses=True)
    data = erased(lead_id)
    message = cloudevents.encode(Event(uuid4(), "/test", data.occurred_at, str(lead_id), data))
    record = Record(0, topics.LEAD_IDENTITY.name, 0, message.key, message.value, message.headers)
    items = [
        Item(0, asked, replays=id_, arms=arms),
        Reader(frozenset(), PARTITIONS).read_one(record),
    ]
    await apply(world, process, items)
    assert await world.db.fetchval("SELECT count(*) FROM timer") == 0
    assert await world.db.fetchval("SELECT count(*) FROM dead_letter") == 0
    assert await world.db.fetchval("SELECT erased_at FROM subject") is not None


async def test_a_replay_in_the_batch_that_cancels_its_timer_sets_none(world: World) -> None:
    process = await world.start(times=QUICK.model_copy(update={"look": timedelta(hours=1)}))
    await ready(process)
    lead_id = world.lead()
    id_ = await letter(world, lead_id, an_hour_ago(), **EARLIER)
    asked = CommandInput(uuid4(), Subject.lead(lead_id), REPLAY, str(id_), datetime.now(UTC))
    data = followup(lead_id, cancel=True)
    message = cloudevents.encode(Event(uuid4(), "/test", data.occurred_at, str(lead_id), data))
    record = Record(0, topics.LEAD_FOLLOWUP.name, 0, message.key, message.value, message.headers)
    cancels = Reader(frozenset(), PARTITIONS).read_one(record)
    arms = Arm("t", an_hour_ago(), accuses=True)
    await apply(world, process, [cancels, Item(0, asked, replays=id_, arms=arms)])
    assert await world.db.fetchval("SELECT count(*) FROM timer") == 0
    assert await replayed(world)
