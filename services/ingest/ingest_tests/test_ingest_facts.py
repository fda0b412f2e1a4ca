"""What is a fact of its own and what is a repetition, by each way in."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from pydantic import JsonValue

from baton import topics
from baton.events import LeadFollowup
from baton.policy.bundle import Bundle
from ingest.identity.alias_store import AliasStore
from ingest.identity.aliases import Alias, name_by_external_id
from ingest.policy.reads import READS
from ingest.settings import Settings
from ingest_tests.harness import NOW, Process, eventually, hook_headers, running, shop_headers

WHO: dict[str, JsonValue] = {"source": "website", "email": "facts@example.com"}
ENQUIRY = "/v1/leads"
ACTIVITY = "/v1/activities"
FOLLOWUP = "/v1/followups"
FACTS = [(ACTIVITY, "content_downloaded"), (FOLLOWUP, "contacted")]


@pytest.fixture
async def spooling(settings_of_its_own: Settings, bundle: Bundle) -> AsyncIterator[Process]:
    """A process that never reaches Kafka."""
    async with running(settings_of_its_own, bundle, without="producer") as made:
        yield made


async def sent(process: Process, path: str, headers: dict[str, str], **said: object) -> str:
    """The event's id."""
    answer = await process.http.post(path, json=WHO | said, headers=headers)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["event_id"])


async def results(
    process: Process, path: str, body: bytes, headers: dict[str, str]
) -> list[dict[str, Any]]:
    """What became of each thing that a webhook tells."""
    answer = await process.http.post(path, content=body, headers=headers)
    assert answer.status_code == 202, answer.text
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


@pytest.mark.parametrize(
    ("said", "headers"),
    [
        ({"delivery_id": "submission-1"}, {}),
        ({"delivery_id": "submission-1", "occurred_at": "2026-03-02T11:00:00Z"}, {}),
        ({"occurred_at": "2026-03-02T11:00:00Z"}, {}),
        ({}, {"Idempotency-Key": "submission-1"}),
        ({}, {}),
    ],
)
async def test_an_enquiry_an_activity_and_a_followup_of_one_submission_are_three_facts(
    said: dict[str, object], headers: dict[str, str], process: Process
) -> None:
    async def send_all() -> list[str]:
        return [
            await sent(process, ENQUIRY, headers, **said),
            *[await sent(process, path, headers, type=type_, **said) for path, type_ in FACTS],
        ]

    first = await send_all()
    assert len(set(first)) == 3
    process.clock.now += timedelta(seconds=59)
    assert await send_all() == first


@pytest.mark.parametrize(("path", "type_"), FACTS)
async def test_the_same_words_three_minutes_later_are_a_fact_unless_an_id_says_otherwise(
    path: str, type_: str, process: Process
) -> None:
    tellings: list[tuple[dict[str, object], dict[str, str]]] = [
        ({}, {}),
        ({"delivery_id": "d1"}, {}),
        ({"occurred_at": "2026-03-02T11:00:00Z"}, {}),
        ({}, {"Idempotency-Key": "k"}),
    ]
    repeated = []
    for said, headers in tellings:
        process.clock.now = NOW
        first = await sent(process, path, headers, type=type_, **said)
        process.clock.now = NOW + timedelta(minutes=3)
        repeated.append(await sent(process, path, headers, type=type_, **said) == first)
    assert repeated == [False, True, True, True]


async def test_a_webhooks_call_without_id_and_time_is_a_fact_each_time_and_its_form_is_not(
    process: Process, bundle: Bundle
) -> None:
    process.policy.bundle = with_telephone(bundle)
    told: dict[str, list[str]] = {"call": [], "form": []}
    for later in (timedelta(0), timedelta(seconds=59), timedelta(minutes=3)):
        process.clock.now = NOW + later
        for event, ids in told.items():
            body = json.dumps({"event": event, "mail": "facts@example.com"}).encode()
            (result,) = await results(process, "/v1/webhooks/telephone?key=legacy+secret", body, {})
            ids.append(result["event_id"])
    process.policy.bundle = bundle
    first, repeated, another = told["call"]
    assert first == repeated != another
    assert len(set(told["form"])) == 1
    assert first not in told["form"]


def with_telephone(bundle: Bundle) -> Bundle:
    """The bundle with a system that sends neither ids nor times."""
    source = """\
  telephone:
    label: Telephone
    kind: generic
    brand: main
    secret_env: [LEGACY_SECRET]
    signs: {by: token, parameter: key}
    type_at: event
    events:
      call: {becomes: followup, type: contacted, who: {email: mail}}
      form: {becomes: lead, fields: {contact.email: mail}}
"""
    return Bundle.parse(
        {**bundle.files, "sources.yaml": bundle.files["sources.yaml"] + source}, READS
    )


async def test_what_a_list_tells_of_one_id_is_a_fact_for_each_kind(process: Process) -> None:
    who = {"email": "facts@example.com"}
    events = [{"kind": kind, "id": "s1", "who": who} for kind in ("enquiry", "visit")]
    body = json.dumps({"events": events}).encode()
    path = "/v1/webhooks/shop"
    first = await results(process, path, body, shop_headers(body))
    assert len({each["event_id"] for each in first}) == 2
    assert await results(process, path, body, shop_headers(body)) == first


async def test_an_activity_and_a_call_under_one_webhook_id_are_two_facts(process: Process) -> None:
    ids = []
    for _ in range(2):
        for type_ in ("page.viewed", "call.completed"):
            data = {"email": "facts@example.com"}
            body = json.dumps({"type": type_, "data": data}).encode()
            headers = hook_headers(body, id_="msg_facts")
            (result,) = await results(process, "/v1/webhooks/hooks", body, headers)
            ids.append(result["event_id"])
    assert ids[:2] == ids[2:]
    assert len(set(ids)) == 2


async def test_two_followups_under_one_id_wait_each_and_both_take_effect(process: Process) -> None:
    said: dict[str, object] = {"source": "crm", "external_id": "facts-1", "delivery_id": "00Q-1"}

    async def send() -> list[dict[str, Any]]:
        types = ("contacted", "meeting_booked")
        answers = [await process.http.post(FOLLOWUP, json={**said, "type": each}) for each in types]
        return [answer.json() for answer in answers]

    first = await send()
    assert [each["state"] for each in first] == ["waiting", "waiting"]
    assert await send() == first
    enquiry = await process.http.post(ENQUIRY, json=WHO)
    name = name_by_external_id("main", "crm", "facts-1")
    assert name is not None
    async with process.pool.acquire() as db, db.transaction():
        lead_id = enquiry.json()["lead_id"]
        await AliasStore().save(db, [Alias(name, lead_id, NOW)], None)  # type: ignore[arg-type]  # a proxy of it
    ids = {each["event_id"] for each in first}

    async def arrived() -> bool:
        found = [
            event.data.type.value
            for event in await process.events(topics.LEAD_FOLLOWUP)
            if str(event.id) in ids and isinstance(event.data, LeadFollowup)
        ]
        return set(found) == {"contacted", "meeting_booked"}

    await eventually(arrived)
    again = await send()
    assert {each["event_id"] for each in again} == ids
    assert {each["state"] for each in again} == {"published"}


async def test_the_spool_has_two_activities_under_one_id_and_each_of_them_once(
    spooling: Process,
) -> None:
    for _ in range(2):
        for type_ in ("webinar_registered", "webinar_attended"):
            await sent(spooling, ACTIVITY, {}, type=type_, delivery_id="registration-1")
    assert await spooling.pool.fetchval("SELECT count(*) FROM spool") == 2
