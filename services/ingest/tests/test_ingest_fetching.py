"""Leads that a webhook names by an id alone: fetched, waited for in the open, never lost."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from ingest_harness import FILES, NOW, Process, eventually, running
from ingest_vendor_api import Vendor, serving

from baton import topics
from baton.cloudevents import Event
from baton.events import EventData, LeadCaptured
from baton.policy.bundle import Bundle
from ingest.aliases.store import AliasStore
from ingest.domain import Forget
from ingest.fetching.working import pause
from ingest.settings import Settings

SECRET = "the app's secret"
TOKEN = "the vendor's token"
DETAILS = {
    "id": "5",
    "field_data": [
        {"name": "email", "values": ["Buyer@Example.com"]},
        {"name": "full_name", "values": ["Bo Buyer"]},
        {"name": "favourite_colour", "values": ["red"]},
    ],
}


@pytest.fixture(scope="module")
def vendor() -> Iterator[Vendor]:
    made = Vendor()
    with serving(made):
        yield made


def with_meta(vendor: Vendor, details: str = "") -> Bundle:
    """The bundle with a source that sends ids alone."""
    details = details or (
        f"    details: {{url: 'http://127.0.0.1:{vendor.port}/v1/{{id}}', token_env: META_TOKEN}}\n"
    )
    source = (
        "  meta:\n    label: Ads\n    kind: meta\n    brand: main\n    secret_env: [META_SECRET]\n"
        + details
    )
    return Bundle.parse(FILES | {"sources.yaml": FILES["sources.yaml"] + source})


@pytest.fixture(scope="module")
def bundle(vendor: Vendor) -> Bundle:
    return with_meta(vendor)


@pytest.fixture
async def process(settings: Settings, bundle: Bundle) -> AsyncIterator[Process]:
    async with running(settings, bundle) as made:
        made.environment |= {"META_SECRET": SECRET, "META_TOKEN": TOKEN}
        await made.circuit.closed.wait()
        yield made


def delivery(*ids: str) -> bytes:
    changes = [
        {
            "field": "leadgen",
            "value": {"leadgen_id": id_, "form_id": "9", "created_time": 1772452000},
        }
        for id_ in ids
    ]
    return json.dumps({"object": "page", "entry": [{"id": "1", "changes": changes}]}).encode()


async def deliver(process: Process, *ids: str) -> list[dict[str, Any]]:
    body = delivery(*ids)
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    answer = await process.http.post(
        "/v1/webhooks/meta", content=body, headers={"X-Hub-Signature-256": f"sha256={digest}"}
    )
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


async def captured(process: Process, event_id: str) -> list[Event[EventData]]:
    found = await process.events(topics.LEAD_CAPTURED)
    return [event for event in found if str(event.id) == event_id]


async def waits(process: Process) -> dict[str, dict[str, Any]]:
    answer = await process.http.get("/v1/fetches", params={"limit": "500"})
    return {each["event_id"]: each for each in answer.json()["leads"]}


async def until_gone(process: Process, event_id: str) -> None:
    async def gone() -> bool:
        return event_id not in await waits(process)

    await eventually(gone)


def after(process: Process, time: timedelta) -> None:
    """Let what is put off become due."""
    process.clock.now += time


async def tried(process: Process, vendor: Vendor, id_: str, times: int) -> None:
    """Until the vendor was asked so often, the clock being moved on past each pause."""

    async def enough() -> bool:
        if vendor.times(id_) < times:
            after(process, timedelta(minutes=1))
        return vendor.times(id_) >= times

    await eventually(enough)


async def test_a_lead_waits_for_its_details_under_the_id_that_it_keeps(
    process: Process, vendor: Vendor
) -> None:
    vendor.says("100", (503, {}), (200, DETAILS))
    (told,) = await deliver(process, "100")
    assert (told["state"], told["lead_id"]) == ("fetching", None)
    assert told["event_id"] in await waits(process)
    assert await captured(process, told["event_id"]) == []
    await tried(process, vendor, "100", 2)
    await until_gone(process, told["event_id"])
    (event,) = await captured(process, told["event_id"])
    assert isinstance(event.data, LeadCaptured)
    profile = event.data.profile
    assert (profile.contact.email, profile.external_id) == ("buyer@example.com", "100")
    assert (profile.request.form_id, event.data.received_at) == ("9", NOW)
    assert event.data.answers["favourite_colour"] == "red"
    headers = next(headers for path, headers in vendor.asked if path == "/v1/100")
    assert headers["authorization"] == f"Bearer {TOKEN}"


async def test_a_retry_is_the_same_lead_before_and_after_its_details_are_there(
    process: Process, vendor: Vendor
) -> None:
    vendor.says("200", (503, {}), (200, DETAILS))
    told = await asyncio.gather(*(deliver(process, "200") for _ in range(5)))
    (event_id,) = {each["event_id"] for results in told for each in results}
    await tried(process, vendor, "200", 2)
    await until_gone(process, event_id)
    (again,) = await deliver(process, "200")
    assert again["event_id"] == event_id
    await until_gone(process, event_id)
    assert {event.id for event in await captured(process, event_id)} == {UUID(event_id)}


@pytest.mark.parametrize(
    ("id_", "answer", "says"),
    [
        ("301", (404, {}), "the vendor answered 404"),
        ("302", (401, {}), "the vendor answered 401"),
        ("303", (500, b"oops"), "the vendor answered 500"),
    ],
)
async def test_why_a_lead_still_waits_is_told(
    id_: str, answer: tuple[int, Any], says: str, process: Process, vendor: Vendor
) -> None:
    vendor.says(id_, answer)
    (told,) = await deliver(process, id_)

    async def said() -> bool:
        found = (await waits(process))[told["event_id"]]
        return bool(found["attempts"] >= 1 and found["reason"] == says)

    await eventually(said)
    vendor.says(id_, (200, DETAILS))
    await tried(process, vendor, id_, vendor.times(id_) + 1)
    await until_gone(process, told["event_id"])


async def test_what_can_t_be_had_in_time_is_kept_and_is_the_same_lead_once_it_is_replayed(
    process: Process, vendor: Vendor
) -> None:
    vendor.says("400", (503, {}))
    (told,) = await deliver(process, "400")
    after(process, timedelta(hours=25))
    await until_gone(process, told["event_id"])
    listed = (await process.http.get("/v1/deliveries", params={"source": "meta"})).json()
    (kept,) = [each for each in listed["deliveries"] if "leadgen 400 could" in each["reason"]]
    assert "could not be fetched: the vendor answered 503" in kept["reason"]
    vendor.says("400", (200, DETAILS))
    process.clock.now = NOW + timedelta(hours=26)
    answer = await process.http.post(f"/v1/deliveries/{kept['id']}/replay")
    assert answer.json()["results"][0]["event_id"] == told["event_id"], answer.text
    await until_gone(process, told["event_id"])
    (event,) = await captured(process, told["event_id"])
    assert isinstance(event.data, LeadCaptured)
    assert event.data.received_at == NOW


@pytest.mark.parametrize(
    ("id_", "answer"),
    [
        ("501", (400, {})),
        ("502", (410, {})),
        ("503", (302, {})),
        ("504", (200, b"not JSON")),
        ("505", (200, b'"' + b"x" * 1_100_000 + b'"')),
    ],
)
async def test_an_answer_that_will_not_change_is_kept_at_once(
    id_: str, answer: tuple[int, Any], process: Process, vendor: Vendor
) -> None:
    vendor.says(id_, answer)
    (told,) = await deliver(process, id_)
    await until_gone(process, told["event_id"])
    listed = (await process.http.get("/v1/deliveries", params={"source": "meta"})).json()
    assert [each for each in listed["deliveries"] if f"leadgen {id_} could" in each["reason"]]
    assert vendor.times(id_) == 1
    assert await captured(process, told["event_id"]) == []


async def test_without_its_token_a_lead_waits_and_says_what_is_missing(
    process: Process, vendor: Vendor
) -> None:
    del process.environment["META_TOKEN"]
    vendor.says("600", (200, DETAILS))
    (told,) = await deliver(process, "600")

    async def said() -> bool:
        return "set META_TOKEN" in (await waits(process))[told["event_id"]]["reason"]

    await eventually(said)
    assert vendor.times("600") == 0
    process.environment["META_TOKEN"] = TOKEN
    await tried(process, vendor, "600", 1)
    await until_gone(process, told["event_id"])


async def test_a_source_that_does_not_say_where_its_details_are_keeps_its_deliveries(
    process: Process, vendor: Vendor
) -> None:
    process.policy.bundle = with_meta(vendor, "    retry_horizon: 1h\n")
    (told,) = await deliver(process, "700")
    assert told["state"] == "kept"


async def test_each_lead_of_a_delivery_is_fetched_by_itself(
    process: Process, vendor: Vendor
) -> None:
    vendor.says("801", (200, DETAILS))
    vendor.says("802", (503, {}))
    first, second = await deliver(process, "801", "802")
    await until_gone(process, first["event_id"])
    assert second["event_id"] in await waits(process)
    assert len(await captured(process, first["event_id"])) == 1


async def test_two_processes_ask_for_a_lead_once(
    process: Process, settings: Settings, bundle: Bundle, vendor: Vendor
) -> None:
    async with running(settings, bundle) as other:
        other.environment |= process.environment
        ids = [f"90{n}" for n in range(10)]
        for id_ in ids:
            vendor.says(id_, (200, DETAILS))
        told = await deliver(process, *ids)
        for each in told:
            await until_gone(process, each["event_id"])
    assert [vendor.times(id_) for id_ in ids] == [1] * len(ids)


async def test_what_waits_goes_when_its_lead_is_erased(process: Process, vendor: Vendor) -> None:
    vendor.says("950", (503, {}))
    (told,) = await deliver(process, "950")
    row = await process.pool.fetchrow(
        "SELECT lead_ids FROM incomplete WHERE event_id = $1", UUID(told["event_id"])
    )
    assert row is not None
    async with process.pool.acquire() as db:
        await AliasStore().save(db, [Forget(row["lead_ids"][0], NOW, NOW)], None)  # type: ignore[arg-type]  # a proxy of it
    assert told["event_id"] not in await waits(process)


async def test_how_many_wait_and_for_how_long_is_shown(
    process: Process, settings: Settings, bundle: Bundle, vendor: Vendor
) -> None:
    vendor.says("960", (503, {}))
    await deliver(process, "960")
    async with running(settings, bundle) as another:

        async def shown() -> bool:
            return another.metric("baton_fetches_waiting") >= 1

        await eventually(shown)


@pytest.mark.parametrize("attempts", [0, 1, 5, 50, 5_000])
def test_pauses_grow_up_to_a_bound_and_are_spread(attempts: int) -> None:
    pauses = {pause(attempts) for _ in range(20)}
    assert len(pauses) > 1
    longest = min(timedelta(seconds=5) * 2 ** min(attempts, 20), timedelta(minutes=30))
    assert all(longest / 2 <= each <= longest for each in pauses)
