"""Webhooks by HTTP: authentic or refused, understood or kept whole."""

import base64
import json
import os
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import JsonValue
from structlog.testing import capture_logs

from baton import topics
from baton.events import LeadActivity, LeadCaptured, LeadErased, LeadFollowup
from baton.policy.bundle import Bundle
from baton.topics import Topic
from ingest.identity.alias_store import AliasStore
from ingest.identity.aliases import Forget
from ingest.policy.reads import READS
from ingest.senders.catalogue import SENDERS
from ingest.senders.kit.delivery import Delivery
from ingest.settings import Settings
from ingest_tests.harness import (
    FILES,
    FORM_SECRET,
    HOOK_SECRET,
    NOW,
    Process,
    eventually,
    form_headers,
    hook_headers,
    running,
    shop_headers,
)

HOOKS = "/v1/webhooks/hooks"
FORMS = "/v1/webhooks/forms"


@pytest.fixture(autouse=True)
def without_a_token(process: Process) -> None:
    del process.http.headers["Authorization"]


def submitted(**data: JsonValue) -> bytes:
    return json.dumps({"type": "form.submitted", "data": data}).encode()


async def post(process: Process, body: bytes, **changed: str | None) -> tuple[int, dict[str, Any]]:
    headers = hook_headers(body) | changed
    given = {name: value for name, value in headers.items() if value is not None}
    answer = await process.http.post(HOOKS, content=body, headers=given)
    return answer.status_code, answer.json()


async def test_a_signed_delivery_is_a_lead_on_its_topic(process: Process) -> None:
    body = submitted(id=42, email="hook@example.com", seats="5", colour="red")
    status, told = await post(process, body)
    assert status == 202
    (result,) = told["results"]
    assert result["state"] == "published"
    (event,) = [
        event
        for event in await process.events(topics.LEAD_CAPTURED)
        if str(event.id) == result["event_id"]
    ]
    assert isinstance(event.data, LeadCaptured)
    assert event.data.delivery_id == "msg_1"
    assert event.data.profile.source == "hooks"
    assert event.data.profile.external_id == "42"
    assert event.data.profile.custom == {"seats": 5}
    assert event.data.answers == {"data.colour": "red"}


async def test_a_signed_form_is_a_lead_on_its_topic(process: Process) -> None:
    body = json.dumps(
        {
            "event_id": "evt_1",
            "event_type": "form_response",
            "form_response": {
                "form_id": "f1",
                "token": "t1",
                "submitted_at": "2026-03-02T11:59:00Z",
                "answers": [{"type": "email", "email": "form@example.com", "field": {"id": "a"}}],
            },
        }
    ).encode()
    answer = await process.http.post(FORMS, content=body, headers=form_headers(body))
    assert answer.status_code == 202, answer.text
    (result,) = answer.json()["results"]
    events = {str(event.id): event for event in await process.events(topics.LEAD_CAPTURED)}
    data = events[result["event_id"]].data
    assert isinstance(data, LeadCaptured)
    assert data.occurred_at == NOW - timedelta(minutes=1)
    assert data.profile.contact.email == "form@example.com"
    assert data.profile.external_id == "t1"


@pytest.mark.parametrize(
    ("payload", "topic", "data"),
    [
        (
            {"type": "page.viewed", "data": {"email": "a@example.com"}},
            topics.LEAD_ACTIVITY,
            LeadActivity,
        ),
        (
            {"type": "call.completed", "data": {"email": "a@example.com"}},
            topics.LEAD_FOLLOWUP,
            LeadFollowup,
        ),
    ],
)
async def test_a_signed_delivery_may_be_an_activity_or_a_followup(
    payload: JsonValue, topic: Topic, data: type, process: Process
) -> None:
    _, told = await post(process, json.dumps(payload).encode())
    (result,) = told["results"]
    events = {str(event.id): event for event in await process.events(topic)}
    assert isinstance(events[result["event_id"]].data, data)


async def test_a_retry_is_the_same_event_though_its_attempt_has_another_time(
    process: Process,
) -> None:
    body = submitted(email="retry@example.com")
    _, first = await post(process, body)
    process.clock.now += timedelta(hours=5)
    _, again = await post(process, body, **hook_headers(body, at=process.clock.now))
    assert again == first


async def test_an_ignored_type_is_answered_and_forgotten(process: Process) -> None:
    assert await post(process, b'{"type": "ping"}') == (202, {"results": []})


@pytest.mark.parametrize("name", ["nowhere", "website"])
async def test_an_unknown_source_is_to_be_sent_again_since_a_404_would_switch_some_off(
    name: str, process: Process
) -> None:
    body = submitted(email="a@example.com")
    answer = await process.http.post(
        f"/v1/webhooks/{name}", content=body, headers=hook_headers(body)
    )
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert name in answer.json()["detail"]


@pytest.mark.parametrize("name", ["%00", "..", "h%C3%B6oks", "a%20b"])
async def test_what_can_be_no_source_is_not_found(name: str, process: Process) -> None:
    answer = await process.http.post(f"/v1/webhooks/{name}", content=b"{}")
    assert answer.status_code == 404


BODY = submitted(email="a@example.com")
GOOD = hook_headers(BODY)["webhook-signature"]


@pytest.mark.parametrize(
    "changed",
    [
        {"webhook-signature": None},
        {"webhook-signature": ""},
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": f"v1,ü{GOOD}"},
        {"webhook-signature": GOOD[3:]},
        {"webhook-id": "msg_2"},
        {"webhook-id": None},
        {"webhook-timestamp": None},
        {"webhook-timestamp": "soon"},
        hook_headers(BODY, at=NOW - timedelta(minutes=6)),
        hook_headers(BODY, at=NOW + timedelta(minutes=6)),
        hook_headers(BODY, secret="whsec_" + base64.b64encode(b"another").decode()),
        hook_headers(BODY + b" "),
    ],
)
async def test_what_is_not_authentic_is_refused(
    changed: dict[str, str | None], process: Process
) -> None:
    headers = [
        (name.encode(), value.encode("latin-1"))
        for name, value in (hook_headers(BODY) | changed).items()
        if value is not None
    ]
    answer = await process.http.post(HOOKS, content=BODY, headers=headers)
    assert answer.status_code == 401, answer.text
    assert process.metric("baton_deliveries_total", source="hooks", outcome="not_authentic") == 1


NOT_UNDERSTOOD: dict[str, bytes] = {
    "broken JSON": b'{"type": ',
    "no object": b"[1]",
    "not UTF-8": b"\xff",
    "an unknown type": b'{"type": "form.deleted"}',
    "nobody's": submitted(email="n/a"),
    "nobody's, for all that it says": submitted(phone="1" * 1_001, seats="many"),
    "a time that is none": json.dumps(
        {"type": "form.submitted", "timestamp": "soon", "data": {"email": "a@example.com"}}
    ).encode(),
    "NUL": submitted(email="a@example.com", note="\x00"),
    "nesting beyond ours": b'{"type": "ping", "x": ' + b"[" * 40 + b"]" * 40 + b"}",
}


@pytest.mark.parametrize("name", NOT_UNDERSTOOD)
async def test_what_is_authentic_and_not_understood_is_kept_whole(
    name: str, process: Process
) -> None:
    body = NOT_UNDERSTOOD[name]
    headers = {"User-Agent": "sender/1", "Authorization": "Bearer a-secret", "Cookie": "c"}
    status, told = await post(process, body, **headers)
    assert status == 202
    (result,) = told["results"]
    assert result["state"] == "kept"
    row = await process.pool.fetchrow(
        "SELECT * FROM delivery_failed WHERE id = $1", UUID(result["delivery"])
    )
    assert row is not None
    assert (row["source"], row["body"], row["received_at"]) == ("hooks", body, NOW)
    assert row["reason"]
    kept = json.loads(row["headers"])
    assert kept["user-agent"] == "sender/1"
    assert kept["webhook-id"] == "msg_1"
    assert not {"authorization", "cookie", "webhook-signature"} & set(kept)
    assert process.metric("baton_deliveries_total", source="hooks", outcome="kept") == 1


async def test_an_address_that_a_vendor_sends_along_is_kept_without_its_secret(
    process: Process,
) -> None:
    sources = FILES["sources.yaml"].replace(
        "sources:\n",
        "sources:\n  jot: {label: Forms, kind: jotform, brand: main, secret_env: [JOT_SECRET]}\n",
        1,
    )
    process.policy.bundle = Bundle.parse({**FILES, "sources.yaml": sources}, READS)
    process.environment["JOT_SECRET"] = "ab/cd-ef-gh"
    told = {"webhookURL": f"https://h/v1/webhooks/jot/ab%2Fcd-ef-gh and ab/cd-ef-gh {uuid4()}"}
    body = json.dumps(told)[:-1] + r', "again": "ab\/cd-ef-gh"}'
    answer = await process.http.post("/v1/webhooks/jot/ab%2Fcd-ef-gh", content=body)
    assert answer.status_code == 202, answer.text
    (result,) = answer.json()["results"]
    kept = await process.pool.fetchval(
        "SELECT body FROM delivery_failed WHERE id = $1", UUID(result["delivery"])
    )
    assert b"webhookURL" in kept
    assert b"cd-ef-gh" not in kept


async def test_what_is_sent_again_and_not_understood_is_kept_once(process: Process) -> None:
    body = submitted(email="n/a", once=True)
    first = await post(process, body)
    process.clock.now += timedelta(seconds=59)
    assert await post(process, body, **hook_headers(body, at=process.clock.now)) == first


async def test_of_two_deliveries_told_apart_by_a_header_alone_each_is_kept(
    process: Process,
) -> None:
    body = submitted(email="n/a", twice=True)
    first = await post(process, body)
    assert await post(process, body, **hook_headers(body, id_="msg_2")) != first


async def test_what_is_not_understood_goes_when_the_person_it_names_is_erased(
    process: Process,
) -> None:
    _, told = await post(process, submitted(email="named@example.com"))
    lead_id = UUID(told["results"][0]["lead_id"])
    body = json.dumps({"type": "form.renamed", "data": {"email": "named@example.com"}}).encode()
    _, kept = await post(process, body)
    delivery = UUID(kept["results"][0]["delivery"])

    async def there() -> bool:
        found = await process.pool.fetchval("SELECT 1 FROM delivery_failed WHERE id = $1", delivery)
        return found is not None

    async with process.pool.acquire() as db:
        await AliasStore().save(db, [Forget(lead_id, *[NOW - timedelta(seconds=1)] * 2)], None)  # type: ignore[arg-type]  # a proxy of it
        assert await there()
        await AliasStore().save(db, [Forget(lead_id, NOW, NOW)], None)  # type: ignore[arg-type]  # as above
    assert not await there()


async def test_a_form_with_a_slip_in_its_email_is_taken_by_what_else_it_says(
    process: Process,
) -> None:
    _, told = await post(process, submitted(id=7, email="n/a"))
    assert told["results"][0]["state"] == "published"


async def test_a_value_that_does_not_fit_its_field_holds_no_lead_back(process: Process) -> None:
    """The person who filled in the form cannot correct it any more."""
    body = submitted(
        email="misfit@example.com",
        employees="11-50",
        seats="about 50",
        phone="1" * 1_001,
        consent="perhaps",
    )
    _, told = await post(process, body)
    (result,) = told["results"]
    assert result["state"] == "published"
    (event,) = [
        event
        for event in await process.events(topics.LEAD_CAPTURED)
        if str(event.id) == result["event_id"]
    ]
    assert isinstance(event.data, LeadCaptured)
    assert event.data.profile.contact.email == "misfit@example.com"
    assert (event.data.profile.company.employees, event.data.profile.custom) == (None, {})
    assert event.data.profile.consent.status == "unknown"
    assert event.data.answers == {
        "company.employees": "11-50",
        "custom.seats": "about 50",
        "contact.phone": "1" * 1_001,
        "consent.status": "perhaps",
    }
    assert process.metric("baton_unfitting_values_total", source="hooks") == 4


async def test_a_webhooks_time_far_ahead_is_put_right(process: Process) -> None:
    body = json.dumps(
        {
            "type": "form.submitted",
            "timestamp": "2036-01-01T00:00:00Z",
            "data": {"email": "ahead@example.com"},
        }
    ).encode()
    _, told = await post(process, body)
    events = {str(event.id): event for event in await process.events(topics.LEAD_CAPTURED)}
    data = events[told["results"][0]["event_id"]].data
    assert isinstance(data, LeadCaptured)
    assert data.occurred_at == NOW


@pytest.mark.parametrize("secret", ["", "whsec_", "not base64!"])
async def test_without_its_secret_a_source_is_never_taken_unsigned(
    secret: str, process: Process
) -> None:
    process.environment["HOOKS_SECRET"] = secret
    status, problem = await post(process, BODY)
    assert status == 503
    assert "HOOKS_SECRET" in str(problem["detail"])
    assert "secret" not in str(problem["detail"]).replace("HOOKS_SECRET", "")


async def test_a_secret_that_is_no_utf8_counts_as_missing_and_ends_nothing(
    settings: Settings, bundle: Bundle
) -> None:
    async with running(settings, bundle, without="secrets") as process:
        process.environment["HOOKS_SECRET"] = os.fsdecode(b"whsec_\xe9t\xe9")
        answer = await process.http.post("/v1/webhooks/hooks", content=BODY)
        assert (answer.status_code, "HOOKS_SECRET" in answer.text) == (503, True)
        by_the_other = await process.http.post("/v1/webhooks/rotating", content=BODY)
        assert by_the_other.status_code == 503
        lead = {"source": "website", "email": "a@b.example"}
        assert (await process.http.post("/v1/leads", json=lead)).status_code == 202


async def test_a_delivery_that_one_secret_signs_is_taken_though_the_other_is_no_utf8(
    process: Process,
) -> None:
    process.environment["OLD_SECRET"] = os.fsdecode(b"whsec_\xe9t\xe9")
    answer = await process.http.post(
        "/v1/webhooks/rotating", content=BODY, headers=hook_headers(BODY)
    )
    assert answer.status_code == 202


@pytest.mark.parametrize("secret", [b"\xe9t\xe9", b"\xff" * 20, b"whsec_\xed\xa0\x80"])
async def test_readyz_names_a_secret_that_is_no_utf8_whatever_its_sender(
    secret: bytes, process: Process, bundle: Bundle
) -> None:
    names = ("HOOKS_SECRET", "FORMS_SECRET", "SHOP_SECRET", "LEGACY_SECRET")
    process.environment |= dict.fromkeys(names, os.fsdecode(secret))
    files = dict(bundle.files)
    process.policy.bundle = Bundle.parse(
        files | {"tests.yaml": files["tests.yaml"] + "\n#\n"}, READS
    )

    async def named() -> bool:
        reasons = (await process.http.get("/readyz")).json()["reasons"]
        return all(name in reasons.get("webhooks", "") for name in names)

    await eventually(named)
    assert process.metric("baton_task_failures_total", task="secrets") == 0


async def test_while_a_secret_is_changed_one_is_enough(process: Process) -> None:
    path = "/v1/webhooks/rotating"
    answer = await process.http.post(path, content=BODY, headers=hook_headers(BODY))
    assert answer.status_code == 202
    other = "whsec_" + base64.b64encode(b"the old one").decode()
    by_the_old = hook_headers(BODY, secret=other)
    missing = await process.http.post(path, content=BODY, headers=by_the_old)
    assert (missing.status_code, "OLD_SECRET" in missing.text) == (503, True)
    process.environment["OLD_SECRET"] = other
    answer = await process.http.post(path, content=BODY, headers=by_the_old)
    assert answer.status_code == 202


async def test_a_body_over_the_limit_is_refused_before_its_signature_is_looked_at(
    process: Process,
) -> None:
    status, _ = await post(process, submitted(note="x" * 20_000))
    assert status == 413


async def test_secrets_and_persons_are_never_logged_or_told(process: Process) -> None:
    body = submitted(email="person@example.com", seats="a secret of theirs")
    with capture_logs() as logged:
        told = await post(process, body)
        refused = await post(process, body, **{"webhook-signature": "v1,AAAA"})
    assert logged
    for text in (str(logged), str(told), str(refused)):
        assert HOOK_SECRET not in text
        assert FORM_SECRET not in text
        assert "person@example.com" not in text
        assert "a secret of theirs" not in text


# --- what vendors want to be told


@pytest.mark.parametrize(
    "kind",
    [
        "aircall",
        "calendly",
        "google_ads",
        "intercom",
        "linkedin",
        "meta",
        "ringcentral",
        "tiktok",
        "webflow",
    ],
)
def test_who_takes_nothing_but_200_for_a_yes_is_answered_200(kind: str) -> None:
    assert SENDERS[kind].answer(Delivery({}), []).status == 200


# --- a system in the house, as the bundle describes it

SHOP = "/v1/webhooks/shop"
EVENTS = json.dumps(
    {
        "account": {"name": "Example Ltd"},
        "events": [
            {"kind": "enquiry", "id": "e1", "who": {"email": "one@example.com"}, "seats": 4},
            {"kind": "enquiry", "id": "e2", "who": {"email": "two@example.com"}, "seats": "many"},
            {"kind": "unheard of", "id": "e3"},
            {"kind": "ping", "id": "e4"},
            {"kind": "visit", "id": "e5", "who": {"email": "one@example.com"}, "page": "/prices"},
            {"kind": "forget", "id": "e6", "who": {"email": "three@example.com"}},
        ],
    }
).encode()


async def test_a_list_of_events_is_taken_one_by_one(process: Process) -> None:
    answer = await process.http.post(SHOP, content=EVENTS, headers=shop_headers(EVENTS))
    assert answer.status_code == 202, answer.text
    states = [each["state"] for each in answer.json()["results"]]
    assert states == ["published", "published", "kept", "published", "published"]
    (lead, *_) = answer.json()["results"]
    (event,) = [
        event
        for event in await process.events(topics.LEAD_CAPTURED)
        if str(event.id) == lead["event_id"]
    ]
    assert isinstance(event.data, LeadCaptured)
    assert event.data.delivery_id == "e1"
    assert event.data.profile.company.name == "Example Ltd"
    assert event.data.profile.request.form_name == "Shop"
    assert event.data.answers == {}


async def test_a_request_to_forget_that_is_sent_again_reaches_no_further_than_at_first(
    process: Process,
) -> None:
    asked = {"kind": "forget", "id": "f1", "at": NOW.isoformat(), "who": {"email": "f@example.com"}}
    body = json.dumps({"events": [asked]}).encode()
    results = []
    for hours in (0, 6):
        process.clock.now = NOW + timedelta(hours=hours)
        headers = shop_headers(body, at=process.clock.now)
        answer = await process.http.post(SHOP, content=body, headers=headers)
        results += answer.json()["results"]
    assert results[0] == results[1]
    erased = [
        event.data
        for event in await process.events(topics.LEAD_IDENTITY)
        if str(event.id) == results[0]["event_id"]
    ]
    assert [each.occurred_at for each in erased if isinstance(each, LeadErased)] == [NOW, NOW]


async def test_whatever_a_request_says_of_where_it_went_the_settings_know(
    process: Process,
) -> None:
    headers = shop_headers(EVENTS, url="https://evil.example.com/hooks/shop") | {
        "Host": "evil.example.com",
        "X-Forwarded-Host": "evil.example.com",
        "X-Forwarded-Proto": "http",
        "Forwarded": "host=evil.example.com;proto=http",
    }
    answer = await process.http.post(SHOP, content=EVENTS, headers=headers)
    assert answer.status_code == 401
    headers |= shop_headers(EVENTS)
    answer = await process.http.post(SHOP, content=EVENTS, headers=headers)
    assert answer.status_code == 202


SIGNED = shop_headers(EVENTS)


@pytest.mark.parametrize(
    ("method", "url", "body", "headers"),
    [
        ("POST", SHOP, EVENTS[:-1] + b" ", SIGNED),
        ("POST", SHOP, EVENTS, SIGNED | {"X-Shop-Signature": "A" + SIGNED["X-Shop-Signature"][1:]}),
        ("POST", SHOP, EVENTS, SIGNED | {"X-Shop-Time": f"{SIGNED['X-Shop-Time'][:-1]}1"}),
        ("POST", SHOP, EVENTS, shop_headers(EVENTS, at=NOW + timedelta(minutes=6))),
        ("POST", SHOP, EVENTS, shop_headers(EVENTS, at=NOW - timedelta(minutes=6))),
        ("GET", SHOP, EVENTS, SIGNED),
        ("OPTIONS", SHOP, EVENTS, SIGNED),
        ("POST", f"{SHOP}?a=1", EVENTS, SIGNED),
        ("POST", f"{SHOP}/x", EVENTS, SIGNED),
        ("POST", "/v1/webhooks/sho%70", EVENTS, SIGNED),
    ],
)
async def test_a_byte_changed_anywhere_is_refused(
    method: str, url: str, body: bytes, headers: dict[str, str], process: Process
) -> None:
    answer = await process.http.request(method, url, content=body, headers=headers)
    assert answer.status_code == 401, answer.text


async def test_a_signed_query_is_taken_as_it_was_sent(process: Process) -> None:
    query = "?tenant=a%2Fb&x=%C3%BC"
    headers = shop_headers(EVENTS, url=f"https://ingest.example.com/hooks/shop{query}")
    answer = await process.http.post(f"{SHOP}{query}", content=EVENTS, headers=headers)
    assert answer.status_code == 202, answer.text


async def test_what_is_signed_and_no_post_is_no_delivery(process: Process) -> None:
    headers = shop_headers(b"", method="GET")
    answer = await process.http.get(SHOP, headers=headers)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        ("application/json", b'{"mail": "form@example.com", "text": "Hello"}'),
        ("application/x-www-form-urlencoded", b"mail=form%40example.com&text=Hello&empty="),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="mail"\r\n\r\nform@example.com\r\n'
            b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\nHello\r\n--x--\r\n',
        ),
    ],
)
async def test_a_form_may_come_in_any_format_and_its_secret_in_the_address(
    media_type: str, body: bytes, process: Process
) -> None:
    url = "/v1/webhooks/legacy?key=legacy+secret"
    headers = {"Content-Type": media_type}
    with capture_logs() as logged:
        answer = await process.http.post(url, content=body, headers=headers)
        wrong = await process.http.post(url + "x", content=body, headers=headers)
    assert answer.status_code == 202, answer.text
    assert wrong.status_code == 401
    assert "legacy" not in str(logged)
    (result,) = answer.json()["results"]
    events = {str(event.id): event for event in await process.events(topics.LEAD_CAPTURED)}
    data = events[result["event_id"]].data
    assert isinstance(data, LeadCaptured)
    assert data.profile.contact.email == "form@example.com"
    assert data.profile.request.message == "Hello"
