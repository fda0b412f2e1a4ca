"""Leads that a webhook names by an id alone: fetched, waited for in the open, never lost."""

import asyncio
import hashlib
import hmac
import json
import os
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from baton import topics
from baton.cloudevents import Event
from baton.events import EventData, LeadCaptured
from baton.policy.bundle import Bundle
from ingest.features.enrichment.fetcher import Fetcher
from ingest.features.enrichment.http import HttpFetcher
from ingest.features.enrichment.store import FetchTable, Incomplete
from ingest.features.enrichment.worker import FetchLimits, FetchWorker, pause
from ingest.features.failed.store import FailedDeliveries
from ingest.identity.alias_store import AliasStore
from ingest.identity.aliases import Forget
from ingest.metrics import IngestMetrics
from ingest.policy.reads import READS
from ingest.settings import Settings
from ingest_tests.harness import FILES, NOW, Process, eventually, running
from ingest_tests.vendor_api import Vendor, serving

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
    return Bundle.parse(FILES | {"sources.yaml": FILES["sources.yaml"] + source}, READS)


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


UNSENDABLE = {
    "an ellipsis": "EAAB\u2026",
    "a dash as a word processor has it": "EAA\u2013B",
    "a letter of Latin-1": "EAA\xe9B",
    "a line feed": "EAAB\n",
    "a space behind it": "EAAB ",
    "a NUL": "EA\0AB",
    "a byte that is not UTF-8": os.fsdecode(b"EAA\xe9B"),
}


@pytest.mark.parametrize("token", UNSENDABLE.values(), ids=UNSENDABLE)
async def test_a_token_that_no_header_can_have_keeps_only_its_own_leads_waiting_and_is_named(
    token: str, process: Process, vendor: Vendor
) -> None:
    id_ = f"61{list(UNSENDABLE.values()).index(token)}"
    process.environment["META_TOKEN"] = token
    vendor.says(id_, (200, DETAILS))
    (told,) = await deliver(process, id_)

    async def said() -> bool:
        return "META_TOKEN" in (await waits(process))[told["event_id"]]["reason"]

    await eventually(said)
    assert vendor.times(id_) == 0
    assert await takes_leads(process)
    process.environment["META_TOKEN"] = TOKEN
    await tried(process, vendor, id_, 1)
    await until_gone(process, told["event_id"])
    assert len(await captured(process, told["event_id"])) == 1


async def takes_leads(process: Process) -> bool:
    """Whether a lead is taken, and nothing beside the requests has failed."""
    answer = await process.http.post(
        "/v1/leads", json={"source": "website", "email": "a@b.example"}
    )
    ready = (await process.http.get("/readyz")).json()["reasons"]
    return answer.status_code == 202 and ready.keys() <= {"webhooks"}


async def test_readyz_names_a_token_that_no_header_can_have(
    process: Process, vendor: Vendor
) -> None:
    process.environment["META_TOKEN"] = "EAAB\u2026"
    process.policy.bundle = with_meta(
        vendor, "    details: {url: 'http://127.0.0.1:9/{id}', token_env: META_TOKEN}\n"
    )

    async def named() -> bool:
        reasons = (await process.http.get("/readyz")).json()["reasons"]
        return "META_TOKEN (it has a character" in reasons.get("webhooks", "")

    await eventually(named)


WRONG_SHAPES = {
    "a number": 7,
    "nothing": None,
    "a list": [[1], {"field_data": 3}],
    "a text": "field_data",
    "answers that are no list": {"field_data": {"name": "email"}},
    "answers that are lists": {"field_data": [[], [["email"]]]},
    "answers without a name": {"field_data": [{"values": ["a@b.example"]}, {"name": {"a": 1}}]},
    "a name of several thousand letters": {"field_data": [{"name": "n" * 9_000, "values": [1]}]},
    "values within values": {"field_data": [{"name": "email", "values": [[["a"]], {"b": 2}]}]},
    "names that meet": {
        "field_data": [
            {"name": "email", "values": [{"a": "b"}]},
            {"name": "contact.email", "values": [1.5]},
            {"name": "name", "values": [True]},
        ]
    },
}


@pytest.mark.parametrize("shape", WRONG_SHAPES)
async def test_an_answer_of_another_shape_is_no_reason_for_other_leads_to_wait(
    shape: str, process: Process, vendor: Vendor
) -> None:
    id_ = f"62{list(WRONG_SHAPES).index(shape)}"
    vendor.says(id_, (200, WRONG_SHAPES[shape]))
    vendor.says(f"{id_}-good", (200, DETAILS))
    told, good = await deliver(process, id_, f"{id_}-good")
    await until_gone(process, good["event_id"])
    await until_gone(process, told["event_id"])
    assert len(await captured(process, good["event_id"])) == 1
    assert await takes_leads(process)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        (f"http://{'a' * 70}.example.com/{{id}}", "the vendor can't be reached"),
        ("http://a..example.com/{id}", "the vendor can't be reached"),
        ("http://127.0.0.1:99999999/{id}", "the vendor can't be reached"),
        ("http://[::1/{id}", "the vendor can't be reached"),
    ],
)
async def test_an_address_that_nothing_can_be_sent_to_keeps_only_its_own_leads_waiting(
    url: str, says: str, process: Process, vendor: Vendor
) -> None:
    process.policy.bundle = with_meta(vendor, f"    details: {{url: '{url}'}}\n")
    (told,) = await deliver(process, f"63{len(url)}")

    async def said() -> bool:
        return says in (await waits(process))[told["event_id"]]["reason"]

    await eventually(said)
    assert await takes_leads(process)


async def test_a_header_of_the_bundle_that_no_request_can_have_is_said_of_the_leads_that_wait(
    process: Process, vendor: Vendor
) -> None:
    url = f"http://127.0.0.1:{vendor.port}/v1/{{id}}"
    process.policy.bundle = with_meta(
        vendor, f"    details: {{url: '{url}', headers: {{x-note: 'Gr\u00f6\u00dfe'}}}}\n"
    )
    (told,) = await deliver(process, "640")

    async def said() -> bool:
        return "`headers` under" in (await waits(process))[told["event_id"]]["reason"]

    await eventually(said)
    assert await takes_leads(process)


async def test_a_fault_of_ours_with_one_lead_puts_that_lead_off_and_the_others_are_fetched(
    settings: Settings, bundle: Bundle, vendor: Vendor
) -> None:
    async with running(settings, bundle, without="fetching") as process:
        process.environment |= {"META_SECRET": SECRET, "META_TOKEN": TOKEN}
        bad, good = await deliver(process, "645", "646")
        completed, person = [], "person@example.com"

        async def complete(given: Incomplete, _: Fetcher) -> None:
            if given.fetch.id == "645":
                raise AttributeError(person)
            completed.append(given.fetch.id)

        async with httpx.AsyncClient() as client:
            worker = FetchWorker(
                table=FetchTable(process.pool),
                fetcher=HttpFetcher(client, process.environment, timedelta(seconds=1)),
                complete=complete,
                keep=FailedDeliveries(process.pool).keep,
                limits=FetchLimits(timedelta(hours=24), timedelta(seconds=30)),
                clock=process.clock,
                metrics=IngestMetrics(CollectorRegistry()),
            )
            with capture_logs() as logged:
                works = asyncio.create_task(worker.run(settings.times))
                await until_gone(process, good["event_id"])

                async def put_off() -> bool:
                    found = (await waits(process))[bad["event_id"]]
                    return bool(found["attempts"] == 1 and "AttributeError" in found["reason"])

                await eventually(put_off)
                assert not works.done()
                works.cancel()
                await asyncio.wait({works})
        assert "646" in completed
    (line,) = [each for each in logged if each["event"] == "enrichment failed by a fault of Baton"]
    assert "in complete" in line["place"]
    assert person not in str(logged)


@pytest.mark.parametrize(
    ("id_", "column", "text"),
    [("651", "document", "[1, 2]"), ("652", "headers", "[[]]"), ("653", "document", "null")],
)
async def test_a_row_that_another_release_wrote_waits_and_is_kept_in_the_end_and_others_go_on(
    id_: str, column: str, text: str, settings: Settings, bundle: Bundle, vendor: Vendor
) -> None:
    async with running(settings, bundle, without="fetching") as process:
        process.environment |= {"META_SECRET": SECRET, "META_TOKEN": TOKEN}
        await process.circuit.closed.wait()
        vendor.says(f"{id_}-good", (200, DETAILS))
        told, good = await deliver(process, id_, f"{id_}-good")
        await process.pool.execute(
            f"UPDATE incomplete SET {column} = $2 WHERE event_id = $1",  # noqa: S608 - a test's own
            told["event_id"],
            text,
        )
    async with running(settings, bundle) as process:
        process.environment |= {"META_SECRET": SECRET, "META_TOKEN": TOKEN}
        await process.circuit.closed.wait()
        await until_gone(process, good["event_id"])

        async def said() -> bool:
            return "not as this release" in (await waits(process))[told["event_id"]]["reason"]

        await eventually(said)
        assert await takes_leads(process)
        after(process, timedelta(hours=25))
        await until_gone(process, told["event_id"])
        listed = (await process.http.get("/v1/deliveries", params={"source": "meta"})).json()
    assert [each for each in listed["deliveries"] if f"leadgen {id_} could" in each["reason"]]


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
