"""Enquiries that a rule of the bundle holds back: kept from their topic until somebody decides."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import JsonValue

from baton import topics
from baton.cloudevents import Event
from baton.events import EventData, LeadCaptured
from baton.policy.bundle import Bundle
from ingest.identity.alias_store import AliasStore
from ingest.identity.aliases import Forget
from ingest.policy.reads import READS
from ingest.settings import Settings
from ingest_tests.harness import FILES, NOW, Process, eventually, hook_headers, running

QUARANTINE = "/v1/quarantine"
BY = {"by": "marketing", "why": "a look was enough"}
WITHOUT_RULES = Bundle.parse(
    FILES
    | {
        "definitions.yaml": FILES["definitions.yaml"].replace("contains: casino", "contains: poker")
    },
    READS,
)


@pytest.fixture(autouse=True)
def original_policy(process: Process) -> Iterator[None]:
    before = process.policy.bundle
    yield
    process.policy.bundle = before


def spam(email: str, **more: JsonValue) -> dict[str, JsonValue]:
    message = "Visit our Casino"
    return {"source": "website", "email": email, "request": {"message": message}, **more}


async def enquire(process: Process, body: dict[str, JsonValue]) -> dict[str, Any]:
    answer = await process.http.post("/v1/leads", json=body)
    assert answer.status_code == 202, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def captured(process: Process, event_id: str) -> list[Event[EventData]]:
    found = await process.events(topics.LEAD_CAPTURED)
    return [event for event in found if str(event.id) == event_id]


async def listed(process: Process, **asked: str) -> list[str]:
    """The ids of a list, by all of its pages."""
    found: list[str] = []
    while True:
        answer = await process.http.get(QUARANTINE, params=asked)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += [each["event_id"] for each in page["enquiries"]]
        if page["next_cursor"] is None:
            return found
        asked["cursor"] = page["next_cursor"]


async def decide(process: Process, act: str, event_id: str) -> tuple[int, dict[str, Any]]:
    answer = await process.http.post(f"{QUARANTINE}/{event_id}/{act}", json=BY)
    return answer.status_code, answer.json()


async def test_what_a_rule_holds_back_is_taken_and_told_to_nobody(process: Process) -> None:
    told = await enquire(process, spam("held@example.com", answers={"colour": "red"}))
    assert told["state"] == "quarantined"
    assert await captured(process, told["event_id"]) == []
    assert told["event_id"] in await listed(process, rule="spam", source="website")
    assert told["event_id"] in await listed(process, lead_id=told["lead_id"])
    assert told["event_id"] not in await listed(process, rule="own-staff")
    shown = (await process.http.get(f"{QUARANTINE}/{told['event_id']}")).json()
    assert (shown["rule"], shown["decision"]) == ("spam", None)
    whole, *clauses = shown["reasons"]
    assert (whole["code"], whole["label"], whole["matched"]) == ("quarantine.spam", "Spam", True)
    matched = {each["field"]: each["value"] for each in clauses if each["matched"]}
    assert matched == {"request.message": "Visit our Casino"}
    assert shown["answers"] == {"colour": "red"}
    assert process.metric("baton_deliveries_total", source="website", outcome="quarantined") == 1


async def test_a_release_sends_on_what_would_have_been_published_when_it_came(
    process: Process,
) -> None:
    body = spam("released@example.com", occurred_at="2026-03-02T11:00:00Z")
    told = await enquire(process, body)
    policy = process.policy.bundle
    assert policy is not None
    process.clock.now += timedelta(days=2)
    process.policy.bundle = WITHOUT_RULES
    status, became = await decide(process, "release", told["event_id"])
    assert (status, became["state"]) == (200, "published")
    (event,) = await captured(process, told["event_id"])
    assert isinstance(event.data, LeadCaptured)
    assert (event.time, event.data.received_at) == (NOW, NOW)
    assert event.data.occurred_at == NOW - timedelta(hours=1)
    assert event.policyversion == policy.hash
    assert str(event.data.lead_id) == told["lead_id"]
    assert (await enquire(process, body))["event_id"] == told["event_id"]


async def test_a_release_takes_effect_once(process: Process) -> None:
    told = await enquire(process, spam("once@example.com"))
    assert (await decide(process, "release", told["event_id"]))[0] == 200
    status, problem = await decide(process, "release", told["event_id"])
    assert (status, problem["title"]) == (409, "Released already")
    assert len(await captured(process, told["event_id"])) == 1
    assert told["event_id"] not in await listed(process)
    assert told["event_id"] in await listed(process, state="released")
    assert process.metric("baton_deliveries_total", source="website", outcome="released") == 1


async def test_a_retry_is_the_same_enquiry_held_or_released(process: Process) -> None:
    body = spam("retry@example.com", delivery_id="d-1")
    told = await enquire(process, body)
    assert await enquire(process, body) == told
    assert (await listed(process)).count(told["event_id"]) == 1
    await decide(process, "release", told["event_id"])
    again = await enquire(process, body)
    assert again == told | {"state": "published"}
    assert told["event_id"] not in await listed(process)


async def test_what_was_discarded_is_nobodys_until_it_is_released_after_all(
    process: Process,
) -> None:
    told = await enquire(process, spam("discarded@example.com"))
    assert (await decide(process, "discard", told["event_id"]))[0] == 200
    assert told["event_id"] not in await listed(process)
    assert told["event_id"] in await listed(process, state="discarded")
    assert await captured(process, told["event_id"]) == []
    shown = (await process.http.get(f"{QUARANTINE}/{told['event_id']}")).json()
    assert (shown["decided_by"], shown["why"]) == ("marketing", "a look was enough")
    assert (await decide(process, "release", told["event_id"]))[0] == 200
    assert len(await captured(process, told["event_id"])) == 1
    status, problem = await decide(process, "discard", told["event_id"])
    assert (status, problem["title"]) == (409, "Released already")


async def test_a_batch_is_held_line_by_line(process: Process) -> None:
    lines = [
        {"source": "website", "email": "good@example.com"},
        spam("bad@example.com"),
        {"source": "website", "email": "somebody@ours.example.com"},
        {"source": "website", "email": "fine@example.com"},
    ]
    body = "\n".join(map(json.dumps, lines))
    answer = await process.http.post("/v1/leads/batch", content=body)
    results = [json.loads(line) for line in answer.text.splitlines()]
    assert [each["state"] for each in results] == [
        "published",
        "quarantined",
        "quarantined",
        "published",
    ]
    assert [await captured(process, each["event_id"]) != [] for each in results] == [
        True,
        False,
        False,
        True,
    ]
    assert results[2]["event_id"] in await listed(process, rule="own-staff")


async def test_a_webhooks_enquiry_is_held_too(process: Process) -> None:
    data = {"email": "somebody@ours.example.com"}
    body = json.dumps({"type": "form.submitted", "data": data}).encode()
    answer = await process.http.post(
        "/v1/webhooks/hooks", content=body, headers=hook_headers(body, id_="msg_held")
    )
    (result,) = answer.json()["results"]
    assert result["state"] == "quarantined"
    assert result["event_id"] in await listed(process, source="hooks")


async def test_trials_and_what_leads_do_are_not_held(process: Process) -> None:
    told = await enquire(process, spam("trial@example.com", test=True))
    assert told["state"] == "published"
    activity = {"source": "website", "email": "a@ours.example.com", "type": "page_viewed"}
    answer = await process.http.post("/v1/activities", json=activity)
    assert answer.json()["state"] == "published"


async def test_without_a_database_nothing_is_held_and_nothing_let_through(
    process: Process,
) -> None:
    process.pool.terminate()
    answer = await process.http.post("/v1/leads", json=spam("nowhere@example.com"))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    lines = [spam("nowhere@example.com"), {"source": "website", "email": "kafka@example.com"}]
    batch = await process.http.post("/v1/leads/batch", content="\n".join(map(json.dumps, lines)))
    states = [json.loads(line)["state"] for line in batch.text.splitlines()]
    assert states == ["failed", "published"]
    found = await process.events(topics.LEAD_CAPTURED)
    emails = {
        event.data.profile.contact.email for event in found if isinstance(event.data, LeadCaptured)
    }
    assert "nowhere@example.com" not in emails


async def test_pages_have_each_enquiry_once(process: Process) -> None:
    process.clock.now += timedelta(days=1)
    sent = [(await enquire(process, spam(f"page{n}@example.com")))["event_id"] for n in range(5)]
    found = await listed(process, limit="2")
    assert len(found) == len(set(found))
    assert set(found[:5]) == set(sent)


async def test_what_is_held_goes_when_its_lead_is_erased_and_what_came_later_stays(
    process: Process,
) -> None:
    told = await enquire(process, spam("erased@example.com", delivery_id="d-1"))
    process.clock.now += timedelta(hours=1)
    later = await enquire(process, spam("erased@example.com", delivery_id="d-2"))
    async with process.pool.acquire() as db:
        await AliasStore().save(db, [Forget(UUID(told["lead_id"]), NOW, NOW)], None)  # type: ignore[arg-type]  # a proxy of it
    assert await listed(process, lead_id=told["lead_id"]) == [later["event_id"]]
    assert (await decide(process, "release", told["event_id"]))[0] == 404


async def test_an_enquiry_that_there_is_not_is_told(process: Process) -> None:
    for act in ("release", "discard"):
        status, problem = await decide(process, act, str(uuid4()))
        assert (status, problem["title"]) == (404, "No such enquiry")
    assert (await process.http.get(f"{QUARANTINE}/{uuid4()}")).status_code == 404


async def test_the_quarantine_is_told_only_to_who_has_the_token(process: Process) -> None:
    del process.http.headers["Authorization"]
    for answer in (
        await process.http.get(QUARANTINE),
        await process.http.post(f"{QUARANTINE}/{uuid4()}/release", json=BY),
    ):
        assert answer.status_code == 401


async def test_what_was_decided_on_is_known_for_a_while_and_what_was_not_for_good(
    settings: Settings, bundle: Bundle, process: Process
) -> None:
    process.clock.now = NOW - timedelta(days=31)
    old = await enquire(process, spam("old@example.com"))
    gone = await enquire(process, spam("gone@example.com"))
    await decide(process, "discard", gone["event_id"])
    async with running(settings, bundle) as another:

        async def looked() -> bool:
            return another.metric("baton_quarantine_age_seconds") >= 31 * 86_400

        await eventually(looked)
        assert another.metric("baton_quarantined_leads") >= 1
    assert old["event_id"] in await listed(process)
    assert gone["event_id"] not in await listed(process, state="all")
