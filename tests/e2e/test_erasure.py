"""Who asks to be forgotten is: in every table of every service, and for what comes again."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from pydantic import JsonValue

from baton import cloudevents
from baton.cloudevents import Message
from baton.events import LeadCaptured, LeadErased, LeadRouted, LeadScored, SlaMet, SlaRetracted
from tests.e2e.people import Person, person
from tests.e2e.records import READERS, Reader, event, message, new_lead
from tests.e2e.spoiling import broken_json, under_a_wrong_key
from tests.e2e.test_bad_records import id_of, letter
from tests.e2e.test_webhooks import deliver, signed
from tests.e2e.world import IntakeResult, World, eventually

SCHEMAS = ("ingest", "scoring", "routing", "sla_monitor")


def forms(text: str) -> set[str]:
    """How a text may stand in a table: as it is, as JSON has it, and the bytes of either."""
    escaped = json.dumps(text)[1:-1]
    digits = "".join(c for c in text if c.isdigit()) if text.startswith("+") else text
    written = {text, escaped, digits}
    return written | {each.encode().hex() for each in written}


async def places_of(world: World, *texts: str) -> set[str]:
    """The tables of all services in which any of these stands, in whatever form."""
    found: set[str] = set()
    tables = await world.db.fetch(
        "SELECT schemaname || '.' || tablename AS name FROM pg_tables WHERE schemaname = ANY($1)",
        list(SCHEMAS),
    )
    wanted = [f"%{form}%" for text in texts for form in forms(text)]
    for table in tables:
        held = await world.db.fetchval(
            f"SELECT count(*) FROM {table['name']} AS t WHERE t::text LIKE ANY($1::text[])",  # noqa: S608 - the catalogue's names
            [like.replace("\\", "\\\\") for like in wanted],
        )
        if held:
            found.add(table["name"])
    return found


async def forget(world: World, who: Person, lead_id: UUID) -> datetime:
    """Ask for it, and wait until each service has done so; returns up to when."""
    answer = await world.post(
        "ingest", "/v1/privacy/erasures", {"email": who.email, "why": "asked for"}
    )
    assert answer.status_code == 202, answer.text
    erased = await world.wire.event(LeadErased, lead_id)

    async def done(schema: str) -> bool:
        at = f"SELECT erased_at FROM {schema}.subject WHERE id = $1"  # noqa: S608 - our schemas
        return bool(await world.db.fetchval(at, lead_id) == erased.data.occurred_at)

    for schema in SCHEMAS:
        await eventually(partial(done, schema))
    return erased.data.occurred_at


async def known_everywhere(world: World, who: Person, **more: Any) -> IntakeResult:
    """A lead with aliases, score, assignment and a running clock."""
    taken = await world.enquire(who, external_id=f"crm-{who.last_name}", **more)
    await world.routed(taken.lead_id)
    for reader in READERS:
        await eventually(partial(reader.took_effect, world, taken.lead_id))
    return taken


async def test_nothing_of_a_person_is_left_in_any_table_but_that_they_were_forgotten(
    world: World,
) -> None:
    who = person()
    taken = await known_everywhere(world, who)
    await world.follow_up(taken.lead_id, "note", note=f"{who.first_name} calls back")
    before = await places_of(world, *who.texts, str(taken.lead_id))
    assert before >= {
        "ingest.alias",
        "scoring.subject",
        "routing.subject",
        "routing.assignment",
        "routing.decision",
        "sla_monitor.clock",
        "sla_monitor.timer",
    }
    up_to = await forget(world, who, taken.lead_id)
    assert up_to <= datetime.now(UTC)
    assert await places_of(world, *who.texts) == set()

    async def only_tombs() -> bool:
        """Once what was told of it has left the outboxes too."""
        left = await places_of(world, str(taken.lead_id))
        return left == {f"{schema}.subject" for schema in SCHEMAS}

    await eventually(only_tombs)
    for schema in SCHEMAS:
        tomb = await world.db.fetchrow(
            f"SELECT erased_at FROM {schema}.subject WHERE id = $1",  # noqa: S608 - our schemas
            taken.lead_id,
        )
        assert tomb is not None
        assert tomb["erased_at"] == up_to


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.service)
@pytest.mark.parametrize("spoil", [broken_json, under_a_wrong_key], ids=["broken", "wrong-key"])
async def test_dead_letters_about_a_person_go_too_even_those_that_nobody_can_read(
    world: World, reader: Reader, spoil: Any
) -> None:
    who = person()
    taken = await known_everywhere(world, who)
    good = message(reader.make(taken.lead_id), taken.lead_id)
    named = replace(good, value=json.dumps(json.loads(good.value) | {"x": who.email}).encode())
    spoilt = spoil(named)
    id_ = id_of(spoilt, await world.wire.put(spoilt))
    await letter(world, reader.service, id_)
    assert f"{reader.service}.dead_letter" in await places_of(world, who.email)
    await forget(world, who, taken.lead_id)
    assert await places_of(world, *who.texts) == set()
    assert await world.status(reader.service, f"/v1/dead-letters/{id_}") == 404


async def test_deliveries_that_were_not_understood_go_with_the_person_they_name(
    world: World,
) -> None:
    who = person()
    taken = await known_everywhere(world, who)
    body = json.dumps({"type": "never.heard.of", "data": {"email": who.email}}).encode()
    headers = signed(world.deployment.told["E2E_SHOP_SECRET"], f"evt-{who.email}", body)
    assert (await deliver(world, "shop", body, headers)).status_code == 202
    assert "ingest.delivery_failed" in await places_of(world, who.email)
    await forget(world, who, taken.lead_id)
    assert await places_of(world, *who.texts) == set()


async def test_an_enquiry_in_quarantine_goes_with_the_person(world: World) -> None:
    who = person()
    spam: JsonValue = {"form_id": "demo", "message": "Come to our casino"}
    taken = await world.enquire(who, request=spam)
    assert await places_of(world, who.email) == {"ingest.quarantine"}
    await forget(world, who, taken.lead_id)
    assert await places_of(world, *who.texts) == set()


async def test_the_apis_know_a_forgotten_lead_no_more_and_its_promise_is_taken_back(
    world: World,
) -> None:
    who = person()
    taken = await known_everywhere(world, who)
    routed = await world.routed(taken.lead_id)
    await forget(world, who, taken.lead_id)
    assert await world.status("scoring", f"/v1/leads/{taken.lead_id}") == 404
    assert await world.status("routing", f"/v1/leads/{taken.lead_id}/assignments") == 404
    clocks = await world.get("sla_monitor", f"/v1/leads/{taken.lead_id}/clocks")
    assert clocks == {"clocks": []}
    retracted = await world.wire.event(SlaRetracted, taken.lead_id)
    assert retracted.data.assignment_id == routed.data.assignment_id


async def test_what_was_before_does_not_bring_a_forgotten_person_back(world: World) -> None:
    who = person()
    taken = await known_everywhere(world, who)
    old = world.wire.message(taken.event_id)
    scored = await world.wire.event(LeadScored, taken.lead_id)
    routed = await world.routed(taken.lead_id)
    forgotten = [old, world.wire.message(scored.id), world.wire.message(routed.id)]
    await forget(world, who, taken.lead_id)
    for record in forgotten:
        await world.wire.put(record)
        await world.wire.put(under_another_id(record))
    await everything_is_read(world, taken.lead_id)
    assert await places_of(world, *who.texts) == set()
    assert await world.status("scoring", f"/v1/leads/{taken.lead_id}") == 404
    told = world.wire.events(LeadScored, LeadRouted, lead=taken.lead_id)
    # In any order: they are on two topics.
    ours = {each.id for each in told if each.source.startswith("/baton/")}
    assert ours == {scored.id, routed.id}


def under_another_id(record: Message) -> Message:
    """The same old fact, as a replay of a topic or a restored backup may bring it."""
    old = cloudevents.decode(record.key, record.value, record.headers)
    return cloudevents.encode(event(old.data, UUID(old.subject)))


async def everything_is_read(world: World, lead_id: UUID) -> None:
    """Once each service has taken in another lead's event of the same shard, written after."""
    shard = next(r.partition for r in world.wire.records if r.message.key == str(lead_id).encode())
    for reader in READERS:
        other = new_lead(shard)
        await world.wire.put(message(reader.make(other), other))
        await eventually(partial(reader.took_effect, world, other))


async def test_a_later_enquiry_of_a_forgotten_person_starts_anew(world: World) -> None:
    who = person()
    taken = await known_everywhere(world, who)
    await world.follow_up(taken.lead_id, "contacted")
    await world.wire.event(SlaMet, taken.lead_id)
    up_to = await forget(world, who, taken.lead_id)
    again = await world.enquire(who, request={"form_id": "demo", "message": "hello again"})
    assert again.lead_id == taken.lead_id
    captured = await world.wire.event(
        LeadCaptured, taken.lead_id, lambda data: data.occurred_at > up_to
    )
    scored = await world.wire.event(
        LeadScored, taken.lead_id, lambda data: data.cause == again.event_id
    )
    assert scored.data.stage_before is None
    routed = await world.wire.event(
        LeadRouted, taken.lead_id, lambda data: data.enquiry == captured.id
    )
    assert (routed.data.attempt, routed.data.previous_rep) == (1, None)
    told = await world.get("scoring", f"/v1/leads/{taken.lead_id}")
    assert [each["id"] for each in told["enquiries"]] == [str(again.event_id)]
    assert told["followups"] == []


async def test_who_sends_the_very_same_form_again_after_being_forgotten_starts_anew(
    world: World,
) -> None:
    who = person()
    words: JsonValue = {"form_id": "demo", "message": "the same words"}
    first = await world.enquire(who, request=words)
    await world.routed(first.lead_id)
    for reader in READERS:
        await eventually(partial(reader.took_effect, world, first.lead_id))
    up_to = await forget(world, who, first.lead_id)
    again = await world.enquire(who, request=words)
    assert again.event_id == first.event_id
    routed = await world.wire.event(
        LeadRouted, first.lead_id, lambda data: data.occurred_at > up_to
    )
    told = world.wire.events(LeadRouted, lead=first.lead_id)
    assert len({each.id for each in told}) == len({each.data.assignment_id for each in told}) == 2
    clocks = await world.get("sla_monitor", f"/v1/leads/{first.lead_id}/clocks")
    assert {clock["assignment_id"] for clock in clocks["clocks"]} <= {
        str(routed.data.assignment_id)
    }
