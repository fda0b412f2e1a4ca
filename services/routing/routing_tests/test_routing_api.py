"""Routing's API on a real PostgreSQL; commands are decided on by the runner's own transactions."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI

from baton import database as databases
from baton import problems
from baton.events import FollowupType
from baton.runtime.commands import Commands
from routing.api import router
from routing.settings import Settings
from routing.store import Reads
from routing_tests.sales import BUNDLE, Sales, lead
from routing_tests.shard import SCHEMA, Process, process

X = lead("x")
NONE_SUCH = str(lead("none such"))


@dataclass(slots=True)
class Api:
    """A process with its API."""

    routing: Process
    http: httpx.AsyncClient

    async def do(self, kind: str, **body: str) -> httpx.Response:
        """Ask for something, and have the shard decide on it."""
        asked = asyncio.create_task(self.http.post(f"/leads/{X}/{kind}", json=body))
        while not await self.routing.pool.fetchval("SELECT count(*) FROM command"):
            assert not asked.done(), asked.result().text
        await self.routing.obey()
        return await asked

    async def history(self) -> dict[str, Any]:
        """The lead's assignments."""
        response = await self.http.get(f"/leads/{X}/assignments")
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    async def mine(self) -> dict[str, str]:
        """The current assignment, as its rep names it."""
        current = (await self.history())["current"]
        return {"rep": current["rep"], "assignment_id": current["id"]}


@pytest.fixture
async def api(settings: Settings) -> AsyncIterator[Api]:
    patient = timedelta(seconds=60)
    async with process(settings) as routing, client(routing, patient) as http:
        yield Api(routing, http)


@asynccontextmanager
async def client(routing: Process, command_wait: timedelta) -> AsyncIterator[httpx.AsyncClient]:
    """An API of the process, whose requests wait so long for their commands."""
    times = routing.settings.times.model_copy(
        update={"command_wait": command_wait, "look": timedelta(seconds=0.05)}
    )
    settings = routing.settings.model_copy(update={"times": times})
    engine = databases.engine(settings, SCHEMA)
    app = FastAPI()
    problems.handle(app)
    commands = Commands(SCHEMA, settings, routing.pool, asyncio.Event())
    app.include_router(router(Reads(engine), commands))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://routing/v1") as http:
        yield http
    await engine.dispose()


async def routed(api: Api) -> Sales:
    sales = Sales()
    first = sales.event(sales.scored())
    sales.batch(first)
    sales.later(seconds=1)
    await api.routing.run(first)
    return sales


async def test_a_lead_s_assignments_are_told_with_the_decisions_and_what_they_depended_on(
    api: Api,
) -> None:
    sales = await routed(api)
    await api.routing.run(sales.event(sales.breach()))
    told = await api.history()
    first, second = told["assignments"]
    assert (first["rep"], first["ended_code"], second["rep"]) == ("rep-a", "breached", "rep-b")
    assert told["current"] == second
    decision = told["decisions"][1]
    assert (decision["code"], decision["policy"]) == ("routed", BUNDLE.hash)
    assert (decision["released"], decision["assignment_id"]) == (first["id"], second["id"])
    assert decision["question"]["tried"] == ["rep-a"]
    candidates = decision["choice"]["pools"][0]["candidates"]
    assert [(one["rep"], one["verdict"]) for one in candidates] == [
        ("rep-b", "chosen"),
        ("rep-c", "later_in_turn"),
        ("rep-a", "had_it_before"),
    ]


async def test_a_lead_of_which_nothing_is_known_is_not_found(api: Api) -> None:
    response = await api.http.get(f"/leads/{NONE_SUCH}/assignments")
    assert (response.status_code, response.json()["title"]) == (404, "Unknown lead")


async def test_the_reps_are_told_with_what_they_have_and_can_take(api: Api) -> None:
    await routed(api)
    reps = {rep["id"]: rep for rep in (await api.http.get("/reps")).json()["reps"]}
    assert list(reps) == [rep.id for rep in BUNDLE.teams.reps]
    assert (reps["rep-a"]["open_leads"], reps["rep-a"]["team"]) == (1, "inside")
    assert reps["rep-a"]["last_assigned_at"] is not None
    assert reps["rep-a"]["pools"] == [{"pool": "inbound", "weight": 2, "capacity": 3}]
    assert [one["capacity"] for one in reps["rep-b"]["pools"]] == [2, 3]
    assert (reps["rep-c"]["open_leads"], reps["rep-c"]["last_assigned_at"]) == (0, None)
    assert reps["rep-off"]["available"] is False


async def test_who_has_left_is_told_as_long_as_there_are_open_leads(api: Api) -> None:
    await api.routing.pool.execute(
        "INSERT INTO rep (id, open_leads) VALUES ('gone', 2), ('old', 0)"
    )
    last = (await api.http.get("/reps")).json()["reps"][-1]
    assert (last["id"], last["name"], last["open_leads"]) == ("gone", None, 2)


async def test_without_a_policy_the_reps_are_not_known_yet(api: Api) -> None:
    await api.routing.pool.execute("UPDATE policy_in_force SET activations = '[]'")
    response = await api.http.get("/reps")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")


async def test_accepting_shows_in_the_assignment_and_is_told_to_the_others(api: Api) -> None:
    await routed(api)
    response = await api.do("accept", **await api.mine())
    assert response.status_code == 200, response.text
    assert response.json()["assignment"]["accepted_at"] is not None
    assert (await api.history())["current"]["accepted_at"] is not None
    assert [topic for topic, _ in api.routing.told] == ["lead-routed", "lead-followup"]


async def test_what_routing_itself_told_does_not_take_effect_again(api: Api) -> None:
    await routed(api)
    await api.do("accept", **await api.mine())
    noted = await api.routing.pool.fetchval(
        "SELECT count(*) FROM inbox_0 JOIN outbox ON outbox.event_id = inbox_0.id"
    )
    assert noted == 1


async def test_declining_answers_who_has_the_lead_now(api: Api) -> None:
    await routed(api)
    response = await api.do("decline", **await api.mine(), reason="not-mine")
    assert response.status_code == 200, response.text
    assert response.json()["assignment"]["rep"] == "rep-b"
    assert (await api.mine())["rep"] == "rep-b"


async def test_an_unknown_reason_is_a_problem_that_names_the_field(api: Api) -> None:
    await routed(api)
    response = await api.do("decline", **await api.mine(), reason="tired")
    assert (response.status_code, response.json()["field"]) == (422, "reason")
    assert response.headers["content-type"] == problems.MEDIA_TYPE


async def test_a_stale_assignment_is_a_problem_that_names_the_current_one(api: Api) -> None:
    sales = await routed(api)
    stale = await api.mine()
    declined = sales.followup(FollowupType.DECLINED, assignment_id=UUID(stale["assignment_id"]))
    await api.routing.run(sales.event(declined))
    current = await api.mine()
    response = await api.do("accept", **stale)
    assert (response.status_code, response.json()["field"]) == (409, "rep")
    assert current["assignment_id"] in response.json()["detail"]


async def test_a_lead_that_is_not_known_can_not_be_accepted(api: Api) -> None:
    response = await api.do("accept", rep="rep-a", assignment_id=NONE_SUCH)
    assert response.status_code == 404


@pytest.mark.parametrize(
    ("kind", "body", "field"),
    [
        ("accept", {"rep": "rep-a"}, "assignment_id"),
        ("accept", {"rep": "rep-a", "assignment_id": "7"}, "assignment_id"),
        ("decline", {"rep": "rep-a", "assignment_id": NONE_SUCH}, "reason"),
        ("decline", {"rep": 7, "assignment_id": NONE_SUCH, "reason": "not-mine"}, "rep"),
    ],
)
async def test_a_body_that_does_not_fit_is_a_problem_that_names_the_field(
    api: Api, kind: str, body: dict[str, object], field: str
) -> None:
    response = await api.http.post(f"/leads/{X}/{kind}", json=body)
    assert (response.status_code, response.json()["field"]) == (422, field)
    assert await api.routing.pool.fetchval("SELECT count(*) FROM command") == 0


async def test_a_command_that_is_not_done_in_time_is_kept_and_done_later(api: Api) -> None:
    await routed(api)
    mine = await api.mine()
    async with client(api.routing, timedelta(milliseconds=1)) as impatient:
        response = await impatient.post(f"/leads/{X}/accept", json=mine)
    assert (response.status_code, response.json()["lead_id"]) == (202, str(X))
    await api.routing.obey()
    assert (await api.history())["current"]["accepted_at"] is not None


def compact(body: object) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()


def problem(status: int, title: str, detail: str, field: str | None = None) -> tuple[int, bytes]:
    """The status and the bytes of an answer that is a problem."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return status, compact(body if field is None else body | {"field": field})


async def answered(api: Api, kind: str, **body: str) -> tuple[int, bytes]:
    response = await api.do(kind, **body)
    is_problem = response.status_code != 200
    expected = problems.MEDIA_TYPE if is_problem else "application/json"
    assert response.headers["content-type"] == expected
    return response.status_code, response.content


async def test_an_acceptance_is_answered_with_who_has_the_lead_to_the_byte(api: Api) -> None:
    await routed(api)
    mine = await api.mine()
    status, content = await answered(api, "accept", **mine)
    current = (await api.history())["current"]
    holder = {
        "assignment_id": mine["assignment_id"],
        "rep": "rep-a",
        "attempt": 1,
        "accepted_at": current["accepted_at"],
    }
    whole = {"lead_id": str(X), "assignment": holder, "unrouted": None}
    assert (status, content) == (200, compact(whole))


async def test_a_decline_is_answered_with_why_nobody_has_the_lead_to_the_byte(api: Api) -> None:
    await routed(api)
    await api.do("decline", **await api.mine(), reason="no-time")
    status, content = await answered(api, "decline", **await api.mine(), reason="no-time")
    unrouted = {"code": "max_attempts", "retry_at": None}
    whole = {"lead_id": str(X), "assignment": None, "unrouted": unrouted}
    assert (status, content) == (200, compact(whole))


async def test_a_decline_that_is_tried_again_is_answered_with_the_time_to_the_byte(
    api: Api,
) -> None:
    await routed(api)
    await api.routing.pool.execute("UPDATE rep SET open_leads = 9 WHERE id <> 'rep-a'")
    await api.routing.pool.execute(
        "INSERT INTO rep (id, open_leads) VALUES ('rep-b', 9), ('rep-c', 9) ON CONFLICT DO NOTHING"
    )
    status, content = await answered(api, "decline", **await api.mine(), reason="no-time")
    fires_at = await api.routing.pool.fetchval("SELECT due_at FROM timer")
    retry_at = fires_at.isoformat().replace("+00:00", "Z")
    unrouted = {"code": "no_capacity", "retry_at": retry_at}
    whole = {"lead_id": str(X), "assignment": None, "unrouted": unrouted}
    assert (status, content) == (200, compact(whole))


@pytest.mark.parametrize("kind", ["accept", "decline"])
async def test_each_refusal_is_answered_to_the_byte(api: Api, kind: str) -> None:
    reason = {"reason": "no-time"} if kind == "decline" else {}
    assert await answered(api, kind, rep="rep-a", assignment_id=NONE_SUCH, **reason) == problem(
        404, "Unknown lead", f"lead {X} is not known"
    )
    await routed(api)
    mine = await api.mine()
    stale, current = "Not the current assignment", mine["assignment_id"]
    for field, other in (("rep", "rep-b"), ("assignment_id", NONE_SUCH)):
        assert await answered(api, kind, **{**mine, **reason, field: other}) == problem(
            409, stale, f"rep-a has the lead now, by assignment {current}", field
        )
    sales = Sales(seed="crm")
    await api.routing.run(
        sales.event(sales.followup(FollowupType.REJECTED, assignment_id=UUID(current)))
    )
    # The lead is of an older release, which kept no reason with it.
    for state, why in ((None, ""), ("rejected", " (rejected)")):
        unrouted = None if state is None else {"code": state, "retry_at": None}
        await api.routing.pool.execute(
            "UPDATE subject SET state = jsonb_set(state::jsonb, '{unrouted}', $1::jsonb)::json",
            json.dumps(unrouted),
        )
        assert await answered(api, kind, **mine, **reason) == problem(
            409, stale, f"nobody has the lead now{why}", "assignment_id"
        )


async def test_an_unknown_reason_is_answered_to_the_byte(api: Api) -> None:
    await routed(api)
    assert await answered(api, "decline", **await api.mine(), reason="tired") == problem(
        422,
        "Unknown reason",
        "no reason to decline a lead is 'tired'; there are not-mine, no-time",
        "reason",
    )


async def test_a_command_that_becomes_a_dead_letter_is_answered_to_the_byte(api: Api) -> None:
    await routed(api)
    mine = await api.mine()
    await api.routing.pool.execute(
        "UPDATE subject SET state = jsonb_set(jsonb_set(state::jsonb, '{scored}', 'null'), "
        """'{unrouted}', '{"code": "test", "retry_at": null}')::json"""
    )
    assert await answered(api, "decline", **mine, reason="no-time") == problem(
        500, "It became a dead letter", ""
    )
