"""The migration of credits, on rows as the release before wrote them."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import asyncpg
import pytest

from baton import identity
from baton.events import FollowupType
from routing.domain import turns
from routing.domain.choice import EarlierProcedureError, Question, recompute
from routing.records import DecisionRecord
from routing.settings import Settings
from routing_tests.sales import MONDAY, Sales
from routing_tests.shard import SCHEMA, migrated, process

LEAD = 10**9
ROWS: Mapping[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parent / "rows_0001.json").read_text()
)
"""What commit 140cc3f wrote: pool `inbound` (weights 2, 1, 1) whose weights stayed, `enterprise`
whose bundle went from weights 50, 50 to 1, 1 after its first lead."""


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    db = await asyncpg.connect(
        settings.database_url.get_secret_value(), server_settings={"search_path": SCHEMA}
    )
    yield db
    await db.close()


async def insert(db: asyncpg.Connection, rows: Mapping[str, list[dict[str, Any]]]) -> None:
    for table, made in rows.items():
        await db.execute(
            f"INSERT INTO {table} SELECT * FROM json_populate_recordset(NULL::{table}, $1)",  # noqa: S608 - names of our own
            json.dumps([{**row, **_as_json(row)} for row in made], separators=(",", ":")),
        )


def _as_json(row: Mapping[str, Any]) -> dict[str, Any]:
    columns = ("credits", "state", "sequences", "question", "choice")
    return {name: json.loads(row[name]) for name in columns if row.get(name) is not None}


@pytest.fixture
def earlier(database: str) -> Settings:
    """A database of the release before, with its rows."""
    settings = migrated(database, "0001")

    async def fill() -> None:
        async with connected(settings) as db:
            await insert(db, ROWS)

    asyncio.run(fill())
    return settings


@pytest.fixture
def upgraded(earlier: Settings) -> Settings:
    return migrated(earlier.database_url.get_secret_value())


async def balances(settings: Settings) -> dict[str, dict[str, int]]:
    async with connected(settings) as db:
        rows = await db.fetch("SELECT id, balances FROM pool")
    return {row["id"]: json.loads(row["balances"]) for row in rows}


async def blocked(db: asyncpg.Connection, doing: asyncio.Task[Any]) -> None:
    """Returns once a session of this database waits for another one."""
    waits = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0
    """
    while not await db.fetchval(waits):
        assert not doing.done(), "it did not wait"


async def test_credits_of_a_pool_whose_weights_stayed_are_the_same_share_of_a_lead(
    upgraded: Settings,
) -> None:
    assert (await balances(upgraded))["inbound"] == {"rep-a": LEAD // 4, "rep-c": -LEAD // 4}


async def test_after_the_migration_a_pool_whose_weights_changed_goes_on_by_turns(
    upgraded: Settings,
) -> None:
    # Before it, rep-d had the next 48 leads.
    standing: Mapping[str, int] = (await balances(upgraded))["enterprise"]
    order = []
    for _ in range(10):
        turn = turns.take(standing, {"rep-b": 1, "rep-d": 1})
        standing = turns.after(standing, turn.changes)
        order.append(turn.rep)
    for n in range(1, len(order) + 1):
        assert abs(Counter(order[:n])["rep-d"] - Fraction(n, 2)) <= 1


async def test_a_turn_of_before_is_given_back_after_the_migration_as_if_never_taken(
    upgraded: Settings,
) -> None:
    sales = Sales(seed="later")
    sales.now = datetime.now(UTC) + timedelta(days=1)
    rejected = [
        sales.event(sales.followup(FollowupType.REJECTED, name, reason="spam"))
        for name in ("inbound-0", "enterprise-0", "inbound-1")
    ]
    async with process(upgraded) as routing:
        await routing.run(*rejected)
    after = await balances(upgraded)
    # Credits in units of weight were {"a": 1, "c": -1}; the turn of inbound-0 was {"a": -2, "b": 1,
    # "c": 1}. The rep of inbound-1 had spoken with the lead, so that turn stays.
    quarter = LEAD // 4
    assert after["inbound"] == {"rep-a": 3 * quarter, "rep-b": -quarter, "rep-c": -2 * quarter}
    assert after["enterprise"] == {"rep-b": 2 * LEAD // 100, "rep-d": -2 * LEAD // 100}


async def test_a_turn_of_before_is_given_back_to_a_pool_whose_credits_were_even(
    earlier: Settings,
) -> None:
    async with connected(earlier) as db:
        await db.execute("UPDATE pool SET credits = '{}'")
    await asyncio.to_thread(migrated, earlier.database_url.get_secret_value())
    sales = Sales(seed="later")
    sales.now = datetime.now(UTC) + timedelta(days=1)
    async with process(earlier) as routing:
        await routing.run(
            sales.event(sales.followup(FollowupType.REJECTED, "inbound-0", reason="spam"))
        )
    quarter = LEAD // 4
    assert (await balances(earlier))["inbound"] == {
        "rep-a": 2 * quarter,
        "rep-b": -quarter,
        "rep-c": -quarter,
    }


async def test_the_migration_leaves_the_rest_of_a_lead_and_the_old_credits_as_they_were(
    upgraded: Settings,
) -> None:
    async with connected(upgraded) as db:
        states = {
            str(row["id"]): json.loads(row["state"])
            for row in await db.fetch("SELECT id, state FROM subject")
        }
        old = await db.fetch("SELECT id, credits FROM pool")
    for row in ROWS["lead"]:
        before, after = json.loads(row["state"]), states[row["lead_id"]]
        for state in (before, after):
            state["held"].pop("turn", None)
            state["held"].pop("credit_changes", None)
        assert after == before
    assert {row["id"]: json.loads(row["credits"]) for row in old} == {
        row["id"]: json.loads(row["credits"]) for row in ROWS["pool"]
    }


async def test_a_decision_of_before_can_be_read_and_is_known_as_one_of_an_earlier_procedure(
    upgraded: Settings,
) -> None:
    async with connected(upgraded) as db:
        rows = await db.fetch("SELECT * FROM decision WHERE question IS NOT NULL")
    assert rows
    for row in rows:
        texts = {name: json.loads(row[name]) for name in ("question", "choice")}
        question = DecisionRecord.model_validate({**row, **texts}).question
        assert isinstance(question, Question)
        with pytest.raises(EarlierProcedureError):
            recompute(question, Sales().bundle)


async def test_the_migration_waits_for_a_batch_under_way_and_converts_what_it_leaves(
    earlier: Settings,
) -> None:
    url = earlier.database_url.get_secret_value()
    async with connected(earlier) as batch, connected(earlier) as watching:
        under_way = batch.transaction()
        await under_way.start()
        # What each batch does first, and last.
        await batch.execute("SELECT FROM policy_in_force FOR SHARE")
        migrating = asyncio.create_task(asyncio.to_thread(migrated, url))
        await blocked(watching, migrating)
        await batch.execute(
            "UPDATE lead SET state = replace(state::text, '\"waits\":0', '\"waits\":7')::json"
        )
        await batch.execute("""UPDATE pool SET credits = '{"rep-a": 2, "rep-b": -2}'""")
        await under_way.commit()
        await migrating
        states = await watching.fetch("SELECT state FROM subject")
    assert {json.loads(row["state"])["waits"] for row in states} == {7}
    assert (await balances(earlier))["inbound"] == {"rep-a": LEAD // 2, "rep-b": -LEAD // 2}


async def test_a_batch_that_waited_for_the_migration_decides_by_what_it_left(
    upgraded: Settings,
) -> None:
    sales = Sales(seed="later")
    sales.now = datetime.now(UTC) + timedelta(days=1)
    rejected = sales.event(sales.followup(FollowupType.REJECTED, "inbound-0", reason="spam"))
    async with process(upgraded) as routing, connected(upgraded) as migration:
        converting = migration.transaction()
        await converting.start()
        await migration.execute("LOCK TABLE policy_in_force IN EXCLUSIVE MODE")
        batch = asyncio.create_task(routing.run(rejected))
        await blocked(migration, batch)
        await migration.execute(
            "UPDATE subject SET state = regexp_replace(state::text, "
            """'("credit_changes" : )\\{.*?\\}', '\\1{"rep-a": -6, "rep-b": 6}')::json"""
        )
        await converting.commit()
        await batch
    quarter = LEAD // 4
    assert (await balances(upgraded))["inbound"] == {
        "rep-a": quarter + 6,
        "rep-b": -6,
        "rep-c": -quarter,
    }


def simulated(random: Random, pool: str) -> tuple[dict[str, int], list[dict[str, int]], bool]:
    """Credits as the release before kept them, and the weights that its decisions still say."""
    reps = [f"rep-{n}" for n in range(random.randint(1, 6))]
    periods = [{rep: random.randint(1, 1000) for rep in reps}]
    stays = random.random() < 0.5
    if not stays:
        periods += [{rep: random.randint(1, 9) for rep in reps}]
    standing: dict[str, int] = {}
    for weights in periods:
        for _ in range(random.randint(1, 40)):
            able = {rep: w for rep, w in weights.items() if random.random() < 0.8}
            if not able:
                continue
            taker = max(able, key=lambda rep: standing.get(rep, 0) + able[rep])
            paid = sum(able.values())
            standing = turns.after(standing, {**able, taker: able[taker] - paid})
    forgotten = random.random() < 0.2
    return standing, periods[-1:] if forgotten else periods, stays


def decisions_of(pool: str, periods: list[dict[str, int]]) -> dict[str, list[dict[str, Any]]]:
    """One routed lead under each bundle."""
    rows: dict[str, list[dict[str, Any]]] = {"assignment": [], "decision": []}
    for n, weights in enumerate(periods):
        id_, rep = str(identity.named_id("test", pool, str(n))), next(iter(weights))
        candidates = [{"rep": one, "weight": weight} for one, weight in weights.items()]
        rows["decision"].append(
            {
                "id": id_,
                "lead_id": id_,
                "cause": id_,
                "at": MONDAY.isoformat(),
                "policy": f"bundle-{n}",
                "code": "routed",
                "choice": json.dumps({"pools": [{"pool": pool, "candidates": candidates}]}),
            }
        )
        rows["assignment"].append(
            {
                **dict.fromkeys(("id", "lead_id", "decision_id"), id_),
                **dict.fromkeys(("team", "rule", "role", "sla_policy"), "any"),
                "attempt": 1,
                "rep": rep,
                "pool": pool,
                "assigned_at": MONDAY.isoformat(),
            }
        )
    return rows


def test_converted_credits_sum_to_nothing_are_bounded_and_exact_where_weights_stayed(
    database: str,
) -> None:
    random = Random(7)  # noqa: S311 - any numbers will do
    made = {f"pool-{n}": simulated(random, f"pool-{n}") for n in range(200)}
    settings = migrated(database, "0001")

    async def fill() -> None:
        async with connected(settings) as db:
            for pool, (standing, periods, _) in made.items():
                credits_ = [{"id": pool, "credits": json.dumps(standing)}]
                await insert(db, {"pool": credits_, **decisions_of(pool, periods)})
            await insert(db, {"pool": [{"id": "erased", "credits": '{"rep-1": 5, "rep-2": -5}'}]})

    asyncio.run(fill())
    migrated(database)
    after = asyncio.run(balances(settings))
    assert after.pop("erased") == {}
    assert any(after.values())
    for pool, (standing, periods, stays) in made.items():
        assert sum(after[pool].values()) == 0
        bound = Fraction(3, 2) * (len(periods[-1]) - 1) * LEAD
        for rep, credit in standing.items():
            assert abs(after[pool].get(rep, 0)) <= bound
            if stays:
                exact = Fraction(credit * LEAD, sum(periods[-1].values()))
                assert abs(after[pool].get(rep, 0) - exact) < 1
