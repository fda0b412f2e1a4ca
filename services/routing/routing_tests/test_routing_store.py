"""What routing keeps in PostgreSQL, through the runner's own transactions."""

import asyncio
import json
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest

from baton import database as databases
from baton.events import FollowupType
from baton.runtime.inputs import EventInput
from routing.domain.choice import Question, recompute
from routing.domain.loads import Loads, RepLoad
from routing.domain.rows import AssignmentRow
from routing.settings import Settings
from routing.store import RoutingStore
from routing_tests.sales import BUNDLE, MONDAY, Sales, lead
from routing_tests.shard import Process, process


@pytest.fixture
async def routing(settings: Settings) -> AsyncIterator[Process]:
    async with process(settings) as made:
        yield made


def enquiry(name: str, *, employees: int = 50) -> EventInput:
    sales = Sales(seed=name)
    return sales.event(sales.scored(name, employees=employees))


async def loads(pool: asyncpg.Pool) -> dict[str, int]:
    rows = await pool.fetch("SELECT id, open_leads FROM rep WHERE open_leads <> 0")
    return {row["id"]: row["open_leads"] for row in rows}


async def test_a_routed_lead_has_its_assignment_its_decision_and_its_place_on_a_desk(
    routing: Process,
) -> None:
    await routing.run(enquiry("x"))
    row = await routing.pool.fetchrow("SELECT * FROM assignment")
    assert row is not None
    assert (row["lead_id"], row["rep"], row["attempt"]) == (lead("x"), "rep-a", 1)
    assert row["ended_at"] is None
    decision = await routing.pool.fetchrow("SELECT * FROM decision")
    assert decision is not None
    assert (decision["id"], decision["code"]) == (row["decision_id"], "routed")
    assert (decision["policy"], decision["assignment_id"]) == (BUNDLE.hash, row["id"])
    assert await loads(routing.pool) == {"rep-a": 1}
    assert await routing.pool.fetchval("SELECT balances::text FROM pool WHERE id = 'inbound'") == (
        '{"rep-a": -500000000, "rep-b": 250000000, "rep-c": 250000000}'
    )


async def test_turns_and_loads_go_on_from_batch_to_batch(routing: Process) -> None:
    await routing.run(enquiry("1"))
    await routing.run(*(enquiry(str(n)) for n in range(2, 5)))
    await routing.run(enquiry("5"))
    reps = await routing.pool.fetch("SELECT rep FROM assignment ORDER BY assigned_at, id")
    assert sorted(row["rep"] for row in reps) == ["rep-a", "rep-a", "rep-a", "rep-b", "rep-c"]
    assert await loads(routing.pool) == {"rep-a": 3, "rep-b": 1, "rep-c": 1}


async def test_what_begins_and_ends_in_one_batch_is_kept_as_it_was_left(routing: Process) -> None:
    sales = Sales()
    first = sales.event(sales.scored())
    sales.batch(first)
    sales.later(seconds=1)
    breach = sales.event(sales.breach())
    sales.batch(breach)
    rejected = sales.followup(FollowupType.REJECTED, assignment_id=sales.held().id)
    await routing.run(first, breach, sales.event(rejected))
    rows = await routing.pool.fetch("SELECT rep, ended_code FROM assignment ORDER BY attempt")
    assert [tuple(row) for row in rows] == [("rep-a", "breached"), ("rep-b", "rejected")]
    assert await loads(routing.pool) == {}


async def test_a_lead_moves_to_the_next_rep_in_a_later_batch(routing: Process) -> None:
    sales = Sales()
    first = sales.event(sales.scored())
    sales.batch(first)
    id_ = sales.held().id
    declined = sales.followup(FollowupType.DECLINED, assignment_id=id_, reason="no-time")
    await routing.run(first)
    await routing.run(sales.event(declined))
    rows = await routing.pool.fetch(
        "SELECT rep, ended_code, ended_reason, ended_at IS NULL FROM assignment ORDER BY attempt"
    )
    assert [tuple(row) for row in rows] == [
        ("rep-a", "declined", "no-time", False),
        ("rep-b", None, None, True),
    ]
    assert await loads(routing.pool) == {"rep-b": 1}


async def test_the_database_refuses_a_second_owner(routing: Process) -> None:
    sales = Sales()
    sales.enquire()
    row = next(iter(sales.assignments.values()))
    other = row.assignment.model_copy(update={"id": UUID(int=1)})
    async with databases.connection(routing.pool) as db:
        with pytest.raises(asyncpg.UniqueViolationError, match="assignment_current"):
            await RoutingStore().save(db, [row, AssignmentRow(row.lead_id, other)], Loads())


async def test_a_choice_computed_again_from_its_row_is_the_same_to_the_last_character(
    routing: Process,
) -> None:
    given = [enquiry(str(n), employees=50 * 100 ** (n % 2)) for n in range(9)]
    await routing.run(*given)
    rows = await routing.pool.fetch("SELECT question::text, choice::text FROM decision")
    assert len(rows) == len(given)
    for row in rows:
        again = recompute(Question.model_validate_json(row["question"]), BUNDLE)
        assert again.model_dump_json() == row["choice"]


async def test_of_a_person_who_is_forgotten_nothing_is_kept_but_the_rep_has_a_place_again(
    routing: Process,
) -> None:
    sales = Sales()
    first = sales.event(sales.scored())
    sales.batch(first)
    sales.later(seconds=1)
    await routing.run(first, enquiry("y"))
    await routing.run(sales.event(sales.erased()))
    for table in ("assignment", "decision"):
        kept = await routing.pool.fetch(f"SELECT lead_id FROM {table}")  # noqa: S608 - one of two
        assert [row["lead_id"] for row in kept] == [lead("y")]
    assert await loads(routing.pool) == {"rep-b": 1}


async def test_an_enquiry_in_the_batch_that_forgets_the_person_is_a_new_beginning(
    routing: Process,
) -> None:
    sales = Sales()
    given = [sales.event(sales.scored())]
    sales.later(seconds=1)
    given.append(sales.event(sales.erased()))
    sales.later(seconds=1)
    given.append(sales.event(sales.scored()))
    await routing.run(*given)
    rows = await routing.pool.fetch("SELECT attempt, ended_at FROM assignment")
    assert [tuple(row) for row in rows] == [(1, None)]
    assert sum((await loads(routing.pool)).values()) == 1


async def test_a_batch_that_gives_nothing_to_anybody_locks_nothing(routing: Process) -> None:
    sales = Sales()
    sales.enquire()
    given = [
        sales.event(sales.scored(new_enquiry=False)),
        sales.event(sales.followup(FollowupType.ACCEPTED)),
        sales.event(sales.followup(FollowupType.NOTE)),
    ]
    async with databases.connection(routing.pool) as db:
        assert await RoutingStore().lock(db, given, sales.states, BUNDLE, ()) == Loads()


async def test_who_waited_for_a_pool_sees_what_the_other_left(routing: Process) -> None:
    await routing.run(enquiry("before"))
    first, second = RoutingStore(), RoutingStore()
    pool = routing.pool
    async with databases.connection(pool) as one, databases.connection(pool) as other:
        mine = one.transaction()
        await mine.start()
        loads = await first.lock(one, [enquiry("x")], {}, BUNDLE, ())
        async with other.transaction():
            waiting = asyncio.create_task(second.lock(other, [enquiry("y")], {}, BUNDLE, ()))
            await blocked(pool, other, waiting)
            changed = loads.with_turn("inbound", {"rep-a": -1, "rep-b": 1})
            await first.save(one, [], changed.with_lead("rep-b", MONDAY))
            await mine.commit()
            seen = await waiting
    assert seen.credits("inbound") == {
        "rep-a": -500_000_001,
        "rep-b": 250_000_001,
        "rep-c": 250_000_000,
    }
    assert seen.rep_load("rep-b") == RepLoad(1, MONDAY)


async def test_who_waited_for_a_rep_sees_what_the_other_left(routing: Process) -> None:
    sales = Sales()
    first = sales.event(sales.scored())
    sales.batch(first)
    await routing.run(first)
    contacted = sales.event(sales.followup(FollowupType.CONTACTED))
    store, pool = RoutingStore(), routing.pool
    async with databases.connection(pool) as one, databases.connection(pool) as other:
        mine = one.transaction()
        await mine.start()
        loads = await store.lock(one, [enquiry("y")], {}, BUNDLE, ())
        async with other.transaction():
            waiting = asyncio.create_task(store.lock(other, [contacted], sales.states, BUNDLE, ()))
            await blocked(pool, other, waiting)
            await store.save(one, [], loads.with_lead("rep-a", MONDAY))
            await mine.commit()
            seen = await waiting
    assert seen.reps == {"rep-a": RepLoad(2, MONDAY)}
    assert seen.pools == {}


@pytest.mark.parametrize(
    ("held", "free"),
    [
        ("SELECT FROM pool WHERE id = 'enterprise'", {"inbound", "rep-a", "rep-b", "rep-c"}),
        ("SELECT FROM pool WHERE id = 'inbound'", {"rep-a", "rep-b", "rep-c"}),
        ("SELECT FROM rep WHERE id = 'rep-a'", {"rep-b", "rep-c"}),
        ("SELECT FROM rep WHERE id = 'rep-b'", {"rep-c"}),
    ],
)
async def test_who_waits_holds_nothing_that_comes_later_in_the_order(
    routing: Process, held: str, free: set[str]
) -> None:
    await routing.run(enquiry("before", employees=5000))
    pool = routing.pool
    async with databases.connection(pool) as one, databases.connection(pool) as other:
        holding = one.transaction()
        await holding.start()
        await one.execute(f"{held} FOR UPDATE")
        async with other.transaction():
            given = [enquiry("x"), enquiry("y", employees=5000)]
            waiting = asyncio.create_task(RoutingStore().lock(other, given, {}, BUNDLE, ()))
            await blocked(pool, other, waiting)
            found = [
                *await pool.fetch("SELECT id FROM pool FOR UPDATE SKIP LOCKED"),
                *await pool.fetch("SELECT id FROM rep FOR UPDATE SKIP LOCKED"),
            ]
            await holding.rollback()
            await waiting
    assert {row["id"] for row in found if row["id"] != "rep-off"} == free


async def test_rows_whose_adding_was_rolled_back_are_added_again(routing: Process) -> None:
    store = RoutingStore()
    async with databases.connection(routing.pool) as db:
        undone = db.transaction()
        await undone.start()
        await store.lock(db, [enquiry("x")], {}, BUNDLE, ())
        await undone.rollback()
        loads = await store.lock(db, [enquiry("x")], {}, BUNDLE, ())
    assert loads.credits("inbound") == {}
    assert loads.rep_load("rep-c") == RepLoad()


async def blocked(
    pool: asyncpg.Pool, session: asyncpg.Connection, doing: asyncio.Task[Loads]
) -> None:
    """Returns once a session waits for another one in what it is doing."""
    pid = session.get_server_pid()
    while not await pool.fetchval("SELECT cardinality(pg_blocking_pids($1)) > 0", pid):
        assert not doing.done(), "it did not wait"


async def test_processes_that_share_pools_wait_for_each_other_without_deadlock(
    settings: Settings,
) -> None:
    async with process(settings) as one, process(settings) as other:
        sales = Sales()
        leads = [str(n) for n in range(60)]
        given = [
            sales.event(sales.scored(name, employees=50 + 5000 * (n % 2)))
            for n, name in enumerate(leads)
        ]
        # Each process has its half of the leads, in batches that reach for the pools both ways.
        await asyncio.gather(work(one, 0, given[:30]), work(other, 1, given[30:][::-1]))
        owned = await one.pool.fetch(
            "SELECT rep, count(*) FROM assignment WHERE ended_at IS NULL GROUP BY rep"
        )
        assert {row["rep"]: row["count"] for row in owned} == await loads(one.pool)
        assert await loads(one.pool) == {"rep-a": 3, "rep-b": 3, "rep-c": 1}
        decided = await one.pool.fetchval("SELECT count(*) FROM decision")
        assert decided == len(leads)
        for row in await one.pool.fetch("SELECT balances::text FROM pool"):
            assert sum(json.loads(row["balances"]).values()) == 0
        assert await one.pool.fetchval("SELECT count(*) FROM dead_letter") == 0


async def work(of: Process, shard: int, given: list[EventInput]) -> None:
    for start in range(0, len(given), 3):
        await of.run(*given[start : start + 3], shard=shard)


async def test_a_lead_that_the_database_refuses_becomes_a_dead_letter(routing: Process) -> None:
    refuse = f"ALTER TABLE subject ADD CONSTRAINT refused CHECK (id <> '{lead('x')}')"
    await routing.pool.execute(refuse)
    given = enquiry("x")
    await routing.run(given)
    assert await routing.pool.fetchval("SELECT id FROM dead_letter") == given.id
    assert await loads(routing.pool) == {}
