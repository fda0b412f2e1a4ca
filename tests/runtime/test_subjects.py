"""A second kind of subject has what a lead has, and a command for each activation."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from baton import activation, identity, topics
from baton.policy.bundle import Bundle
from baton.policy_sections import policy_sections
from baton.runtime import timers
from baton.runtime.decisions import Decision
from baton.runtime.inputs import REPLAY, Input
from baton.subjects import Subject
from tests.runtime import counter
from tests.runtime.counter import Kept
from tests.runtime.harness import (
    BUNDLE,
    PARTITIONS,
    World,
    captured,
    erased,
    eventually,
    followup,
)
from tests.runtime.pools import PoolChanged, pool
from tests.runtime.scenery import ready

POOLS = [pool(name) for name in ("emea", "apac", "amer", "public")]


def named(bundle: Bundle) -> Iterable[Subject]:
    """The pools that the toy service names for any bundle."""
    return POOLS


async def settled(world: World) -> None:
    """Nothing waits any more."""

    async def nothing_waits() -> bool:
        waits = """SELECT (SELECT count(*) FROM command) + (SELECT count(*) FROM outbox)
            + (SELECT count(*) FROM timer WHERE due_at <= now())"""
        return not await world.db.fetchval(waits)

    await eventually(nothing_waits)


async def test_a_pool_takes_commands_fires_timers_and_publishes_under_its_own_id(
    world: World,
) -> None:
    process = await world.start()
    emea = pool("emea")
    answer = await process.commands.ask(emea, "rest", "a while")
    assert answer is not None
    assert (answer.outcome, answer.body) == ("counted", 1)
    found = await world.pooled(emea, lambda found: found.timers == ["rested"])
    assert found.commands == ["rest a while"]
    await settled(world)
    events = [e for e in await world.told(topics.LEAD_ACTIVITY) if isinstance(e.data, PoolChanged)]
    totals = [e.data.total for e in events if isinstance(e.data, PoolChanged)]
    assert totals == [e.sequence for e in events] == [1, 2]
    assert {e.subject for e in events} == {str(emea.id)}


async def test_a_pool_reads_events_about_it_and_not_its_own(world: World) -> None:
    process = await world.start()
    emea = pool("emea")
    await process.commands.ask(emea, "take", None)
    await world.put(PoolChanged(pool_id=emea.id, occurred_at=datetime.now(UTC), total=7))
    await world.settled(topics.LEAD_ACTIVITY)
    found = await world.pool(emea)
    assert found is not None
    assert found.heard == 1


async def test_what_leads_ask_of_pools_takes_effect_once_in_order_of_ids_across_a_kill(
    world: World,
) -> None:
    first = await world.start(batch_events=7)
    leads = [world.lead(n % PARTITIONS) for n in range(60)]
    for number, lead_id in enumerate(leads):
        await world.put(followup(lead_id, pool=("emea", "apac")[number % 2]))
    await world.pooled(pool("emea"), lambda found: bool(found.commands))
    await first.kill()
    await world.start(batch_events=7)
    await world.pooled(pool("emea"), lambda found: len(found.commands) == 30)
    await world.pooled(pool("apac"), lambda found: len(found.commands) == 30)
    await settled(world)
    for name in ("emea", "apac"):
        found = await world.pool(pool(name))
        assert found is not None
        assert len(set(found.commands)) == len(found.commands) == 30
        assert len(found.commands) == found.total


async def test_commands_of_one_moment_are_taken_in_the_order_of_their_ids(world: World) -> None:
    await (first := await world.start()).end()
    assert first.running.done()
    emea, made_at = pool("emea"), datetime.now(UTC)
    ids = sorted(identity.named_id("command", str(n)) for n in range(20))
    for id_ in sorted(ids, key=lambda each: each.int % 7):
        await world.db.execute(
            """
            INSERT INTO command (id, shard, subject_kind, subject_id, kind, body, version, made_at)
            VALUES ($1, $2, 'pool', $3, 'take', $4, 1, $5)
            """,
            id_,
            emea.shard(PARTITIONS),
            emea.id,
            f'"{id_}"',
            made_at,
        )
    await world.start()
    found = await world.pooled(emea, lambda found: len(found.commands) == len(ids))
    assert found.commands == [f"take {id_}" for id_ in ids]


async def test_each_pool_that_a_bundle_names_gets_one_command_when_it_takes_effect(
    world: World,
) -> None:
    first = await world.start(release={"subjects": named})
    for each in POOLS:
        await world.pooled(each, lambda found: len(found.activations) == 1)
    await first.kill()
    second = await world.start(release={"subjects": named})
    await ready(second)
    bundle = Bundle.read(BUNDLE, policy_sections())
    await activation.activate(world.settings, bundle, None, "test", "again")
    for each in POOLS:
        found = await world.pooled(each, lambda found: len(found.activations) == 2)
        assert len(set(found.activations)) == 2
    await settled(world)
    for each in POOLS:
        found = await world.pooled(each, lambda found: bool(found.activations))
        assert len(found.activations) == 2


async def test_a_pool_that_a_later_release_names_for_the_same_bundle_gets_its_command_too(
    world: World,
) -> None:
    first = await world.start(release={"subjects": lambda _: POOLS[:1]})
    await world.pooled(POOLS[0], lambda found: len(found.activations) == 1)
    await first.end()
    await world.db.execute("TRUNCATE inbox_0; TRUNCATE inbox_1")  # as after its span
    await world.start(release={"subjects": named})
    for each in POOLS:
        await world.pooled(each, lambda found: len(found.activations) == 1)
    await settled(world)
    found = await world.pool(POOLS[0])
    assert found is not None
    assert len(found.activations) == 1


async def test_a_scheduled_bundle_gives_its_commands_when_its_time_comes(world: World) -> None:
    process = await world.start(release={"subjects": named})
    await world.pooled(POOLS[0], lambda found: len(found.activations) == 1)
    bundle = Bundle.read(BUNDLE, policy_sections())
    soon = datetime.now(UTC) + timedelta(seconds=3)
    await activation.activate(world.settings, bundle, soon, "test", "later")
    await world.pooled(POOLS[0], lambda found: len(found.activations) == 2)
    assert datetime.now(UTC) >= soon
    assert not process.running.done()


async def test_the_erasure_of_a_lead_leaves_a_pool_of_the_same_id_as_it_is(world: World) -> None:
    process = await world.start()
    lead_id = world.lead()
    twin = Subject("pool", lead_id)
    await process.commands.ask(twin, "take", "one")
    await process.commands.ask(twin, "rest", "a while")
    await world.db.execute("UPDATE timer SET due_at = now() + interval '1 hour'")
    await world.put(captured(lead_id))
    await world.put(followup(lead_id, arm=3_600, pool="emea"))
    await world.pooled(pool("emea"), lambda found: len(found.commands) == 1)
    await world.put(erased(lead_id))
    await world.settled(topics.LEAD_IDENTITY)
    assert await world.state(lead_id) is None
    found = await world.pool(twin)
    assert found is not None
    assert len(found.commands) == 2
    kinds = await world.db.fetch("SELECT subject_kind, name FROM timer")
    assert [tuple(row) for row in kinds] == [("pool", "rested")]
    asked = await world.pool(pool("emea"))
    assert asked is not None
    assert len(asked.commands) == 1


async def test_a_timer_of_a_pool_has_another_id_than_that_of_a_lead_of_the_same_id() -> None:
    now, lead_id = datetime.now(UTC), identity.named_id("any")
    of_lead = timers.timer_id(Subject.lead(lead_id), "t", now)
    assert of_lead == identity.following_id(lead_id, now, "timer:t", 0)
    assert of_lead != timers.timer_id(Subject("pool", lead_id), "t", now)


async def test_a_dead_letter_of_a_pool_is_replayed_to_the_pool(world: World) -> None:
    process = await world.start()
    emea = pool("emea")
    answer = await process.commands.ask(emea, "poison", "x")
    assert answer is not None
    assert answer.outcome == "dead_letter"
    row = await world.row("SELECT id, subject_kind, subject_id, value FROM dead_letter")
    assert (row["subject_kind"], row["subject_id"]) == (emea.kind, emea.id)
    mended = row["value"].replace(b"poison", b"take")
    await world.db.execute("UPDATE dead_letter SET value = $1", mended)
    answer = await process.commands.ask(emea, REPLAY, str(row["id"]))
    assert answer is not None
    assert answer.outcome == "counted"
    found = await world.pool(emea)
    assert found is not None
    assert found.commands == ["take x"]


async def test_a_decision_that_publishes_about_another_subject_is_refused(world: World) -> None:
    def astray(
        state: Kept | None, shared: None, given: Input, bundle: Bundle, now: datetime
    ) -> Decision[Kept, None]:
        event = PoolChanged(pool_id=pool("emea").id, occurred_at=now, total=1)
        return Decision(counter.Count(), events=[event])

    await world.start(release={"decide": astray})
    await world.put(followup(world.lead()))
    await world.settled(topics.LEAD_FOLLOWUP)
    row = await world.row("SELECT reason FROM dead_letter")
    assert "can't publish an event about" in row["reason"]


@pytest.mark.parametrize("name", ["emea", "apac", "amer"])
def test_a_pool_belongs_to_the_shard_of_its_key(name: str) -> None:
    subject = pool(name)
    assert subject.shard(PARTITIONS) == identity.shard_of(subject.key, PARTITIONS)


async def test_a_timer_of_a_pool_fires_once_though_its_owner_is_killed(world: World) -> None:
    first = await world.start()
    for each in POOLS:
        await first.commands.ask(each, "rest", "a while")
    await first.kill()
    second = await world.start()
    for each in POOLS:
        await world.pooled(each, lambda found: found.timers == ["rested"])
    await second.end()
    await world.start()
    await settled(world)
    for each in POOLS:
        found = await world.pool(each)
        assert found is not None
        assert (found.timers, found.total) == (["rested"], 2)
