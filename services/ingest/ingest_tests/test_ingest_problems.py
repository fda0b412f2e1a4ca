"""Each kind of bad input by HTTP: its status, the field that its problem names, nothing kept."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from pydantic import JsonValue

from baton.policy.bundle import Bundle
from baton.problems import MEDIA_TYPE
from ingest.composition import WRITES
from ingest.policy.reads import READS
from ingest_tests.harness import FILES, Process, hook_headers

LEAD: dict[str, JsonValue] = {"source": "website", "email": "lead@example.com"}


async def kept(process: Process) -> dict[str, int]:
    """How much there is of what a request can leave behind."""
    tables = {
        table: await process.pool.fetchval(f"SELECT count(*) FROM {table}")  # noqa: S608 - ours
        for table in ("spool", "delivery_failed")
    }
    return tables | {topic.name: len(await process.events(topic)) for topic in WRITES}


def nested(levels: int) -> bytes:
    return b'{"source": "website", "email": "a@example.com", "deep": ' + (
        b"[" * levels + b"]" * levels + b"}"
    )


def lead(**said: JsonValue) -> bytes:
    return json.dumps({**LEAD, **said}).encode()


BAD: dict[str, tuple[bytes, int, str | None]] = {
    "broken JSON": (b'{"source": ', 400, None),
    "nothing": (b"", 400, None),
    "not UTF-8": (b'{"source": "\xff"}', 400, None),
    "no object": (b"[]", 422, "body"),
    "no source": (b'{"email": "a@example.com"}', 422, "source"),
    "an undeclared source": (lead(source="nowhere"), 422, "source"),
    "an undeclared brand": (lead(brand="nowhere"), 422, "brand"),
    "no identity": (b'{"source": "website"}', 422, "email"),
    "an email that is none": (lead(email="nobody"), 422, "email"),
    "a phone that is none": (lead(email=None, phone="12"), 422, "phone"),
    "a number for an email": (lead(email=5), 422, "email"),
    "text for a number": (lead(company={"employees": "many"}), 422, "company.employees"),
    "a number that is too large": (lead(company={"employees": 2**60}), 422, "company.employees"),
    "text for an object": (lead(contact="Ada"), 422, "contact"),
    "an unknown consent": (lead(consent={"status": "maybe"}), 422, "consent.status"),
    "a time without offset": (lead(occurred_at="2026-03-02T12:00:00"), 422, "occurred_at"),
    "a time far ahead": (lead(occurred_at="2026-03-03T12:00:00Z"), 422, "occurred_at"),
    "a time before 1970": (lead(occurred_at="1815-12-10T00:00:00Z"), 422, "occurred_at"),
    "a custom field of the wrong type": (lead(custom={"seats": "many"}), 422, "custom.seats"),
    "a text that is too long": (lead(first_name="A" * 1_001), 422, "first_name"),
    "NUL in a declared field": (lead(first_name="A\x00"), 422, "first_name"),
    "NUL in an undeclared field": (lead(more={"note": "A\x00"}), 422, "more.note"),
    "NUL in a name": (lead(**{"a\x00": 1}), 422, r"a\0"),
    "half a surrogate pair": (b'{"source": "website", "email": "\\ud800"}', 422, "email"),
    "a key that stands twice": (b'{"email": "a@example.com", "email": "b"}', 422, "email"),
    "an integer beyond 64 bits": (lead(n=2**63), 422, "n"),
    "an endless integer": (b'{"n": ' + b"9" * 15_000 + b"}", 422, "n"),
    "a number that is none": (b'{"n": NaN}', 422, "n"),
    "nesting beyond all measure": (nested(9_000), 422, "body"),
    "nesting beyond ours": (nested(32), 422, "deep" + ".0" * 31),
    "two emails": (lead(contact={"email": "other@example.com"}), 422, "body"),
    "a body over the limit": (lead(note="x" * 20_000), 413, None),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_lead_is_refused_by_its_field(name: str, process: Process) -> None:
    body, status, field = BAD[name]
    answer = await process.http.post("/v1/leads", content=body)
    problem = answer.json()
    assert (answer.status_code, problem.get("field")) == (status, field), problem
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert problem["status"] == status
    assert problem["title"]
    assert process.metric("baton_refused_requests_total", status=str(status)) == 1


async def test_nothing_is_kept_of_what_was_refused(process: Process) -> None:
    before = await kept(process)
    for body, status, _ in BAD.values():
        answer = await process.http.post("/v1/leads", content=body)
        assert answer.status_code == status
    assert await kept(process) == before


async def test_broken_json_is_refused_with_its_place(process: Process) -> None:
    answer = await process.http.post("/v1/leads", content=b'{\n"source": nowhere}')
    assert "line 2 column 11" in answer.json()["detail"]


async def test_a_body_over_the_limit_is_refused_while_it_streams(process: Process) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 10_000
            yield b"x" * 10_000

    answer = await process.http.post("/v1/leads", content=endless())
    assert answer.status_code == 413
    assert sent <= process.settings.body_limit + 20_000


async def test_a_body_that_announces_too_much_is_refused_unread(process: Process) -> None:
    async def unread() -> AsyncIterator[bytes]:
        pytest.fail("the body was read")
        yield b""  # type: ignore[unreachable]  # it makes this a generator

    headers = {"Content-Length": "20001"}
    answer = await process.http.post("/v1/leads", content=unread(), headers=headers)
    assert answer.status_code == 413


@pytest.mark.parametrize("path", ["/v1/leads", "/v1/leads/batch", "/v1/webhooks/hooks"])
async def test_an_encoded_body_is_refused(path: str, process: Process) -> None:
    headers = {"Content-Encoding": "gzip"}
    answer = await process.http.post(path, content=b"\x1f\x8b", headers=headers)
    assert (answer.status_code, answer.json()["field"]) == (415, "Content-Encoding")


@pytest.mark.parametrize("key", [b"", b"x" * 256, "schlüssel".encode(), b"a\tb"])
async def test_a_key_that_is_none_is_refused(key: bytes, process: Process) -> None:
    answer = await process.http.post(
        "/v1/leads", content=lead(), headers=[(b"Idempotency-Key", key)]
    )
    assert (answer.status_code, answer.json()["field"]) == (422, "Idempotency-Key")


@pytest.mark.parametrize(
    ("path", "document", "field"),
    [
        ("/v1/activities", {**LEAD}, "type"),
        ("/v1/activities", {**LEAD, "type": "danced"}, "type"),
        ("/v1/activities", {"source": "website", "type": "page_viewed"}, "email"),
        ("/v1/activities", {**LEAD, "type": "page_viewed", "bot": "perhaps"}, "bot"),
        ("/v1/followups", {**LEAD, "type": "contacted", "lead_id": "42"}, "lead_id"),
        ("/v1/followups", {**LEAD, "type": "won", "amount": "much"}, "amount"),
        ("/v1/followups", {**LEAD, "type": "won", "currency": "euro"}, "currency"),
        ("/v1/followups", {**LEAD, "type": "declined", "reason": "dull"}, "reason"),
        ("/v1/privacy/erasures", {"email": "a@example.com"}, "why"),
        ("/v1/privacy/erasures", {"why": "asked"}, "email"),
        ("/v1/privacy/erasures", {"why": "asked", "email": "nobody"}, "email"),
        ("/v1/privacy/erasures", {"why": "asked", "external_id": "42"}, "source"),
        ("/v1/privacy/erasures", {"why": "asked", "mail": "a@example.com"}, "mail"),
    ],
)
async def test_the_other_ways_in_refuse_by_field_too(
    path: str, document: JsonValue, field: str, process: Process
) -> None:
    answer = await process.http.post(path, json=document)
    assert (answer.status_code, answer.json()["field"]) == (422, field), answer.text


@pytest.mark.parametrize(
    "path",
    ["/v1/leads", "/v1/leads/batch", "/v1/activities", "/v1/followups", "/v1/privacy/erasures"],
)
async def test_the_api_demands_its_token(path: str, process: Process) -> None:
    for token in (b"another", b"schl\xfcssel", b""):
        headers = [(b"Authorization", b"Bearer " + token)]
        answer = await process.http.post(path, content=lead(), headers=headers)
        assert answer.status_code == 401


async def test_a_source_that_sends_too_much_is_told_when_to_come_again(process: Process) -> None:
    limited = FILES["sources.yaml"].replace(
        "kind: api, brand: main,", "kind: api, brand: main, rate_limit: {per_second: 1},", 1
    )
    process.policy.bundle = Bundle.parse({**FILES, "sources.yaml": limited}, READS)
    flood = [process.http.post("/v1/leads", content=lead(n=n)) for n in range(60)]
    answers = await asyncio.gather(*flood)
    refused = [answer for answer in answers if answer.status_code == 429]
    assert {answer.status_code for answer in answers} == {202, 429}
    assert {answer.headers["Retry-After"] for answer in refused} == {"1"}
    assert "'website'" in refused[0].json()["detail"]
    other = await process.http.post("/v1/leads", content=lead(source="crm"))
    assert other.status_code == 202


async def test_what_is_refused_for_now_has_the_status_after_which_its_vendor_sends_again(
    process: Process,
) -> None:
    sources = FILES["sources.yaml"].replace(
        "sources:\n",
        "sources:\n"
        "  news: {label: News, kind: brevo, brand: main, secret_env: [NEWS_SECRET]}\n"
        "  ads: {label: Ads, kind: google_ads, brand: main, secret_env: [ADS_SECRET], "
        "rate_limit: {per_second: 1}}\n",
        1,
    )
    process.policy.bundle = Bundle.parse({**FILES, "sources.yaml": sources}, READS)
    news = await process.http.post("/v1/webhooks/news", content=b"{}")
    assert (news.status_code, news.headers["Retry-After"]) == (429, "5")
    assert news.json()["title"] == "The source's secret is missing"
    process.environment["ADS_SECRET"] = "the key of the form"
    lead_of_ads = {"google_key": "the key of the form", "lead_id": "1", "user_column_data": []}
    flood = [process.http.post("/v1/webhooks/ads", json=lead_of_ads) for _ in range(20)]
    answers = {answer.status_code for answer in await asyncio.gather(*flood)}
    assert answers == {200, 503}


@pytest.mark.parametrize("path", ["/v1/leads", "/v1/activities", "/v1/webhooks/hooks"])
async def test_nothing_is_taken_before_a_policy_is_in_force(path: str, process: Process) -> None:
    process.policy.bundle = None
    body = lead(type="page_viewed")
    answer = await process.http.post(path, content=body, headers=hook_headers(body))
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert "no policy" in answer.json()["title"].lower()
