"""What names nobody who is known: it waits in the open, and takes effect once its lead is known."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from baton import topics
from baton.events import DeliveriesWaiting, LeadActivity, LeadFollowup
from baton.policy.bundle import Bundle
from ingest.identity.alias_store import AliasStore
from ingest.identity.aliases import Alias, AliasKind, AliasName, Forget
from ingest.settings import Settings
from ingest_tests.harness import NOW, Process, eventually, running

LEAD = UUID("01890a5d-ac96-8b4e-9c3a-6f0d5c1e7a42")


def named(value: str, kind: AliasKind = AliasKind.EXTERNAL_ID) -> AliasName:
    return AliasName(kind, "main", "" if kind is AliasKind.PHONE else "crm", value)


async def keep(process: Process, *rows: Alias | Forget) -> None:
    """What the alias keeper does in its transaction."""
    async with process.pool.acquire() as db, db.transaction():
        await AliasStore().save(db, rows, None)  # type: ignore[arg-type]  # a proxy of it


async def post(process: Process, path: str, **document: object) -> dict[str, Any]:
    answer = await process.http.post(f"/v1/{path}", json={"source": "crm", **document})
    assert answer.status_code == 202, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def follow_up(process: Process, **document: object) -> dict[str, Any]:
    return await post(process, "followups", type="contacted", **document)


async def waits(process: Process, event_id: str) -> bool:
    found = await process.pool.fetchval("SELECT 1 FROM waiting WHERE event_id = $1", event_id)
    return found is not None


def is_gone(process: Process, event_id: str) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        return not await waits(process, event_id)

    return check


async def told_of(process: Process, event_id: str) -> list[LeadFollowup]:
    """What the topic has of an event, once the spool is empty."""
    await eventually(lambda: spool_is_empty(process))
    return [
        event.data
        for event in await process.events(topics.LEAD_FOLLOWUP)
        if str(event.id) == event_id and isinstance(event.data, LeadFollowup)
    ]


async def test_a_followup_waits_until_its_lead_is_known_and_then_takes_effect_once(
    process: Process,
) -> None:
    told = await follow_up(process, external_id="w-1", note="left a message")
    assert (told["state"], told["lead_id"]) == ("waiting", None)
    assert await told_of(process, told["event_id"]) == []
    await keep(process, Alias(named("w-1"), LEAD, NOW))
    await eventually(is_gone(process, told["event_id"]))
    (data,) = await told_of(process, told["event_id"])
    assert (data.lead_id, data.note, data.received_at) == (LEAD, "left a message", NOW)


async def test_what_is_sent_again_is_the_same_event_while_it_waits_and_after(
    process: Process,
) -> None:
    document = {"external_id": "w-2", "delivery_id": "d-2"}
    first = await follow_up(process, **document)
    assert await follow_up(process, **document) == first
    await keep(process, Alias(named("w-2"), LEAD, NOW))
    await eventually(is_gone(process, first["event_id"]))
    again = await follow_up(process, **document)
    assert (again["event_id"], again["lead_id"]) == (first["event_id"], str(LEAD))


async def test_an_activity_waits_too(process: Process) -> None:
    told = await post(process, "activities", type="page_viewed", external_id="w-3")
    assert told["state"] == "waiting"
    await keep(process, Alias(named("w-3"), LEAD, NOW))
    await eventually(is_gone(process, told["event_id"]))
    await told_of(process, told["event_id"])
    found = [e for e in await process.events(topics.LEAD_ACTIVITY) if str(e.id) == told["event_id"]]
    (event,) = found
    assert isinstance(event.data, LeadActivity)
    assert (event.data.lead_id, event.subject) == (LEAD, str(LEAD))


@pytest.mark.parametrize("kind", [AliasKind.CALL, AliasKind.MEETING, AliasKind.OPPORTUNITY])
async def test_a_call_a_meeting_or_an_opportunity_alone_names_a_lead(
    kind: AliasKind, process: Process
) -> None:
    records = [{"kind": kind.value, "id": "w-4"}]
    told = await follow_up(process, records=records)
    assert told["state"] == "waiting"
    await keep(process, Alias(named("w-4", kind), LEAD, NOW))
    await eventually(is_gone(process, told["event_id"]))
    (data,) = await told_of(process, told["event_id"])
    assert data.lead_id == LEAD


async def test_of_several_names_the_first_that_is_known_counts(process: Process) -> None:
    await keep(process, Alias(named("49305550101", AliasKind.PHONE), LEAD, NOW))
    told = await follow_up(process, external_id="w-5", phone="+49 30 5550101")
    assert (told["state"], told["lead_id"]) == ("published", str(LEAD))


async def test_a_phone_of_several_leads_does_not_say_whose_a_record_is(process: Process) -> None:
    phone = named("49305550102", AliasKind.PHONE)
    await keep(process, Alias(phone, LEAD, NOW), Alias(phone, UUID(int=2), NOW))
    told = await follow_up(process, external_id="w-6", phone="+49 30 5550102")
    assert told["state"] == "waiting"
    await keep(process, Alias(named("w-6"), UUID(int=2), NOW))
    await eventually(is_gone(process, told["event_id"]))
    (data,) = await told_of(process, told["event_id"])
    assert data.lead_id == UUID(int=2)


async def test_what_a_record_was_merged_into_does_not_say_whose_it_is(process: Process) -> None:
    await keep(process, Alias(named("survivor"), LEAD, NOW))
    told = await post(
        process,
        "followups",
        type="merged",
        external_id="w-7",
        records=[{"kind": "person", "id": "survivor"}],
    )
    assert told["state"] == "waiting"


async def test_what_was_put_down_beside_the_keepers_transaction_is_found_too(
    settings: Settings, bundle: Bundle
) -> None:
    async with running(settings, bundle, without="waiting") as process:
        told = await follow_up(process, external_id="w-8")
        await keep(process, Alias(named("w-8"), LEAD, NOW))
        await process.pool.execute("UPDATE waiting SET due = false")
    async with running(settings, bundle) as process:
        await eventually(is_gone(process, told["event_id"]))


async def test_what_a_new_name_may_help_is_tried_at_once(
    settings: Settings, bundle: Bundle
) -> None:
    async with running(settings, bundle, without="waiting") as process:
        told = await follow_up(process, external_id="w-9")
        other = await follow_up(process, external_id="w-10")
        await process.pool.execute("UPDATE waiting SET due = false")
        await keep(process, Alias(named("w-9"), LEAD, NOW))
        marked = await process.pool.fetch("SELECT event_id FROM waiting WHERE due")
        assert [str(row["event_id"]) for row in marked] == [told["event_id"]] != [other["event_id"]]


async def test_whoever_has_grown_old_is_reported_once(settings: Settings, bundle: Bundle) -> None:
    async with running(settings, bundle) as process:
        await process.circuit.closed.wait()
        for n in range(2):
            await follow_up(process, source="outlet", external_id="old", delivery_id=f"old-{n}")
        process.clock.now += settings.waiting_old + timedelta(minutes=6)
        await eventually(lambda: all_are_reported(process, "outlet"))
        process.clock.now += timedelta(minutes=6)
        told = await follow_up(process, source="outlet", external_id="young")
        await eventually(lambda: looked_at(process, told["event_id"]))
        await eventually(lambda: spool_is_empty(process))
        found = [event.data for event in await process.events(topics.OPERATIONS)]
    reports = [data for data in found if isinstance(data, DeliveriesWaiting)]
    (report,) = [report for report in reports if report.subject == "outlet"]
    assert (report.deliveries, report.oldest_at) == (2, NOW)


async def all_are_reported(process: Process, source: str) -> bool:
    reported = "SELECT bool_and(reported_at IS NOT NULL) FROM waiting WHERE source = $1"
    return bool(await process.pool.fetchval(reported, source))


async def spool_is_empty(process: Process) -> bool:
    return not await process.pool.fetchval("SELECT count(*) FROM spool")


async def looked_at(process: Process, event_id: str) -> bool:
    """Whether the waiting room was gone through since this event came."""
    due = await process.pool.fetchval("SELECT due FROM waiting WHERE event_id = $1", event_id)
    return due is False


async def test_what_waits_is_counted_and_listed_the_first_one_first(process: Process) -> None:
    told = [await follow_up(process, external_id=f"list-{n}") for n in range(3)]
    answer = await process.http.get("/v1/waiting", params={"source": "crm", "limit": 500})
    listed = [each for each in answer.json() if each["names"][0]["value"].startswith("list-")]
    assert [each["event_id"] for each in listed] == [each["event_id"] for each in told]
    assert listed[0]["type"] == "contacted"
    assert listed[0]["names"] == [{"kind": "external_id", "value": "list-0"}]
    after = {"after": listed[1]["number"], "limit": 1}
    (last,) = (await process.http.get("/v1/waiting", params=after)).json()
    assert last["event_id"] == told[2]["event_id"]
    await eventually(lambda: shows(process, at_least=3))


async def shows(process: Process, at_least: int) -> bool:
    return process.metric("baton_waiting_rows") >= at_least


async def test_when_as_much_waits_as_may_the_sender_must_send_it_again(
    settings: Settings, bundle: Bundle
) -> None:
    async with running(settings.model_copy(update={"waiting_most": 1}), bundle) as process:
        await process.http.post(
            "/v1/followups", json={"source": "crm", "external_id": "full-1", "type": "contacted"}
        )
        answer = await process.http.post(
            "/v1/followups", json={"source": "crm", "external_id": "full-2", "type": "contacted"}
        )
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


async def test_what_has_waited_past_its_retention_is_given_up_and_counted(
    settings: Settings, bundle: Bundle
) -> None:
    async with running(settings, bundle, without="waiting") as process:
        told = await follow_up(process, external_id="given-up")
        await process.pool.execute(
            "UPDATE waiting SET received_at = $2 WHERE event_id = $1",
            told["event_id"],
            NOW - timedelta(days=31),
        )
    async with running(settings, bundle) as process:
        await eventually(is_gone(process, told["event_id"]))

        async def counted() -> bool:
            return process.metric("baton_waiting_given_up_total") == 1

        await eventually(counted)


async def erase(process: Process, **who: str) -> None:
    """What the alias keeper does of what the route tells."""
    told = await post(process, "privacy/erasures", brand="main", why="asked for it", **who)
    leads = [UUID(each["lead_id"]) for each in told["results"]]
    await keep(process, *(Forget(lead, NOW, NOW) for lead in leads))


@pytest.mark.parametrize(
    ("sent", "erased"),
    [
        ({"external_id": "erase-1"}, {"external_id": "erase-1"}),
        ({"phone": "+49 30 5550103", "first_name": "A"}, {"phone": "+49 30 5550103"}),
        ({"external_id": "erase-2", "phone": "+49 30 5550104"}, {"phone": "+49 30 5550104"}),
        ({"external_id": "erase-3", "note": "ask p@example.com"}, {"email": "p@example.com"}),
    ],
)
async def test_what_waits_is_forgotten_with_the_person(
    sent: dict[str, str], erased: dict[str, str], process: Process
) -> None:
    told = await follow_up(process, **sent)
    assert told["state"] == "waiting"
    await erase(process, **erased)
    assert not await waits(process, told["event_id"])


async def test_what_waits_for_a_name_of_an_erased_lead_is_forgotten_and_what_came_later_is_not(
    settings: Settings, bundle: Bundle
) -> None:
    async with running(settings, bundle, without="waiting") as process:
        before = await follow_up(process, external_id="erase-4", delivery_id="before")
        process.clock.now += timedelta(seconds=1)
        later = await follow_up(process, external_id="erase-4", delivery_id="later")
        await keep(process, Alias(named("erase-4"), LEAD, NOW), Forget(LEAD, NOW, NOW))
        assert not await waits(process, before["event_id"])
        assert await waits(process, later["event_id"])
