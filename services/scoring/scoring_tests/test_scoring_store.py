"""The store and the API against a real PostgreSQL, migrated from empty."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from baton import database as databases
from baton import migrations, problems
from baton.events import ActivityType, FollowupType
from baton.policy.bundle import Bundle
from baton.runtime.decisions import Row
from baton.runtime.inputs import EventInput
from baton.settings import DatabaseSettings
from baton.subjects import Subject
from scoring.api import router
from scoring.domain import Lead, ScoreChange, decide
from scoring.store import Reads, ScoringStore
from scoring.tables import HISTORY_KEPT

SCHEMA = "scoring"
MIGRATIONS = Path(__file__).parents[1] / "migrations"
DAY = timedelta(days=1)

Made = Callable[..., EventInput]
Keep = Callable[..., Awaitable[list[ScoreChange]]]


@pytest.fixture(scope="session")
def migrated(make_database: Callable[[], str]) -> str:
    """Nobody writes to it: each test has a copy."""
    url = make_database()
    migrations.upgrade(DatabaseSettings(database_url=SecretStr(url)), SCHEMA, MIGRATIONS)
    return url


@pytest.fixture
def settings(migrated: str, copy_of: Callable[[str], str]) -> DatabaseSettings:
    return DatabaseSettings(database_url=SecretStr(copy_of(migrated)))


@pytest.fixture
async def db(settings: DatabaseSettings) -> AsyncIterator[asyncpg.Connection]:
    url = settings.database_url.get_secret_value()
    made = await asyncpg.connect(url, server_settings={"search_path": SCHEMA})
    yield made
    await made.close()


@pytest.fixture
async def api(settings: DatabaseSettings) -> AsyncIterator[httpx.AsyncClient]:
    engine = databases.engine(settings, SCHEMA)
    app = FastAPI()
    problems.handle(app)
    app.include_router(router(Reads(engine)))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://scoring/v1") as client:
        yield client
    await engine.dispose()


@pytest.fixture
def keep(db: asyncpg.Connection, bundle: Bundle, now: datetime) -> Keep:
    """Decides on events of one lead and keeps what follows, as the runner does."""

    async def run(*given: EventInput) -> list[ScoreChange]:
        state: Lead | None = None
        rows: list[Row] = []
        for each in given:
            decision = decide(state, None, each, bundle, now)
            state = decision.state
            rows += decision.rows
        assert state is not None
        async with db.transaction():
            await ScoringStore().save(db, rows, None)
            await db.execute(
                "INSERT INTO subject (kind, id, shard, version, state, sequences) "
                "VALUES ('lead', $1, 0, 1, $2, '{}')",
                given[0].subject.id,
                state.model_dump_json(),
            )
        return [row for row in rows if isinstance(row, ScoreChange)]

    return run


async def test_a_lead_is_shown_with_its_profile_score_reasons_and_history(
    keep: Keep,
    api: httpx.AsyncClient,
    enquiry: Made,
    activity: Made,
    followup: Made,
    now: datetime,
) -> None:
    asked = enquiry(now - 2 * DAY)
    done = activity(ActivityType.WEBINAR_ATTENDED, now - DAY)
    rejected = followup(FollowupType.REJECTED, now, reason="spam")
    changes = await keep(asked, done, rejected)

    response = await api.get(f"/leads/{asked.subject.id}")

    assert response.status_code == 200
    shown = response.json()
    assert shown["lead_id"] == str(asked.subject.id)
    assert shown["profile"]["company"]["employees"] == 250
    assert shown["score"] == {"fit": 35, "engagement": 14, "total": 49, "grade": "B"}
    assert (shown["stage"], shown["policy"]) == ("disqualified", changes[-1].policy)
    assert shown["qualified_at"] is None
    assert datetime.fromisoformat(shown["scored_at"]) == now
    assert shown["reasons"] == [r.model_dump(mode="json") for r in changes[-1].event.reasons]
    assert [each["id"] for each in shown["enquiries"]] == [str(asked.id)]
    assert shown["enquiries"][0]["profile"]["company"]["employees"] == 250
    assert shown["activities"] == 1
    assert [each["id"] for each in shown["latest_activities"]] == [str(done.id)]
    assert [(each["type"], each["reason"]) for each in shown["followups"]] == [("rejected", "spam")]
    assert [each["number"] for each in shown["history"]] == [3, 2, 1]


async def test_each_entry_of_the_history_is_the_event_that_was_published(
    keep: Keep, api: httpx.AsyncClient, enquiry: Made, activity: Made, now: datetime
) -> None:
    asked = enquiry(test=True)
    changes = await keep(asked, activity(ActivityType.TRIAL_STARTED, now - DAY))

    history = (await api.get(f"/leads/{asked.subject.id}")).json()["history"]

    for entry, change in zip(history, reversed(changes), strict=True):
        event = change.event.model_dump(mode="json")
        assert {**event, **entry} == {**entry, **event}
        assert event.keys() - entry.keys() == {"lead_id", "profile"}
        assert (entry["event_id"], entry["number"]) == (str(change.event_id), change.number)
        assert datetime.fromisoformat(entry["at"]) == now


async def test_a_lead_is_shown_with_the_time_since_when_it_is_qualified(
    keep: Keep, api: httpx.AsyncClient, enquiry: Made, activity: Made, lead_id: UUID, now: datetime
) -> None:
    await keep(enquiry(now - DAY), activity(ActivityType.TRIAL_STARTED, now))
    shown = (await api.get(f"/leads/{lead_id}")).json()
    times = [shown["qualified_at"], *(entry["qualified_at"] for entry in shown["history"])]
    assert [time and datetime.fromisoformat(time) for time in times] == [now, now, None]


async def test_the_history_is_as_long_as_asked_for(
    keep: Keep, api: httpx.AsyncClient, enquiry: Made, lead_id: UUID
) -> None:
    await keep(*[enquiry() for _ in range(3)])

    async def numbers(asked: int) -> list[int]:
        shown = (await api.get(f"/leads/{lead_id}", params={"history": asked})).json()
        assert shown["reasons"]
        return [entry["number"] for entry in shown["history"]]

    assert await numbers(2) == [3, 2]
    assert await numbers(0) == []


async def test_a_lead_is_shown_with_its_own_history_alone(
    keep: Keep, db: asyncpg.Connection, api: httpx.AsyncClient, enquiry: Made, lead_id: UUID
) -> None:
    (change,) = await keep(enquiry())
    of_other = change.event.model_copy(update={"lead_id": UUID(int=99)})
    await ScoringStore().save(db, [replace(change, number=7, event=of_other)], None)
    shown = (await api.get(f"/leads/{lead_id}")).json()
    assert [entry["number"] for entry in shown["history"]] == [1]


async def test_of_a_long_history_the_newest_is_kept(
    keep: Keep, db: asyncpg.Connection, enquiry: Made, now: datetime
) -> None:
    changes = await keep(*[enquiry() for _ in range(HISTORY_KEPT)])
    later = [
        ScoreChange(number, UUID(int=number), now, "a" * 64, changes[0].event)
        for number in (HISTORY_KEPT + 1, HISTORY_KEPT + 2)
    ]
    await ScoringStore().save(db, later, None)
    kept = await db.fetchrow("SELECT min(number), max(number), count(*) FROM score_history")
    assert tuple(kept or ()) == (3, HISTORY_KEPT + 2, HISTORY_KEPT)


async def test_a_lead_that_nobody_was_told_of_is_shown_without_a_score(
    keep: Keep, api: httpx.AsyncClient, activity: Made, lead_id: UUID
) -> None:
    await keep(activity(ActivityType.WEBINAR_ATTENDED))
    shown = (await api.get(f"/leads/{lead_id}")).json()
    assert (shown["profile"], shown["score"], shown["stage"]) == (None, None, None)
    assert (shown["activities"], shown["history"]) == (1, [])


async def test_erasure_removes_the_history_of_that_lead_alone(
    keep: Keep, db: asyncpg.Connection, api: httpx.AsyncClient, enquiry: Made, lead_id: UUID
) -> None:
    (change,) = await keep(enquiry())
    other = UUID(int=99)
    of_other = replace(change, event=change.event.model_copy(update={"lead_id": other}))
    await ScoringStore().save(db, [of_other], None)

    await ScoringStore().erase(db, [Subject.lead(lead_id)])
    # What the runner does with a lead that is erased.
    await db.execute("UPDATE subject SET state = NULL, erased_at = now() WHERE id = $1", lead_id)

    assert await db.fetchval("SELECT array_agg(lead_id) FROM score_history") == [other]
    assert (await api.get(f"/leads/{lead_id}")).status_code == 404


@pytest.mark.parametrize(
    ("path", "status", "field"),
    [
        ("/leads/00000000-0000-8000-8000-000000000001", 404, None),
        ("/leads/somebody", 422, "lead_id"),
        ("/leads/00000000-0000-8000-8000-000000000001?history=-1", 422, "history"),
        (f"/leads/00000000-0000-8000-8000-000000000001?history={HISTORY_KEPT + 1}", 422, "history"),
    ],
)
async def test_what_can_t_be_shown_is_a_problem_that_names_the_field(
    api: httpx.AsyncClient, path: str, status: int, field: str | None
) -> None:
    response = await api.get(path)
    assert response.status_code == status
    assert response.headers["content-type"] == problems.MEDIA_TYPE
    assert response.json().get("field") == field
