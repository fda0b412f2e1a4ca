"""Kafka away, PostgreSQL away, both away: what is taken is not lost, and goes on in order."""

import asyncio
import json
import secrets
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import psutil
import pytest
from prometheus_client import CollectorRegistry

from baton import topics
from baton.cloudevents import Message
from baton.policy.bundle import Bundle
from baton_local.postgres import create_database
from baton_local.processes import with_children
from baton_local.stack import KAFKA, POSTGRES, Stack
from ingest.metrics import IngestMetrics
from ingest.publish.forwarder import deletable
from ingest.publish.spool import Spool, SpoolBounds, SpoolFullError
from ingest.publish.spool_store import Addressed, Spooled, SpoolTable
from ingest.settings import Settings
from ingest_tests.harness import NOW, Process, deployed, eventually, hook_headers, running

LEAD = {"source": "website", "email": "lead@example.com"}

FREEZE, THAW = signal.SIGSTOP, signal.SIGCONT


def send(sent: signal.Signals, stack: Stack, server: str) -> None:
    """To each of the server's processes."""
    status = next(each for each in stack.status() if each.name == server)
    for process in with_children(status.pid):
        # One of PostgreSQL's may have ended since it was found.
        with suppress(psutil.NoSuchProcess):
            process.send_signal(sent)


@contextmanager
def frozen(stack: Stack, *servers: str) -> Iterator[None]:
    """For the time of the block; a process ends more quickly when they answer again."""
    for server in servers:
        send(FREEZE, stack, server)
    try:
        yield
    finally:
        for server in servers:
            send(THAW, stack, server)


@pytest.fixture
def stack(module_stack: Stack) -> Iterator[Stack]:
    """Its servers run before a test and after it."""
    yield module_stack
    for server in (KAFKA, POSTGRES):
        send(THAW, module_stack, server)
        module_stack.start_program(server)


@pytest.fixture
def doomed(stack: Stack) -> Settings:
    """A deployment whose servers the test ends."""
    name = f"doomed_{secrets.token_hex(4)}"
    database = create_database(stack.server_url, name)
    return deployed(stack.kafka_bootstrap, database, f"{name}-")


async def stop(stack: Stack, server: str) -> None:
    await asyncio.to_thread(stack.stop_program, server, crash=True)


async def start(stack: Stack, server: str) -> None:
    await asyncio.to_thread(stack.start_program, server)


async def post(process: Process, n: int) -> dict[str, Any]:
    """One of a series of enquiries of one lead; they are all of one shard."""
    answer = await process.http.post("/v1/leads", json={**LEAD, "n": n})
    assert answer.status_code == 202, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def wire(process: Process) -> list[str]:
    """The ids of captured leads as their topic has them."""
    return [str(event.id) for event in await process.events(topics.LEAD_CAPTURED)]


def firsts(ids: list[str]) -> list[str]:
    return list(dict.fromkeys(ids))


async def is_spooled(process: Process) -> bool:
    """Whether a lead is that is sent now."""
    answer = await process.http.post("/v1/leads", json=LEAD)
    return answer.status_code == 202 and answer.json()["state"] == "spooled"


async def is_empty(process: Process) -> bool:
    return not await process.pool.fetchval("SELECT count(*) FROM spool")


async def test_while_kafka_is_away_the_spool_takes_events_and_later_forwards_them_in_order(
    stack: Stack, doomed: Settings, bundle: Bundle
) -> None:
    async with running(doomed, bundle) as process:
        await process.circuit.closed.wait()
        told = [await post(process, 0)]
        await stop(stack, KAFKA)
        told += [await post(process, n) for n in range(1, 31)]
        assert {each["state"] for each in told[1:]} == {"spooled"}
        await start(stack, KAFKA)
        async with asyncio.timeout(60):
            while told[-1]["state"] == "spooled":
                told.append(await post(process, len(told)))
        await eventually(lambda: is_empty(process))
        assert firsts(await wire(process)) == [each["event_id"] for each in told]
        assert process.metric("baton_spooled_total") == len(told) - 2


async def test_what_is_sent_again_while_kafka_is_away_is_spooled_once(
    stack: Stack, doomed: Settings, bundle: Bundle
) -> None:
    async with running(doomed, bundle) as process:
        await process.circuit.closed.wait()
        await stop(stack, KAFKA)
        assert await post(process, 1) == await post(process, 1)
        assert await process.pool.fetchval("SELECT count(*) FROM spool") == 1


async def test_a_shards_events_follow_those_that_this_process_has_in_the_spool(
    stack: Stack, doomed: Settings, bundle: Bundle
) -> None:
    async with running(doomed, bundle, without="forwarder") as process:
        await process.circuit.closed.wait()
        await stop(stack, KAFKA)
        await post(process, 1)
        await start(stack, KAFKA)
        await process.circuit.closed.wait()
        assert (await post(process, 2))["state"] == "spooled"


async def test_one_process_forwards_what_another_left_and_no_two_at_once(
    stack: Stack, doomed: Settings, bundle: Bundle
) -> None:
    async with running(doomed, bundle) as gone:
        await gone.circuit.closed.wait()
        await stop(stack, KAFKA)
        told = [await post(gone, n) for n in range(10)]
    async with running(doomed, bundle) as one, running(doomed, bundle) as other:
        told += [await post(one, n) for n in range(10, 20)]
        told += [await post(other, n) for n in range(20, 30)]
        await start(stack, KAFKA)
        await eventually(lambda: is_empty(one))
        # The first may have reached Kafka before it was spooled.
        assert sorted((await wire(one))[-30:]) == sorted(each["event_id"] for each in told)


async def test_a_frozen_kafka_is_away(stack: Stack, doomed: Settings, bundle: Bundle) -> None:
    async with running(doomed, bundle) as process:
        await process.circuit.closed.wait()
        send(FREEZE, stack, KAFKA)
        told = [await post(process, n) for n in range(5)]
        send(THAW, stack, KAFKA)
        assert {each["state"] for each in told} == {"spooled"}
        await eventually(lambda: is_empty(process))
        assert set(await wire(process)) == {each["event_id"] for each in told}


async def refused_for_now(process: Process, path: str, **parts: Any) -> None:
    answer = await process.http.post(path, **parts)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5"), answer.text


@pytest.mark.parametrize("frozen", [False, True])
async def test_while_postgresql_is_away_kafka_takes_what_needs_no_look_up(
    frozen: bool,  # noqa: FBT001 - the case of the test
    stack: Stack,
    doomed: Settings,
    bundle: Bundle,
) -> None:
    async with running(doomed, bundle) as process:
        await process.circuit.closed.wait()
        if frozen:
            send(FREEZE, stack, POSTGRES)
        else:
            await stop(stack, POSTGRES)
        assert (await post(process, 1))["state"] == "published"
        by_email = {**LEAD, "type": "contacted"}
        answer = await process.http.post("/v1/followups", json=by_email)
        assert answer.status_code == 202
        by_record = {"source": "crm", "external_id": "42", "type": "contacted"}
        await refused_for_now(process, "/v1/followups", json=by_record)
        body = b"authentic, and not understood"
        hook = {"content": body, "headers": hook_headers(body)}
        await refused_for_now(process, "/v1/webhooks/hooks", **hook)
        await stop(stack, KAFKA)
        await refused_for_now(process, "/v1/leads", json=LEAD)
        batch = await process.http.post(
            "/v1/leads/batch", content=b'{"source": "website", "email": "a@example.com"}'
        )
        assert batch.json()["state"] == "failed"
        assert batch.json()["problem"]["status"] == 503
        if frozen:
            send(THAW, stack, POSTGRES)
        else:
            await start(stack, POSTGRES)
        assert (await post(process, 2))["state"] == "spooled"


HUNG = timedelta(minutes=5)
STRICTEST_SENDER = 3.0


@pytest.mark.parametrize("held", [False, True], ids=["at once", "behind spooled events"])
async def test_with_kafka_and_postgresql_hanging_every_answer_comes_before_a_sender_gives_up(
    held: bool,  # noqa: FBT001 - the case of the test
    stack: Stack,
    doomed: Settings,
    bundle: Bundle,
) -> None:
    # No bound but the last one holds: what a part of the way waits for by itself is far longer.
    switch = doomed.times.spool_switch if held else HUNG
    times = doomed.times.model_copy(update={"spool_switch": switch})
    hanging = {"times": times, "database_wait": HUNG, "answer_within": timedelta(seconds=1.5)}
    async with running(doomed.model_copy(update=hanging), bundle) as process:
        await process.circuit.closed.wait()
        if held:
            await stop(stack, KAFKA)
            await eventually(lambda: is_spooled(process))
        body = b"authentic, and not understood"
        form = json.dumps({"type": "form.submitted", "data": {"email": "a@example.com"}}).encode()
        asked: list[tuple[str, dict[str, Any]]] = [
            ("/v1/leads", {"json": LEAD}),
            ("/v1/followups", {"json": {**LEAD, "type": "contacted"}}),
            ("/v1/followups", {"json": {"source": "crm", "phone": "1234567", "type": "contacted"}}),
            ("/v1/activities", {"json": {**LEAD, "type": "page_viewed"}}),
            ("/v1/privacy/erasures", {"json": {"email": "a@example.com", "why": "asked"}}),
            ("/v1/webhooks/hooks", {"content": body, "headers": hook_headers(body)}),
            ("/v1/webhooks/hooks", {"content": form, "headers": hook_headers(form)}),
        ]
        with frozen(stack, *((POSTGRES,) if held else (KAFKA, POSTGRES))):
            for path, parts in asked:
                async with asyncio.timeout(STRICTEST_SENDER):
                    await refused_for_now(process, path, **parts)


async def test_a_full_spool_takes_nothing_more_until_some_of_it_is_forwarded(
    stack: Stack, doomed: Settings, bundle: Bundle
) -> None:
    async with running(doomed.model_copy(update={"spool_rows": 3}), bundle) as process:
        await process.circuit.closed.wait()
        await stop(stack, KAFKA)
        taken: list[dict[str, Any]] = []

        async def is_refused() -> bool:
            answer = await process.http.post("/v1/leads", json={**LEAD, "n": len(taken)})
            if answer.status_code == 202:
                taken.append(answer.json())
            return answer.status_code == 503

        await eventually(is_refused)
        await refused_for_now(process, "/v1/leads", json=LEAD)
        ready = (await process.http.get("/readyz")).json()
        assert (ready["status"], ready["reasons"]["spool"][:17]) == (
            "degraded",
            "the spool is full",
        )
        assert len(taken) >= 3

        async def are_counted() -> bool:
            # At the next look: what found it full may have missed an event on its way in.
            return process.metric("baton_spool_rows") == len(taken)

        await eventually(are_counted)
        assert process.metric("baton_spool_bytes") > 0
        await start(stack, KAFKA)
        await eventually(lambda: is_empty(process))
        assert firsts(await wire(process)) == [each["event_id"] for each in taken]
        await process.circuit.closed.wait()
        assert (await process.http.post("/v1/leads", json=LEAD)).status_code == 202


async def test_what_was_taken_out_of_the_middle_does_not_make_the_spool_full(
    doomed: Settings, bundle: Bundle
) -> None:
    async with running(doomed, bundle, without="forwarder") as process:
        table = SpoolTable(process.pool, process=uuid4())

        def any_event() -> Addressed:
            return Addressed(uuid4(), 0, Message("lead-captured", b"k", b"value", ()))

        for _ in range(5):
            await table.add([any_event()], NOW)
        await process.pool.execute(
            "DELETE FROM spool WHERE id NOT IN (SELECT min(id) FROM spool UNION "
            "SELECT max(id) FROM spool)"
        )
        assert (await table.size()).rows == 5
        assert (await table.counted()).rows == 2
        spool = Spool(table, timedelta(seconds=60), SpoolBounds(rows=3, bytes=10**9))

        async def is_full_at(now: datetime) -> bool:
            await spool.look(IngestMetrics(CollectorRegistry()), now)
            return spool.full

        assert not await is_full_at(NOW)
        for _ in range(2):
            await spool.add(any_event(), NOW)
        assert await is_full_at(NOW + timedelta(minutes=1))
        with pytest.raises(SpoolFullError):
            await spool.add(any_event(), NOW)


def test_what_is_behind_something_that_failed_is_sent_again_after_it() -> None:
    message = Message("lead-captured", b"k", b"v", ())
    shards = (1, 2, 1, 2, 1)
    rows = [Spooled(id_, shard, message) for id_, shard in enumerate(shards)]
    assert deletable(rows, [True, True, False, True, True]) == [0, 1, 3]
