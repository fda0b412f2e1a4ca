"""One bad record, or a row of a newer release, closes its shard only, until the cause is gone."""

from datetime import timedelta
from functools import partial

import pytest

from baton import cloudevents, kafka, topics
from baton.cloudevents import Message
from baton.problems import Problem
from baton.runtime import losses
from baton.runtime.inputs import REPLAY
from baton.subjects import Subject
from tests.e2e.records import event
from tests.runtime.harness import PARTITIONS, QUICK, Process, World, captured, eventually, followup
from tests.runtime.pools import POOL, pool
from tests.runtime.scenery import first_stay, ready
from tests.runtime.unreadable import NOT_UTF8, put_batch

SOON = QUICK.model_copy(update={"session": timedelta(seconds=1)})


def closed(process: Process, shard: int, code: str) -> bool:
    return process.metric("baton_shards_closed", shard=str(shard), reason=code) == 1


async def closes(process: Process, shard: int, code: str, *words: str) -> None:
    """Wait until the process has closed the shard, and says why and what to do."""

    async def look() -> bool:
        reason = process.degraded.reasons.get(f"shard {shard}", "")
        return closed(process, shard, code) and all(word in reason for word in words)

    await eventually(look)


async def opens(process: Process, shard: int) -> None:
    async def look() -> bool:
        return f"shard {shard}" not in process.degraded.reasons

    await eventually(look)


async def works(world: World, *shards: int) -> None:
    """Events of these shards are applied."""
    for shard in shards:
        lead_id = world.lead(shard)
        await world.put(captured(lead_id))
        await world.counted(lead_id, lambda count: count.captured == 1)


def message_of(world: World, shard: int) -> Message:
    lead_id = world.lead(shard)
    return cloudevents.encode(event(captured(lead_id), lead_id))


async def put_of_unknown_type(world: World, shard: int) -> None:
    message = message_of(world, shard)
    headers = [
        (name, b"baton.lead.captured.v9" if name == "ce_type" else value)
        for name, value in message.headers
    ]
    newer = Message(message.topic, message.key, message.value, headers)
    await world.put_record(topics.LEAD_CAPTURED, newer)


async def test_a_type_that_is_not_known_closes_the_shard_of_its_record_only(world: World) -> None:
    process = await world.start(times=SOON)
    await ready(process)
    await put_of_unknown_type(world, 0)
    await closes(process, 0, "unknown_event_type", "v9", "deploy", "offset 0")
    await works(world, 1, 2)
    assert process.ready
    behind = world.lead(0)
    await world.put(captured(behind))
    await works(world, 1, 2)
    assert await world.state(behind) is None
    assert not await world.db.fetchval("SELECT count(*) FROM dead_letter")


async def test_what_stands_before_a_type_that_is_not_known_is_applied(world: World) -> None:
    before, beside = world.lead(0), world.lead(0)
    await world.put(captured(before))
    await put_of_unknown_type(world, 0)
    await world.put(followup(beside))
    process = await world.start(times=SOON)
    await closes(process, 0, "unknown_event_type", "offset 1")
    await world.counted(before, lambda count: count.captured == 1)
    await world.counted(beside, lambda count: count.followups == 1)


async def test_a_process_whose_shards_are_all_closed_is_not_ready_and_lives_on(
    world: World,
) -> None:
    impatient = SOON.model_copy(update={"stall": timedelta(seconds=0.5)})
    process = await world.start(times=impatient)
    await ready(process)
    for shard in range(3):
        await put_of_unknown_type(world, shard)
        await closes(process, shard, "unknown_event_type")
    assert not process.ready
    tries = await world.db.fetchval("SELECT epoch FROM shard WHERE shard = 0")

    async def was_tried_again() -> bool:
        epoch = await world.db.fetchval("SELECT epoch FROM shard WHERE shard = 0")
        return bool(epoch >= tries + 3)

    await eventually(was_tried_again)
    assert not process.running.done()


async def test_a_shard_that_is_closed_changes_hands_and_is_closed_by_its_next_owner(
    world: World,
) -> None:
    first = await world.start(times=SOON)
    await ready(first)
    await put_of_unknown_type(world, 0)
    await closes(first, 0, "unknown_event_type")
    await first.end()
    second = await world.start(times=SOON)
    await closes(second, 0, "unknown_event_type")
    await works(world, 1, 2)


@pytest.mark.parametrize("good", [0, 1], ids=["first of all", "behind another"])
async def test_a_record_that_the_client_can_not_read_is_passed_over_by_name(
    world: World, good: int
) -> None:
    process = await world.start(times=SOON)
    await ready(process)
    *before, bad = (message_of(world, 0) for _ in range(good + 1))
    spoilt = Message(bad.topic, bad.key, bad.value, [*bad.headers, (NOT_UTF8, b"x")])
    name = kafka.topic_name(world.settings, topics.LEAD_CAPTURED)
    await put_batch(world.settings.kafka_bootstrap_servers, name, [*before, spoilt])
    found = f"offset {good} of lead-captured"
    await closes(process, 0, "unreadable_record", found, f"--upto {good + 1}")
    await works(world, 1, 2)
    assert await world.db.fetchval("SELECT count(*) FROM subject WHERE shard = 0") == good
    accept = partial(losses.accept, process.pool, world.settings, (0, "lead-captured"))
    loss = await accept("operator", "spoilt", upto=good + 1)
    assert (loss.from_offset, loss.to_offset) == (good, good + 1)
    await opens(process, 0)
    await works(world, 0)


async def test_no_record_is_passed_over_that_the_position_does_not_stand_at(world: World) -> None:
    await first_stay(world)
    for _ in range(3):
        await world.put(captured(world.lead(0)))
    process = await world.start()
    await world.settled()
    accept = partial(losses.accept, process.pool, world.settings, (0, "lead-captured"))
    await world.db.execute("UPDATE position SET next_offset = 1 WHERE topic = 'lead-captured'")
    for upto in (1, 3, 4):
        with pytest.raises(Problem, match="stands at 1"):
            await accept("operator", "by mistake", upto=upto)


async def test_a_position_that_kafka_does_not_have_closes_its_shard_until_the_loss_is_accepted(
    world: World,
) -> None:
    await first_stay(world)
    await world.db.execute(
        "INSERT INTO position (shard, topic, next_offset) VALUES (0, 'lead-captured', 7)"
        "ON CONFLICT (shard, topic) DO UPDATE SET next_offset = 7"
    )
    process = await world.start(times=SOON)
    await closes(process, 0, "position_out_of_range", "stands at 7", "baton accept-loss")
    await works(world, 1, 2)
    place = (0, topics.LEAD_CAPTURED.name)
    await losses.accept(process.pool, world.settings, place, "operator", "restored")
    await opens(process, 0)
    await works(world, 0)


NEWER = {
    "state": "UPDATE subject SET version = 2 WHERE id = $1",
    "timer": """
        INSERT INTO timer (subject_kind, subject_id, name, shard, due_at, accuses, version)
        VALUES ('lead', $1, 'new', 0, now(), false, 2)
        """,
    "command": """
        INSERT INTO command (id, shard, subject_kind, subject_id, kind, body, version, made_at)
        VALUES (gen_random_uuid(), 0, 'lead', $1, 'new', '1', 2, now())
        """,
}


@pytest.mark.parametrize("what", NEWER)
async def test_a_row_of_a_newer_release_closes_its_shard_until_that_release_is_back(
    world: World, what: str
) -> None:
    process = await world.start(times=SOON)
    await ready(process)
    lead_id = world.lead(0)
    await world.put(followup(lead_id))
    await world.counted(lead_id, lambda count: count.followups == 1)
    await world.db.execute(NEWER[what], lead_id)
    await world.put(followup(lead_id))
    await closes(process, 0, "newer_version", f"the {what}", "has version 2, and this release")
    await works(world, 1, 2)
    assert not await world.db.fetchval("SELECT count(*) FROM dead_letter")
    versions = "SELECT max(version) FROM (SELECT version FROM subject UNION ALL SELECT version "
    versions += "FROM timer UNION ALL SELECT version FROM command) AS rows"
    assert await world.db.fetchval(versions) == 2
    await process.end()
    newer = await world.start(times=SOON, release={"version": 2})
    await world.counted(lead_id, lambda count: count.followups == 2)
    await eventually(lambda: nothing_waits(world))
    assert not newer.degraded.reasons


async def nothing_waits(world: World) -> bool:
    waits = "SELECT (SELECT count(*) FROM timer) + (SELECT count(*) FROM command)"
    return not await world.db.fetchval(waits)


async def test_a_subject_keeps_the_version_of_a_timer_that_it_once_had(world: World) -> None:
    newer = await world.start(release={"version": 2})
    lead_id = world.lead(0)
    await world.put(followup(lead_id, arm=3_600, version=2))
    await world.counted(lead_id, lambda count: count.followups == 1)
    assert await world.db.fetchval("SELECT version FROM subject") == 2
    await world.put(followup(lead_id, cancel=True))
    await world.counted(lead_id, lambda count: count.followups == 2)
    assert await world.db.fetchval("SELECT version FROM subject") == 2
    await newer.end()
    older = await world.start(times=SOON)
    await world.put(followup(lead_id))
    await closes(older, 0, "newer_version")


async def test_the_command_of_an_activation_waits_for_a_release_that_knows_its_kind(
    world: World,
) -> None:
    named = {"subjects": lambda _: [pool("emea")], "kind_versions": {POOL: 2}}
    shard = pool("emea").shard(PARTITIONS)
    newer = await world.start(times=SOON, release={**named, "version": 2})
    await world.pooled(pool("emea"), lambda found: len(found.activations) == 1)
    await newer.end()
    await world.db.execute("UPDATE subject SET activated = NULL; UPDATE shard SET activated = NULL")
    older = await world.start(times=SOON, release=named)
    await closes(older, shard, "newer_version", "baton.activation")
    assert not await world.db.fetchval("SELECT count(*) FROM dead_letter")


async def test_a_dead_letter_of_a_newer_release_waits_for_that_release(world: World) -> None:
    newer = await world.start(release={"version": 2})
    lead_id = world.lead(0)
    asked = await newer.commands.ask(Subject.lead(lead_id), "count", "poison", version=2)
    assert asked is not None
    assert asked.outcome == "dead_letter"
    letter = await world.db.fetchval("SELECT id FROM dead_letter")
    await newer.end()
    older = await world.start()
    answer = await older.commands.ask(Subject.lead(lead_id), REPLAY, str(letter))
    assert answer is not None
    assert answer.outcome == "dead_letter"
    row = await world.row("SELECT failures, reason FROM dead_letter")
    assert row["failures"] == 2
    assert "it has version 2" in row["reason"]
