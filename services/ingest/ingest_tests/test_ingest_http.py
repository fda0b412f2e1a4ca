"""What our own API takes, from HTTP to the topics."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from pydantic import JsonValue

from baton import topics
from baton.cloudevents import Event
from baton.events import EventData, LeadActivity, LeadCaptured, LeadErased, LeadFollowup
from baton.topics import Topic
from ingest.identity.alias_store import AliasStore
from ingest.identity.aliases import Alias, name_by_external_id, name_by_phone
from ingest_tests.harness import NOW, Process

LEAD: dict[str, JsonValue] = {"source": "website", "email": "lead@example.com"}


async def taken(
    process: Process, path: str, document: Mapping[str, object], **headers: str
) -> dict[str, Any]:
    answer = await process.http.post(path, json=document, headers=headers)
    assert answer.status_code == 202, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def on_topic(process: Process, topic: Topic, *event_ids: str) -> Sequence[Event[EventData]]:
    return [event for event in await process.events(topic) if str(event.id) in event_ids]


async def learn(process: Process, lead_id: UUID, *, external_id: str = "", phone: str = "") -> None:
    """What the alias keeper does with a captured lead."""
    names = (name_by_external_id("main", "crm", external_id), name_by_phone("main", phone))
    rows = [Alias(name, lead_id, NOW) for name in names if name is not None]
    async with process.pool.acquire() as db:
        await AliasStore().save(db, rows, None)  # type: ignore[arg-type]  # a proxy of it


async def test_a_lead_is_on_its_topic_when_the_answer_comes(process: Process) -> None:
    document: dict[str, object] = {
        **LEAD,
        "external_id": "42",
        "contact": {"first_name": "Ada"},
        "company": {"employees": 250, "mood": "good"},
        "campaign": {"utm_source": "news"},
        "consent": {"status": "granted", "at": "2026-03-01T10:00:00+02:00"},
        "request": {"message": "call me"},
        "custom": {"seats": "5"},
        "occurred_at": "2026-03-02T11:00:00Z",
    }
    told = await taken(process, "/v1/leads", document, traceparent=TRACEPARENT)
    assert told["state"] == "published"
    (event,) = await on_topic(process, topics.LEAD_CAPTURED, told["event_id"])
    assert event.subject == told["lead_id"]
    assert event.source == "/baton/ingest"
    assert event.time == NOW
    assert event.traceparent is not None
    assert event.traceparent.split("-")[1] == TRACEPARENT.split("-")[1]
    assert process.policy.bundle is not None
    assert event.policyversion == process.policy.bundle.hash
    assert isinstance(event.data, LeadCaptured)
    assert event.data.occurred_at == NOW - timedelta(hours=1)
    assert event.data.received_at == NOW
    profile = event.data.profile
    assert (profile.brand, profile.source, profile.external_id) == ("main", "website", "42")
    assert (profile.contact.email, profile.contact.first_name) == ("lead@example.com", "Ada")
    assert profile.company.employees == 250
    assert profile.campaign.utm_source == "news"
    assert profile.consent.status.value == "granted"
    assert profile.custom == {"seats": 5}
    assert event.data.answers == {"company.mood": "good"}


TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def test_fields_that_nobody_declared_are_counted(process: Process) -> None:
    await taken(process, "/v1/leads", {**LEAD, "shoe_size": 43, "contact": {"nickname": "A"}})
    assert process.metric("baton_undeclared_fields_total", source="website") == 2


async def test_a_lead_that_is_sent_again_is_the_same_event(process: Process) -> None:
    first = await taken(process, "/v1/leads", {**LEAD, "n": 1})
    process.clock.now += timedelta(minutes=1)
    assert await taken(process, "/v1/leads", {**LEAD, "n": 1}) == first
    assert await taken(process, "/v1/leads", {**LEAD, "n": 2}) != first


async def test_a_key_is_honoured_for_as_long_as_it_is_used(process: Process) -> None:
    key = {"Idempotency-Key": "order 66"}
    first = await taken(process, "/v1/leads", LEAD, **key)
    process.clock.now += timedelta(days=90)
    assert await taken(process, "/v1/leads", LEAD, **key) == first
    other = await taken(process, "/v1/leads", {**LEAD, "n": 1}, **key)
    assert other["event_id"] != first["event_id"]


async def test_an_activity_finds_the_lead_by_the_email_of_its_enquiry(process: Process) -> None:
    enquiry = await taken(process, "/v1/leads", LEAD)
    document = {**LEAD, "type": "page_viewed", "subject": "/pricing", "ip": "::1"}
    told = await taken(process, "/v1/activities", document)
    assert told["lead_id"] == enquiry["lead_id"]
    (event,) = await on_topic(process, topics.LEAD_ACTIVITY, told["event_id"])
    assert isinstance(event.data, LeadActivity)
    assert (event.data.type.value, event.data.subject) == ("page_viewed", "/pricing")
    assert event.data.answers == {"ip": "::1"}


async def test_a_followup_names_its_lead_by_id(process: Process) -> None:
    enquiry = await taken(process, "/v1/leads", LEAD)
    document = {"source": "crm", "lead_id": enquiry["lead_id"], "type": "contacted", "rep": "rep-1"}
    told = await taken(process, "/v1/followups", document)
    assert told["lead_id"] == enquiry["lead_id"]
    (event,) = await on_topic(process, topics.LEAD_FOLLOWUP, told["event_id"])
    assert isinstance(event.data, LeadFollowup)
    assert (event.data.type.value, event.data.rep) == ("contacted", "rep-1")


async def test_a_followup_of_a_known_record_is_that_leads(process: Process) -> None:
    enquiry = await taken(process, "/v1/leads", LEAD)
    await learn(process, UUID(enquiry["lead_id"]), external_id="known")
    told = await taken(
        process, "/v1/followups", {"source": "crm", "external_id": " known ", "type": "contacted"}
    )
    assert told["lead_id"] == enquiry["lead_id"]


async def test_a_followup_by_phone_finds_the_one_lead_that_has_it(process: Process) -> None:
    enquiry = await taken(process, "/v1/leads", LEAD)
    await learn(process, UUID(enquiry["lead_id"]), phone="+49 (30) 111111")
    told = await taken(
        process, "/v1/followups", {"source": "crm", "phone": "+49 30 111111", "type": "attempted"}
    )
    assert told["lead_id"] == enquiry["lead_id"]


@pytest.mark.parametrize(("known", "named"), [("+49 30 444444", "030 444444"), ("030 5", "030-5")])
async def test_a_phone_is_found_by_its_number_and_else_as_it_was_sent(
    known: str, named: str, process: Process
) -> None:
    await learn(process, UUID(int=444), phone=f"{known}777")
    told = {"source": "crm", "phone": f"{named}777", "type": "attempted"}
    answer = await taken(process, "/v1/followups", told)
    assert answer["lead_id"] == str(UUID(int=444))


async def test_a_followup_by_a_phone_that_several_leads_have_is_refused(process: Process) -> None:
    for n in (1, 2):
        await learn(process, UUID(int=n), phone="+49 30 222222")
    answer = await process.http.post(
        "/v1/followups", json={"source": "crm", "phone": "+49 30 222222", "type": "attempted"}
    )
    assert (answer.status_code, answer.json()["field"]) == (422, "phone")


async def test_an_erasure_by_email_reaches_the_person_in_every_brand(process: Process) -> None:
    email = {"email": "forget@example.com"}
    main = await taken(process, "/v1/leads", {"source": "website", **email})
    second = await taken(process, "/v1/leads", {"source": "outlet", **email})
    told = await taken(process, "/v1/privacy/erasures", {**email, "why": "asked for it"})
    assert {each["lead_id"] for each in told["results"]} == {main["lead_id"], second["lead_id"]}
    ids = [each["event_id"] for each in told["results"]]
    for event in await on_topic(process, topics.LEAD_IDENTITY, *ids):
        assert isinstance(event.data, LeadErased)
        assert (event.data.occurred_at, event.data.why) == (NOW, "asked for it")


async def test_an_erasure_by_record_reaches_the_lead_that_is_known_by_it(process: Process) -> None:
    enquiry = await taken(process, "/v1/leads", LEAD)
    await learn(process, UUID(enquiry["lead_id"]), external_id="erase-me")
    told = await taken(
        process,
        "/v1/privacy/erasures",
        {"source": "crm", "external_id": "erase-me", "brand": "main", "why": "asked"},
    )
    assert enquiry["lead_id"] in {each["lead_id"] for each in told["results"]}


async def test_an_erasure_by_lead_id_is_of_that_lead(process: Process) -> None:
    lead_id = str(UUID(int=7))
    told = await taken(process, "/v1/privacy/erasures", {"lead_id": lead_id, "why": "asked"})
    assert [each["lead_id"] for each in told["results"]] == [lead_id]


async def test_a_batch_says_of_each_line_what_became_of_it(process: Process) -> None:
    lines = [
        json.dumps({**LEAD, "batch": 1}).encode(),
        b"",
        b"{broken",
        json.dumps({"source": "website", "email": "nobody"}).encode(),
        b'{"source": "website", "email": "' + b"a" * 30_000 + b'@example.com"}',
        b'["no lead"]',
        json.dumps({**LEAD, "batch": 2}).encode() + b"\r",
    ]
    answer = await process.http.post("/v1/leads/batch", content=b"\n".join(lines))
    assert answer.status_code == 202
    assert answer.headers["content-type"] == "application/x-ndjson"
    results = [json.loads(line) for line in answer.text.splitlines()]
    assert [(each["line"], each["state"]) for each in results] == [
        (1, "published"),
        (3, "refused"),
        (4, "refused"),
        (5, "refused"),
        (6, "refused"),
        (7, "published"),
    ]
    problems = [each["problem"] for each in results if each["state"] == "refused"]
    assert [(p["status"], p.get("field")) for p in problems] == [
        (400, None),
        (422, "email"),
        (413, None),
        (422, "body"),
    ]
    ids = [each["event_id"] for each in results if each["state"] == "published"]
    assert len(await on_topic(process, topics.LEAD_CAPTURED, *ids)) == 2


async def test_a_batch_that_is_sent_again_is_the_same_events(process: Process) -> None:
    batch = b"".join(json.dumps({**LEAD, "again": n}).encode() + b"\n" for n in range(20))
    first = await process.http.post("/v1/leads/batch", content=batch)
    again = await process.http.post("/v1/leads/batch", content=batch)
    assert len(first.text.splitlines()) == 20
    assert first.text == again.text
    from_windows = await process.http.post("/v1/leads/batch", content=batch.replace(b"\n", b"\r\n"))
    assert first.text == from_windows.text


async def test_an_empty_batch_has_no_results(process: Process) -> None:
    answer = await process.http.post("/v1/leads/batch", content=b"\n\n")
    assert (answer.status_code, answer.text) == (202, "")


async def test_a_batch_needs_a_policy(process: Process) -> None:
    process.policy.bundle = None
    answer = await process.http.post("/v1/leads/batch", content=b"{}\n")
    assert answer.status_code == 503
    assert "Retry-After" in answer.headers


@pytest.mark.parametrize(
    ("address", "status"), [("/v1/quarantine?rule=a%00b", 422), ("/v1/quarantine/a%00b", 404)]
)
async def test_an_address_with_a_nul_character_is_refused(
    address: str, status: int, process: Process
) -> None:
    assert (await process.http.get(address)).status_code == status
