"""A decision that needs a shared row which was not locked has its batch repeated with that row."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import asyncpg
import pytest

from baton import topics
from baton.policy.bundle import Bundle
from baton.runtime.decisions import Decision, Row
from baton.runtime.errors import NotLockedError, SharedRow
from baton.runtime.inputs import CommandInput, EventInput, Input
from baton.subjects import Subject
from tests.runtime import counter
from tests.runtime.counter import CounterStore, Kept
from tests.runtime.harness import World, followup
from tests.runtime.scenery import first_stay, ready

ATTEMPTS = 5


@dataclass(slots=True)
class LockingStore(CounterStore):
    """Locks the counters that it is told were missed, by id, and no others."""

    locked: list[frozenset[str]] = field(default_factory=list)

    async def lock(  # type: ignore[override]  # what its leads share are counters
        self,
        db: asyncpg.Connection,
        inputs: Sequence[Input],
        states: Mapping[Subject, Kept],
        bundle: Bundle,
        missed: Collection[SharedRow],
    ) -> Mapping[str, int]:
        names = sorted(id_ for _, id_ in missed)
        self.locked.append(frozenset(names))
        rows = await db.fetch(
            "SELECT name, n FROM tally WHERE name = ANY($1::text[]) ORDER BY name FOR UPDATE", names
        )
        return {row["name"]: row["n"] for row in rows}

    async def save(  # type: ignore[override]  # as for `lock`
        self, db: asyncpg.Connection, rows: Sequence[Row], shared: Mapping[str, int]
    ) -> None:
        for name, n in sorted(shared.items()):
            await db.execute("UPDATE tally SET n = $2 WHERE name = $1", name, n)


def decide(
    state: Kept | None, shared: Mapping[str, int], given: Input, bundle: Bundle, now: datetime
) -> Decision[Kept, Mapping[str, int]]:
    """Count a follow-up in the tallies that it names, one after the other."""
    names: list[str] = []
    if isinstance(given, EventInput):
        names = str(getattr(given.event.data, "answers", {}).get("tallies", "")).split()
    if isinstance(given, CommandInput):
        names = str(given.body).split()
    after = dict(shared)
    for name in names:
        if name not in after:
            raise NotLockedError([("tally", name)])
        after[name] += 1
    count = state if isinstance(state, counter.Count) else counter.Count()
    counted = count.model_copy(update={"followups": count.followups + 1})
    return Decision(counted, shared=after)


@pytest.fixture
async def tallies(world: World) -> None:
    await world.db.execute(
        "CREATE TABLE tally (name text PRIMARY KEY, n int NOT NULL);"
        "INSERT INTO tally SELECT 'n' || n, 0 FROM generate_series(1, 40) AS n;"
    )


async def tally(world: World, name: str) -> int:
    n: int = await world.db.fetchval("SELECT n FROM tally WHERE name = $1", name)
    return n


@pytest.mark.usefixtures("tallies")
async def test_rows_that_several_decisions_of_a_batch_miss_are_locked_together(
    world: World,
) -> None:
    leads = [world.lead() for _ in range(30)]
    for number, lead_id in enumerate(leads):
        await world.put(followup(lead_id, tallies=f"n{number + 1}"))
    store = LockingStore()
    await world.start(store, release={"decide": decide})
    await world.settled(topics.LEAD_FOLLOWUP)
    assert [await tally(world, f"n{number + 1}") for number in range(30)] == [1] * 30
    assert frozenset(f"n{number + 1}" for number in range(30)) in store.locked
    assert not await world.db.fetchval("SELECT count(*) FROM dead_letter")


@pytest.mark.usefixtures("tallies")
async def test_a_decision_that_misses_one_row_after_the_other_takes_effect_once(
    world: World,
) -> None:
    lead_id = world.lead()
    process = await world.start(LockingStore(), release={"decide": decide})
    await world.put(followup(lead_id, tallies="n1 n2 n3 n4"))
    await world.counted(lead_id, lambda count: count.followups == 1)
    assert [await tally(world, name) for name in ("n1", "n2", "n3", "n4")] == [1, 1, 1, 1]
    assert process.metric("baton_retries_total", why="not locked") == ATTEMPTS - 1


@pytest.mark.usefixtures("tallies")
async def test_a_decision_that_misses_a_row_each_time_is_a_dead_letter_of_its_lead_alone(
    world: World,
) -> None:
    good, bad = world.lead(), world.lead()
    await world.put(followup(good, tallies="n1"))
    await world.put(followup(bad, tallies="n2 no-such-row"))
    await world.put(followup(good, tallies="n1"))
    await world.start(LockingStore(), release={"decide": decide})
    await world.counted(good, lambda count: count.followups == 2)
    await world.settled(topics.LEAD_FOLLOWUP)
    row = await world.row("SELECT subject_id, reason FROM dead_letter")
    assert row["subject_id"] == bad
    assert "no-such-row" in row["reason"]
    assert (await tally(world, "n1"), await tally(world, "n2")) == (2, 0)


@pytest.mark.usefixtures("tallies")
async def test_two_processes_that_miss_the_same_rows_in_opposite_orders_both_come_through(
    world: World,
) -> None:
    await first_stay(world)
    processes = [
        await world.start(LockingStore(), release={"decide": decide}, batch_events=4)
        for _ in range(2)
    ]
    shards = range(3)
    for number in range(20):
        for shard in shards:
            names = "n1 n2 n3" if (number + shard) % 2 else "n3 n2 n1"
            await world.put(followup(world.lead(shard), tallies=names))
    await world.settled(topics.LEAD_FOLLOWUP)
    assert [await tally(world, name) for name in ("n1", "n2", "n3")] == [60] * 3
    assert not await world.db.fetchval("SELECT count(*) FROM dead_letter")
    assert not any(process.running.done() for process in processes)


@pytest.mark.usefixtures("tallies")
async def test_a_command_that_misses_a_row_is_answered_after_the_repetition(world: World) -> None:
    process = await world.start(LockingStore(), release={"decide": decide})
    await ready(process)
    lead_ids = [world.lead() for _ in range(3)]
    asked = (process.commands.ask(Subject.lead(each), "count", "n7 n8") for each in lead_ids)
    answers = await asyncio.gather(*asked)
    assert [answer and answer.outcome for answer in answers] == ["applied"] * 3
    assert (await tally(world, "n7"), await tally(world, "n8")) == (3, 3)
