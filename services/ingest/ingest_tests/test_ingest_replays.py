"""Deliveries that were not understood: listed, shown, and read again once the mapping is mended."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import JsonValue

from baton import topics
from baton.events import LeadCaptured
from baton.policy.bundle import Bundle
from ingest.identity.alias_store import AliasStore
from ingest.identity.aliases import Forget
from ingest.policy.reads import READS
from ingest.settings import Settings
from ingest_tests.harness import FILES, NOW, Process, eventually, hook_headers, running

DELIVERIES = "/v1/deliveries"
MENDED = Bundle.parse(
    FILES
    | {
        "sources.yaml": FILES["sources.yaml"].replace(
            "          contact.email: data.email\n", "          contact.email: data.mail.address\n"
        )
    },
    READS,
)
"""The shop writes addresses elsewhere since its last release."""


@pytest.fixture(autouse=True)
def original_policy(process: Process) -> Iterator[None]:
    before = process.policy.bundle
    yield
    process.policy.bundle = before


def submitted(**data: JsonValue) -> bytes:
    return json.dumps({"type": "form.submitted", "data": data}).encode()


async def hooked(process: Process, body: bytes, id_: str) -> dict[str, Any]:
    """What became of the one thing that a delivery tells."""
    headers = hook_headers(body, id_=id_, at=process.clock.now)
    answer = await process.http.post("/v1/webhooks/hooks", content=body, headers=headers)
    assert answer.status_code == 202, answer.text
    (result,) = answer.json()["results"]
    assert isinstance(result, dict)
    return result


async def kept(process: Process, body: bytes, id_: str) -> UUID:
    result = await hooked(process, body, id_)
    assert result["state"] == "kept"
    return UUID(result["delivery"])


async def listed(process: Process, **asked: str) -> list[str]:
    """The ids of a list, by all of its pages."""
    found: list[str] = []
    while True:
        answer = await process.http.get(DELIVERIES, params=asked)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += [each["id"] for each in page["deliveries"]]
        if page["next_cursor"] is None:
            return found
        asked["cursor"] = page["next_cursor"]


async def replay(process: Process, delivery: UUID) -> tuple[int, dict[str, Any]]:
    answer = await process.http.post(f"{DELIVERIES}/{delivery}/replay")
    return answer.status_code, answer.json()


async def count(process: Process, delivery: UUID) -> int:
    found: int = await process.pool.fetchval(
        "SELECT count(*) FROM delivery_failed WHERE id = $1", delivery
    )
    return found


async def test_what_was_not_understood_is_listed_with_its_reason_and_shown_whole(
    process: Process,
) -> None:
    body = submitted(mail={"address": "listed@example.com"}, note="Grüße")
    delivery = await kept(process, body, "msg_listed")
    assert str(delivery) in await listed(process, source="hooks")
    assert str(delivery) not in await listed(process, source="forms")
    assert str(delivery) not in await listed(process, replayed="true")
    shown = (await process.http.get(f"{DELIVERIES}/{delivery}")).json()
    assert (shown["source"], shown["failures"], shown["replayed_at"]) == ("hooks", 1, None)
    assert "one of email, external_id and phone is needed" in shown["reason"]
    assert (shown["body"], shown["encoding"]) == (body.decode(), "utf-8")
    assert shown["headers"]["webhook-id"] == "msg_listed"
    assert shown["received_at"] == NOW.isoformat().replace("+00:00", "Z")


async def test_a_body_that_is_no_text_is_shown_in_base64(process: Process) -> None:
    delivery = await kept(process, b"\xfe", "msg_bytes")
    shown = (await process.http.get(f"{DELIVERIES}/{delivery}")).json()
    assert (shown["body"], shown["encoding"]) == ("/g==", "base64")


async def test_a_replay_is_the_event_that_the_delivery_would_have_been_when_it_came(
    process: Process,
) -> None:
    body = submitted(mail={"address": "late@example.com"})
    delivery = await kept(process, body, "msg_late")
    process.clock.now += timedelta(days=5)
    process.policy.bundle = MENDED
    status, told = await replay(process, delivery)
    assert status == 200
    (result,) = told["results"]
    assert result["state"] == "published"
    (event,) = [
        event
        for event in await process.events(topics.LEAD_CAPTURED)
        if str(event.id) == result["event_id"]
    ]
    assert isinstance(event.data, LeadCaptured)
    assert event.data.profile.contact.email == "late@example.com"
    assert (event.data.received_at, event.data.occurred_at, event.time) == (NOW, NOW, NOW)
    # Had the sender sent it again by now, it would have been the same event too.
    again = await hooked(process, body, "msg_late")
    assert again["event_id"] == result["event_id"]


async def test_a_replay_goes_by_the_headers_that_the_bundle_names_and_never_by_the_address(
    process: Process,
) -> None:
    process.policy.bundle = in_the_house("mail")
    body = json.dumps({"address": "named@example.com"}).encode()
    headers = {"x-type": "enquiry", "x-id": "e1", "x-other": "not read"}
    url = "/v1/webhooks/house?key=legacy+secret"
    answer = await process.http.post(url, content=body, headers=headers)
    (result,) = answer.json()["results"]
    row = await process.pool.fetchrow(
        "SELECT * FROM delivery_failed WHERE id = $1", UUID(result["delivery"])
    )
    assert row is not None
    assert "legacy" not in str(dict(row))
    assert json.loads(row["headers"]).keys() >= {"x-type", "x-id"}
    assert "x-other" not in row["headers"]
    process.policy.bundle = in_the_house("address")
    status, told = await replay(process, UUID(result["delivery"]))
    assert (status, told["results"][0]["state"]) == (200, "published")
    again = await process.http.post(url, content=body, headers=headers)
    assert again.json()["results"] == told["results"]


async def test_a_secret_in_the_body_is_neither_published_nor_kept_nor_shown(
    process: Process,
) -> None:
    process.policy.bundle = in_the_house("mail", signs="field: auth.key", told_apart="")
    said = {"auth": {"key": "legacy secret", "user": "Grüße"}, "address": "body@example.com"}
    answer = await process.http.post("/v1/webhooks/house", json=said)
    (result,) = answer.json()["results"]
    shown = (await process.http.get(f"{DELIVERIES}/{result['delivery']}")).json()
    assert json.loads(shown["body"]) == said | {"auth": {"user": "Grüße"}}
    process.policy.bundle = in_the_house("address", signs="field: auth.key", told_apart="")
    status, told = await replay(process, UUID(result["delivery"]))
    (event_id,) = (each["event_id"] for each in told["results"])
    assert status == 200
    again = await process.http.post("/v1/webhooks/house", json=said)
    assert again.json()["results"] == told["results"]
    for event in await process.events(topics.LEAD_CAPTURED):
        if str(event.id) == event_id:
            assert isinstance(event.data, LeadCaptured)
            assert event.data.answers == {"auth": {"user": "Grüße"}}
    stored = await process.pool.fetch("SELECT * FROM delivery_failed")
    assert "legacy secret" not in str([dict(row) for row in stored])


async def test_what_says_the_same_again_a_week_later_is_kept_and_replayed_by_itself(
    process: Process,
) -> None:
    process.policy.bundle = in_the_house("mail", told_apart="")
    url = "/v1/webhooks/house?key=legacy+secret"
    body = {"address": "weekly@example.com"}
    deliveries = []
    for later in (timedelta(0), timedelta(seconds=59), timedelta(days=7)):
        process.clock.now = NOW + later
        answer = await process.http.post(url, json=body)
        deliveries += [UUID(each["delivery"]) for each in answer.json()["results"]]
    first, retried, week_later = deliveries
    assert first == retried != week_later
    process.policy.bundle = in_the_house("address", told_apart="")
    told = [await replay(process, each) for each in (first, week_later)]
    assert [status for status, _ in told] == [200, 200]
    assert len({each["results"][0]["event_id"] for _, each in told}) == 2


async def test_calls_in_the_same_words_minutes_apart_are_kept_and_replayed_each_by_itself(
    process: Process,
) -> None:
    sent = json.dumps({"event": "call", "mail": "called@example.com"})
    deliveries = []
    process.policy.bundle = by_telephone("ignored: {becomes: lead, fields: {contact.email: mail}}")
    for minutes in (0, 3):
        process.clock.now = NOW + timedelta(minutes=minutes)
        answer = await process.http.post("/v1/webhooks/telephone?key=legacy+secret", content=sent)
        deliveries += [UUID(each["delivery"]) for each in answer.json()["results"]]
    process.policy.bundle = by_telephone(
        "call: {becomes: followup, type: contacted, who: {email: mail}}"
    )
    told = [await replay(process, each) for each in deliveries]
    assert [status for status, _ in told] == [200, 200]
    assert len({each["results"][0]["event_id"] for _, each in told}) == 2


def by_telephone(events: str) -> Bundle:
    """The bundle with a system that sends neither ids nor times, and what its events become."""
    source = (
        "  telephone: {label: L, kind: generic, brand: main, secret_env: [LEGACY_SECRET],"
        f" signs: {{by: token, parameter: key}}, type_at: event, events: {{{events}}}}}\n"
    )
    return Bundle.parse(FILES | {"sources.yaml": FILES["sources.yaml"] + source}, READS)


def in_the_house(
    address_at: str,
    signs: str = "parameter: key",
    told_apart: str = "type_header: x-type, delivery_id_header: x-id,",
) -> Bundle:
    """The bundle with a system that says in headers what it sends, unless it has one kind alone."""
    source = (
        "  house: {label: L, kind: generic, brand: main, secret_env: [LEGACY_SECRET],"
        f" signs: {{by: token, {signs}}}, {told_apart}"
        f" events: {{enquiry: {{becomes: lead, fields: {{contact.email: {address_at}}}}}}}}}\n"
    )
    return Bundle.parse(FILES | {"sources.yaml": FILES["sources.yaml"] + source}, READS)


async def test_what_was_replayed_is_told_apart_and_not_replayed_again(process: Process) -> None:
    delivery = await kept(process, submitted(mail={"address": "done@example.com"}), "msg_done")
    process.policy.bundle = MENDED
    assert (await replay(process, delivery))[0] == 200
    assert str(delivery) not in await listed(process)
    assert str(delivery) in await listed(process, replayed="true")
    status, problem = await replay(process, delivery)
    assert (status, problem["title"]) == (409, "Replayed already")
    assert process.metric("baton_deliveries_total", source="hooks", outcome="replayed") == 1


async def test_what_comes_again_after_its_replay_and_is_not_understood_waits_again(
    process: Process, bundle: Bundle
) -> None:
    body = submitted(mail={"address": "broken-again@example.com"})
    delivery = await kept(process, body, "msg_again")
    process.policy.bundle = MENDED
    assert (await replay(process, delivery))[0] == 200
    process.policy.bundle = bundle
    assert await kept(process, body, "msg_again") == delivery
    assert str(delivery) in await listed(process)


async def test_what_is_still_not_understood_stays_with_the_new_reason(process: Process) -> None:
    delivery = await kept(process, submitted(mail="somewhere else"), "msg_still")
    process.clock.now += timedelta(hours=1)
    status, problem = await replay(process, delivery)
    assert (status, problem["title"]) == (409, "Still not understood")
    assert "one of email, external_id and phone is needed" in problem["detail"]
    shown = (await process.http.get(f"{DELIVERIES}/{delivery}")).json()
    assert shown["failures"] == 2
    assert shown["reason"] == problem["detail"]
    assert str(delivery) in await listed(process)


async def test_what_the_bundle_has_ignored_by_now_is_done(process: Process) -> None:
    delivery = await kept(process, b'{"type": "form.withdrawn"}', "msg_ignored")
    sources = FILES["sources.yaml"].replace("ignore: [ping]", "ignore: [ping, form.withdrawn]")
    process.policy.bundle = Bundle.parse(FILES | {"sources.yaml": sources}, READS)
    assert await replay(process, delivery) == (200, {"results": []})
    assert str(delivery) not in await listed(process)


async def test_a_source_that_the_policy_has_no_more_is_told(process: Process) -> None:
    delivery = await kept(process, submitted(whoever="it is"), "msg_gone")
    sources = FILES["sources.yaml"].replace("  hooks:\n", "  other-hooks:\n")
    process.policy.bundle = Bundle.parse(FILES | {"sources.yaml": sources}, READS)
    status, problem = await replay(process, delivery)
    assert status == 409
    assert "declares no webhook source 'hooks'" in problem["detail"]


async def test_while_nothing_can_be_kept_a_replay_is_put_off(
    settings: Settings, bundle: Bundle, process: Process
) -> None:
    delivery = await kept(process, submitted(mail={"address": "away@example.com"}), "msg_away")
    process.policy.bundle = None
    status, _ = await replay(process, delivery)
    assert status == 503
    process.policy.bundle = MENDED
    assert (await replay(process, delivery))[0] == 200


async def test_pages_have_each_delivery_once_though_they_came_at_the_same_moment(
    process: Process,
) -> None:
    process.clock.now += timedelta(days=1)
    sent = {str(await kept(process, submitted(n=n), f"msg_page_{n}")) for n in range(7)}
    found = await listed(process, limit="2")
    assert len(found) == len(set(found))
    assert sent <= set(found)
    assert set(found[:7]) == sent


async def test_what_was_replayed_goes_with_the_leads_that_it_has_become(process: Process) -> None:
    """Its body names nobody by a mail address, so only the replay can tell whom it is about."""
    body = json.dumps({"type": "form.sent", "data": {"customer": "c-1"}}).encode()
    delivery = await kept(process, body, "msg_whom")
    sources = FILES["sources.yaml"].replace(
        "      page.viewed:\n",
        "      form.sent: {becomes: lead, fields: {external_id: data.customer}}\n"
        "      page.viewed:\n",
        1,
    )
    process.policy.bundle = Bundle.parse(FILES | {"sources.yaml": sources}, READS)
    _, told = await replay(process, delivery)
    lead_id = UUID(told["results"][0]["lead_id"])
    async with process.pool.acquire() as db:
        await AliasStore().save(db, [Forget(uuid4(), NOW, NOW)], None)  # type: ignore[arg-type]  # a proxy of it
        assert await count(process, delivery) == 1
        await AliasStore().save(db, [Forget(lead_id, NOW, NOW)], None)  # type: ignore[arg-type]  # as above
    assert await count(process, delivery) == 0


async def test_a_delivery_that_there_is_not_is_told(process: Process) -> None:
    for answer in (
        await process.http.get(f"{DELIVERIES}/{uuid4()}"),
        await process.http.post(f"{DELIVERIES}/{uuid4()}/replay"),
    ):
        assert (answer.status_code, answer.json()["title"]) == (404, "No such delivery")


async def test_deliveries_are_told_only_to_who_has_the_token(process: Process) -> None:
    delivery = await kept(process, submitted(secret="body"), "msg_token")
    del process.http.headers["Authorization"]
    for answer in (
        await process.http.get(DELIVERIES),
        await process.http.get(f"{DELIVERIES}/{delivery}"),
        await process.http.post(f"{DELIVERIES}/{delivery}/replay"),
    ):
        assert answer.status_code == 401


async def test_a_cursor_of_nobodys_is_refused(process: Process) -> None:
    answer = await process.http.get(DELIVERIES, params={"cursor": "nonsense"})
    assert (answer.status_code, answer.json()["field"]) == (422, "cursor")


async def test_how_many_wait_and_for_how_long_is_shown_and_the_oldest_go(
    settings: Settings, bundle: Bundle, process: Process
) -> None:
    old = await kept(process, submitted(old=True), "msg_old")
    await process.pool.execute(
        "UPDATE delivery_failed SET received_at = $2 WHERE id = $1", old, NOW - timedelta(days=31)
    )
    waits = await kept(process, submitted(waits=True), "msg_waits")
    await process.pool.execute(
        "UPDATE delivery_failed SET received_at = $2 WHERE id = $1", waits, NOW - timedelta(days=3)
    )
    async with running(settings, bundle) as another:

        async def looked() -> bool:
            return another.metric("baton_kept_deliveries_age_seconds") >= 3 * 86_400

        await eventually(looked)
        assert another.metric("baton_kept_deliveries") >= 1
    assert await count(process, old) == 0
    assert await count(process, waits) == 1
