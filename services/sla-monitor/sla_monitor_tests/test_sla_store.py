"""The store and the API against a real PostgreSQL, migrated from empty."""

import json
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid5

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from baton import database as databases
from baton import migrations, problems
from baton.cloudevents import Event
from baton.events import FollowupType, LeadEvent, LeadRouted, Profile, Rep, Score, Stage
from baton.policy.bundle import Bundle
from baton.runtime.inputs import EventInput
from baton.settings import DatabaseSettings
from baton.subjects import Subject
from sla_monitor.api import router
from sla_monitor.domain import ClockRow, LeadClocks
from sla_monitor.domain.state import Breach, Clock, Due, Mark, Verdict
from sla_monitor.policy.reads import READS
from sla_monitor.policy.sla import SLA
from sla_monitor.records import ClockRecord
from sla_monitor.store import ClockStore, Reads

SCHEMA = "sla_monitor"
NAMES = UUID("00000000-0000-8000-8000-00000000000f")
LEAD = uuid5(NAMES, "lead")
MONDAY = datetime.fromisoformat("2026-03-02T10:00:00Z")


def clock(name: str, **changes: object) -> Clock:
    begun = Clock(
        id=uuid5(NAMES, name),
        assignment_id=uuid5(NAMES, f"assignment of {name}"),
        target="first_response",
        cycle=1,
        side="sales",
        rep="rep-1",
        team="inside",
        pool="inbound",
        policy="standard",
        bundle="b" * 64,
        calendar="office",
        allowed_seconds=4 * 3600,
        met_by=(FollowupType.CONTACTED,),
        reassign=True,
        started_at=MONDAY,
        warn_at=None,
        due_at=MONDAY + timedelta(hours=4),
    )
    return begun.model_copy(update=changes)


def breached(name: str, minutes: int = 0, **changes: object) -> Clock:
    """A clock that was called broken so many minutes after eight in the evening."""
    at = MONDAY + timedelta(hours=10, minutes=minutes)
    breach = Breach(at=at, used_seconds=36_000, late_seconds=21_600)
    told = {"told": Verdict.BREACHED, "breach": breach, "used_seconds": 36_000}
    return clock(name, **told | changes)


@pytest.fixture(scope="session")
def migrated(make_database: Callable[[], str]) -> str:
    """Nobody writes to it: each test has a copy."""
    made = DatabaseSettings(database_url=SecretStr(make_database()))
    migrations.upgrade(made, SCHEMA, Path(__file__).parents[1] / "migrations")
    return made.database_url.get_secret_value()


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
    async with httpx.AsyncClient(transport=transport, base_url="http://monitor/v1") as client:
        yield client
    await engine.dispose()


def assigned(policy: str) -> EventInput:
    data = LeadRouted(
        lead_id=LEAD,
        occurred_at=MONDAY,
        assignment_id=uuid5(NAMES, "assignment"),
        decision_id=uuid5(NAMES, "decision"),
        enquiry=None,
        attempt=1,
        rep=Rep(id="rep-1", name="Rep"),
        role="sdr",
        team="inside",
        pool="inbound",
        rule="all",
        sla_policy="standard",
        reasons=(),
        score=Score(fit=0, engagement=0, total=0, grade="A"),
        stage=Stage.MQL,
        profile=Profile(brand="acme", source="website"),
    )
    event: Event[LeadEvent] = Event(
        uuid5(NAMES, "routed"), "/test", MONDAY, str(LEAD), data, policyversion=policy
    )
    return EventInput(event)


async def save(db: asyncpg.Connection, *clocks: Clock, lead: UUID = LEAD) -> None:
    async with db.transaction():
        await ClockStore().save(db, [ClockRow(lead, each) for each in clocks], {})


async def ids(api: httpx.AsyncClient, **query: str | int | bool) -> list[UUID]:
    response = await api.get("/breaches", params=query)
    assert response.status_code == 200, response.text
    return [UUID(breach["clock_id"]) for breach in response.json()["breaches"]]


async def test_the_clocks_of_a_lead_are_listed_by_their_start(
    db: asyncpg.Connection, api: httpx.AsyncClient
) -> None:
    mark = Mark(at=MONDAY + timedelta(hours=1), fact=uuid5(NAMES, "fact"))
    second = clock("second", started_at=MONDAY + timedelta(hours=1))
    met = clock("met", told=Verdict.MET, met=mark, answer=mark, used_seconds=3600)
    await save(db, second, met)
    await save(db, clock("of another"), lead=uuid5(NAMES, "another lead"))

    first_view, second_view = (await api.get(f"/leads/{LEAD}/clocks")).json()["clocks"]

    assert second_view["clock_id"] == str(second.id)
    assert (second_view["state"], second_view["fact"]) == ("running", None)
    assert first_view["state"] == "met"
    assert first_view["fact"] == str(mark.fact)
    assert first_view["answered_at"] == "2026-03-02T11:00:00Z"
    assert (first_view["due_at"], first_view["used_seconds"]) == ("2026-03-02T14:00:00Z", 3600)


async def test_a_lead_that_nobody_has_had_has_no_clocks(api: httpx.AsyncClient) -> None:
    response = await api.get(f"/leads/{LEAD}/clocks")
    assert (response.status_code, response.json()) == (200, {"clocks": []})


async def test_a_clock_stands_as_it_was_decided_on_last(
    db: asyncpg.Connection, api: httpx.AsyncClient
) -> None:
    end = Mark(at=MONDAY + timedelta(hours=2), fact=uuid5(NAMES, "release"))
    await save(db, clock("one"), clock("one", warned_at=MONDAY + timedelta(hours=3)))
    (warned,) = (await api.get(f"/leads/{LEAD}/clocks")).json()["clocks"]
    await save(db, breached("one"))
    (broken,) = (await api.get(f"/leads/{LEAD}/clocks")).json()["clocks"]
    await save(db, breached("one", told=Verdict.RELEASED, end=end))
    (taken_back,) = (await api.get(f"/leads/{LEAD}/clocks")).json()["clocks"]

    assert (warned["state"], warned["warned_at"]) == ("warned", "2026-03-02T13:00:00Z")
    assert (broken["state"], broken["late_seconds"]) == ("breached", 21_600)
    assert (taken_back["state"], taken_back["fact"]) == ("retracted", str(end.fact))
    assert taken_back["ended_at"] == "2026-03-02T12:00:00Z"


async def test_a_clock_whose_due_time_has_moved_shows_both_and_by_which_assignment(
    db: asyncpg.Connection, api: httpx.AsyncClient
) -> None:
    renewal = uuid5(NAMES, "renewal")
    moved = Due(
        at=MONDAY + timedelta(hours=2),
        warn_at=MONDAY + timedelta(hours=1, minutes=30),
        assignment_id=renewal,
        since=MONDAY + timedelta(hours=1),
    )
    await save(db, clock("one"))
    (before,) = (await api.get(f"/leads/{LEAD}/clocks")).json()["clocks"]
    await save(db, clock("one", moved=moved))
    (after,) = (await api.get(f"/leads/{LEAD}/clocks")).json()["clocks"]

    assert (before["due_at"], before["due_before"], before["moved_by"]) == (
        "2026-03-02T14:00:00Z",
        None,
        None,
    )
    assert (after["due_at"], after["warn_at"]) == ("2026-03-02T12:00:00Z", "2026-03-02T11:30:00Z")
    assert (after["due_before"], after["moved_at"], after["moved_by"]) == (
        "2026-03-02T14:00:00Z",
        "2026-03-02T11:00:00Z",
        str(renewal),
    )


async def test_a_clock_that_nobody_is_judged_by_says_why(
    db: asyncpg.Connection, api: httpx.AsyncClient
) -> None:
    mark = Mark(at=MONDAY, fact=uuid5(NAMES, "call"))
    end = Mark(at=MONDAY + timedelta(hours=2), fact=uuid5(NAMES, "release"))
    released = {"told": Verdict.RELEASED, "end": end}
    await save(
        db,
        clock("one", **released),
        clock("two", started_at=MONDAY + timedelta(hours=1), void=mark, **released),
        clock("three", started_at=MONDAY + timedelta(hours=2), told=Verdict.COVERED),
        clock("four", started_at=MONDAY + timedelta(hours=3)),
    )
    views = (await api.get(f"/leads/{LEAD}/clocks")).json()["clocks"]

    assert [(view["state"], view["retracted_code"], view["fact"]) for view in views] == [
        ("retracted", "released", str(end.fact)),
        ("retracted", "breach_retracted", str(mark.fact)),
        ("retracted", "covered", None),
        ("running", None, None),
    ]
    assert views[1]["ended_at"] == "2026-03-02T10:00:00Z"


async def test_what_an_older_release_goes_on_writing_meanwhile_is_read(
    db: asyncpg.Connection, api: httpx.AsyncClient
) -> None:
    record = ClockRecord.of(LEAD, clock("one")).model_dump_json(
        exclude={"due_before", "moved_at", "moved_by", "retracted_code"}
    )
    older = "INSERT INTO clock SELECT * FROM json_populate_recordset(NULL::clock, $1::json)"
    await db.execute(older, f"[{record}]")

    (view,) = (await api.get(f"/leads/{LEAD}/clocks")).json()["clocks"]
    assert (view["state"], view["retracted_code"]) == ("running", None)


async def test_an_answer_after_the_release_is_not_shown_as_this_assignments(
    db: asyncpg.Connection, api: httpx.AsyncClient
) -> None:
    end = Mark(at=MONDAY + timedelta(hours=2), fact=uuid5(NAMES, "release"))
    answer = Mark(at=MONDAY + timedelta(hours=3), fact=uuid5(NAMES, "call"))
    await save(db, clock("one", end=end, answer=answer, told=Verdict.RELEASED))

    (view,) = (await api.get(f"/leads/{LEAD}/clocks")).json()["clocks"]

    assert view["answered_at"] is None


async def test_breaches_are_listed_newest_first_by_team_pool_and_time(
    db: asyncpg.Connection, api: httpx.AsyncClient
) -> None:
    early = breached("early")
    late = breached("late", 5, team="night")
    other = breached("other", 3, pool="outbound")
    await save(db, early, late, other, clock("running"))

    assert await ids(api) == [late.id, other.id, early.id]
    assert await ids(api, team="inside") == [other.id, early.id]
    assert await ids(api, pool="inbound") == [late.id, early.id]
    assert await ids(api, since="2026-03-02T20:03:00Z") == [late.id, other.id]
    assert await ids(api, team="inside", pool="inbound", since="2026-03-02T21:00+01:00") == [
        early.id
    ]


async def test_a_breach_that_was_taken_back_is_listed_only_when_asked_for(
    db: asyncpg.Connection, api: httpx.AsyncClient
) -> None:
    answer = Mark(at=MONDAY, fact=uuid5(NAMES, "call"))
    met = breached("met after all", told=Verdict.MET, met=answer)
    standing = breached("standing", 1)
    await save(db, met, standing)

    assert await ids(api) == [standing.id]
    assert await ids(api, retracted=True) == [standing.id, met.id]


async def test_pages_give_each_breach_once_while_new_ones_come(
    db: asyncpg.Connection, api: httpx.AsyncClient
) -> None:
    clocks = [breached(f"{number}", number // 3) for number in range(10)]
    await save(db, *clocks)
    newest_first = [each.id for each in sorted(clocks, key=_told_at, reverse=True)]

    seen: list[UUID] = []
    cursor = None
    while True:
        query = {"limit": "4"} | ({"cursor": cursor} if cursor else {})
        page = (await api.get("/breaches", params=query)).json()
        seen += [UUID(breach["clock_id"]) for breach in page["breaches"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        await save(db, breached(f"new {len(seen)}", 60))

    assert seen == newest_first


def _told_at(each: Clock) -> tuple[datetime, UUID]:
    assert each.breach is not None
    return each.breach.at, each.id


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("cursor", "nonsense"),
        ("cursor", "bm8gdGltZQ=="),
        ("cursor", "\N{SNOWMAN}"),
        ("since", "yesterday"),
        ("since", "2026-03-02T10:00:00"),
        ("since", "0001-01-01T00:00:00+14:00"),
        ("team", "\x00"),
        ("pool", ""),
        ("limit", "0"),
        ("limit", "501"),
        ("retracted", "perhaps"),
    ],
)
async def test_a_query_that_makes_no_sense_is_refused_with_its_field(
    api: httpx.AsyncClient, field: str, value: str
) -> None:
    response = await api.get("/breaches", params={field: value})
    assert (response.status_code, response.json()["field"]) == (422, field)


async def test_a_lead_id_that_is_none_is_refused(api: httpx.AsyncClient) -> None:
    response = await api.get("/leads/1/clocks")
    assert (response.status_code, response.json()["field"]) == (422, "lead_id")


async def test_erasing_removes_these_leads_clocks_and_no_others(
    db: asyncpg.Connection, api: httpx.AsyncClient
) -> None:
    other = uuid5(NAMES, "another lead")
    kept = breached("kept")
    await save(db, breached("gone"), clock("gone too"))
    await save(db, kept, lead=other)

    async with db.transaction():
        await ClockStore().erase(db, [Subject.lead(LEAD)])

    assert (await api.get(f"/leads/{LEAD}/clocks")).json()["clocks"] == []
    assert await ids(api) == [kept.id]


async def test_clocks_and_assignments_get_the_bundle_that_they_name(
    db: asyncpg.Connection, bundle: Bundle
) -> None:
    targets = bundle.files["sla.yaml"]
    old = Bundle.parse({**bundle.files, "sla.yaml": targets.replace("4h", "1h")}, READS)
    older = Bundle.parse({**bundle.files, "sla.yaml": targets.replace("4h", "2h")}, READS)
    publish = "INSERT INTO policy_bundle (hash, files) VALUES ($1, $2)"
    for hash_, files in (
        (old.hash, old.files),
        (older.hash, older.files),
        ("unreadable", {"sla.yaml": "?"}),
    ):
        await db.execute(publish, hash_, json.dumps(dict(files)))
    clocks = (
        clock("one", bundle=old.hash),
        clock("two", bundle="unreadable"),
        clock("three", bundle="unknown"),
    )
    store = ClockStore()

    async with db.transaction():
        states = {Subject.lead(LEAD): LeadClocks(clocks=clocks)}
        bundles = await store.lock(db, [assigned(older.hash)], states, bundle, ())

    assert {name: found.section(SLA) for name, found in bundles.items()} == {
        old.hash: old.section(SLA),
        older.hash: older.section(SLA),
    }
