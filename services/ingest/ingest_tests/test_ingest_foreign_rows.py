"""Rows that this release can't use, as another one may write them: they stay, the others go on."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from structlog.testing import capture_logs

from baton import topics
from baton.events import DeliveriesWaiting
from baton.policy.bundle import Bundle
from ingest.identity.alias_store import AliasStore
from ingest.identity.aliases import Alias, AliasKind, AliasName, Forget
from ingest.publish import forwarder
from ingest.settings import Settings
from ingest_tests.harness import NOW, Process, eventually, running

LEAD = UUID("01890a5d-ac96-8b4e-9c3a-6f0d5c1e7a42")


@pytest.fixture
def settings(settings_of_its_own: Settings) -> Settings:
    """What stays in the tables here is nobody else's."""
    return settings_of_its_own


async def keep(process: Process, *rows: Alias | Forget) -> None:
    """What the alias keeper does in its transaction."""
    async with process.pool.acquire() as db, db.transaction():
        await AliasStore().save(db, rows, None)  # type: ignore[arg-type]  # a proxy of it


async def follow_up(process: Process, external_id: str) -> str:
    """The id of a follow-up that waits for its lead."""
    document = {"source": "crm", "type": "contacted", "external_id": external_id}
    answer = await process.http.post("/v1/followups", json=document)
    assert (answer.status_code, answer.json()["state"]) == (202, "waiting")
    return str(answer.json()["event_id"])


async def comes_to_be_known(process: Process, external_id: str) -> None:
    name = AliasName(AliasKind.EXTERNAL_ID, "main", "crm", external_id)
    await keep(process, Alias(name, LEAD, NOW))


async def waits(process: Process, event_id: str) -> bool:
    return bool(
        await process.pool.fetchval("SELECT count(*) FROM waiting WHERE event_id = $1", event_id)
    )


async def listed(process: Process, event_id: str) -> dict[str, Any]:
    answer = await process.http.get("/v1/waiting", params={"limit": 500})
    assert answer.status_code == 200, answer.text
    (found,) = [each for each in answer.json() if each["event_id"] == event_id]
    return dict(found)


async def intake_works(process: Process) -> None:
    """A lead is taken, and no task beside the requests has failed."""
    answer = await process.http.post(
        "/v1/leads", json={"source": "website", "email": "a@b.example"}
    )
    assert answer.status_code == 202
    failed = [
        sample.value
        for metric in process.registry.collect()
        for sample in metric.samples
        if sample.name == "baton_task_failures_total"
    ]
    assert failed == []


FOLLOWUP = {"lead_id": str(LEAD), "type": "contacted", "occurred_at": "2026-03-02T12:00:00Z"}
FOREIGN = {
    "a kind of name": ("names", json.dumps([["account", "main", "crm", "ID"]])),
    "a name of more parts": ("names", json.dumps([["external_id", "main", "crm", "ID", "x"]])),
    "names that are no list": ("names", '{"external_id": "ID"}'),
    "names that are nothing": ("names", "null"),
    "a type of follow-up": ("value", json.dumps(FOLLOWUP | {"type": "sent_a_dove"}).encode()),
    "a value that is no JSON": ("value", b"\xff\xfe"),
    "a value with nothing in it": ("value", b""),
    "another type of event": ("headers", '[["ce_type", "baton.lead.pondered.v1"]]'),
    "headers that are no pairs": ("headers", '[["ce_type"], 3]'),
    "headers that are nothing": ("headers", "null"),
    "a header with a number": ("headers", '[["ce_type", 3]]'),
    "another key": ("key", b"\x00"),
}


@pytest.mark.parametrize("what", FOREIGN)
async def test_what_waits_and_can_not_be_read_waits_on_and_what_is_behind_it_is_done(
    what: str, settings: Settings, bundle: Bundle
) -> None:
    column, content = FOREIGN[what]
    foreign, plain = f"foreign-{uuid4()}", f"plain-{uuid4()}"
    if isinstance(content, str):
        content = content.replace("ID", foreign)
    async with running(settings, bundle, without="waiting") as process:
        bad, good = await follow_up(process, foreign), await follow_up(process, plain)
        await process.pool.execute(
            f"UPDATE waiting SET {column} = $2 WHERE event_id = $1",  # noqa: S608 - a test's own
            bad,
            content,
        )
    async with running(settings, bundle) as process:
        await comes_to_be_known(process, foreign)
        await comes_to_be_known(process, plain)

        async def only_the_bad_one_waits() -> bool:
            due = await process.pool.fetchval("SELECT due FROM waiting WHERE event_id = $1", bad)
            return due is False and not await waits(process, good)

        await eventually(only_the_bad_one_waits)
        assert (await listed(process, bad))["unreadable"]
        await intake_works(process)


async def test_of_what_waits_and_can_not_be_read_the_log_is_told_once(
    settings: Settings, bundle: Bundle
) -> None:
    async with running(settings, bundle, without="waiting") as process:
        await process.pool.execute("DELETE FROM waiting")
        bad = await follow_up(process, "told-once")
        await process.pool.execute("UPDATE waiting SET names = '[[\"account\"]]'")
    with capture_logs() as logged:
        async with running(settings, bundle) as process:
            for _ in range(3):
                await process.pool.execute("UPDATE waiting SET due = true")
                await eventually(lambda: is_looked_at(process, bad))
    said = [line for line in logged if line["event"] == "an unmatched delivery can't be read"]
    assert [(line["source"], line["delivery"]) for line in said] == [("crm", bad)]


async def is_looked_at(process: Process, event_id: str) -> bool:
    due = await process.pool.fetchval("SELECT due FROM waiting WHERE event_id = $1", event_id)
    return due is False


async def test_of_what_can_not_be_read_it_is_reported_that_it_waits(
    settings: Settings, bundle: Bundle
) -> None:
    async with running(settings, bundle) as process:
        await process.circuit.closed.wait()
        await process.pool.execute("DELETE FROM waiting")
        bad = await follow_up(process, "reported")
        other = await follow_up(process, "of-a-source-without-a-name")
        await process.pool.execute(
            "UPDATE waiting SET names = '[[\"account\"]]' WHERE event_id = $1", bad
        )
        await process.pool.execute(
            "UPDATE waiting SET source = repeat('x', 2000) WHERE event_id = $1", other
        )
        process.clock.now += settings.waiting_old + timedelta(minutes=6)

        async def reported() -> bool:
            found = [event.data for event in await process.events(topics.OPERATIONS)]
            return any(
                isinstance(data, DeliveriesWaiting) and data.subject == "crm" for data in found
            )

        await eventually(reported)
        await intake_works(process)


async def test_a_name_of_a_kind_that_this_release_does_not_know_keeps_no_erasure_back(
    settings: Settings, bundle: Bundle
) -> None:
    lead_id = uuid4()
    async with running(settings, bundle) as process:
        await process.pool.execute(
            "INSERT INTO alias VALUES ('account', 'main', 'crm', 'a-1', $1, $2, true)", lead_id, NOW
        )
        await keep(process, Forget(lead_id, NOW, NOW))
        left = "SELECT count(*) FROM alias WHERE lead_id = $1"
        assert await process.pool.fetchval(left, lead_id) == 0


SPOOLED = {
    "of a topic that this release does not write": ("topic", "lead-pondered"),
    "of a partition that there is not": ("shard", 3),
    "of a partition below the first": ("shard", -1),
    "with headers that are no pairs": ("headers", "[7]"),
    "with headers that are nothing": ("headers", "null"),
    "with a header whose name is a number": ("headers", '[[1, "x"]]'),
    "larger than a record may be": ("value", b"x" * 1_100_000),
}


async def spool(process: Process, **columns: object) -> UUID:
    """The id of an event that another process has spooled."""
    event_id = uuid4()
    row = {
        "event_id": event_id,
        "process": uuid4(),
        "shard": 0,
        "topic": topics.LEAD_CAPTURED.name,
        "key": b"k",
        "headers": "[]",
        "value": b"{}",
        "spooled_at": NOW,
        **columns,
    }
    places = ", ".join(f"${n}" for n in range(1, len(row) + 1))
    await process.pool.execute(
        f"INSERT INTO spool ({', '.join(row)}) VALUES ({places})",  # noqa: S608 - a test's own
        *row.values(),
    )
    return event_id


async def in_the_spool(process: Process) -> set[UUID]:
    return {row["event_id"] for row in await process.pool.fetch("SELECT event_id FROM spool")}


@pytest.mark.parametrize("what", SPOOLED)
async def test_what_can_not_be_sent_from_the_spool_stays_there_and_what_is_behind_it_is_sent(
    what: str, settings: Settings, bundle: Bundle
) -> None:
    column, content = SPOOLED[what]
    async with running(settings, bundle, without="forwarder") as process:
        await process.pool.execute("DELETE FROM spool")
        bad = await spool(process, **{column: content})
        await spool(process)
    async with running(settings, bundle) as process:

        async def only_the_bad_one_is_left() -> bool:
            return await in_the_spool(process) == {bad}

        await eventually(only_the_bad_one_is_left)

        async def said() -> bool:
            ready = (await process.http.get("/readyz")).json()
            return "can't be sent by this release" in ready["reasons"].get("spool", "")

        await eventually(said)
        await intake_works(process)
        # Another process may know how.
        await process.pool.execute("DELETE FROM spool")

        async def works_again() -> bool:
            return "spool" not in (await process.http.get("/readyz")).json()["reasons"]

        await eventually(works_again)


async def test_more_than_a_page_of_what_can_not_be_sent_keeps_nothing_behind_it_back(
    settings: Settings, bundle: Bundle
) -> None:
    async with running(settings, bundle, without="forwarder") as process:
        await process.pool.execute("DELETE FROM spool")
        for _ in range(forwarder.PAGE + 20):
            await spool(process, topic="lead-pondered")
        good = await spool(process)
    async with running(settings, bundle) as process:

        async def sent() -> bool:
            return good not in await in_the_spool(process)

        await eventually(sent)
        assert len(await in_the_spool(process)) == forwarder.PAGE + 20
        await intake_works(process)
        await process.pool.execute("DELETE FROM spool")
