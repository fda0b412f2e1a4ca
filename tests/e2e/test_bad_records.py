"""Records that can't be applied: kept once by id for each service; what is behind them goes on."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from baton import identity
from baton.cloudevents import Message
from baton.events import (
    DeadLetter,
    FollowupType,
    LeadFollowup,
    LeadScored,
    LeadUnrouted,
    Rep,
)
from tests.e2e.records import (
    READERS,
    Reader,
    activity,
    captured,
    message,
    new_lead,
    profile,
    routed,
    scored,
)
from tests.e2e.spoiling import HUGE, SPOILT, Spoil, broken_json, with_a_huge_value, with_header
from tests.e2e.world import World, eventually


def id_of(given: Message, place: tuple[int, int]) -> UUID:
    """What its dead letter is called: by its id, else by its place."""
    for name, value in given.headers:
        if name == "ce_id" and value:
            return UUID(value.decode())
    return identity.named_id("unreadable", given.topic, *map(str, place))


async def letter(world: World, service: str, id_: UUID) -> dict[str, Any]:
    """A dead letter, once the service has it."""
    path = f"/v1/dead-letters/{id_}"

    async def there() -> bool:
        return await world.status(service, path) == 200

    await eventually(there)
    found: dict[str, Any] = await world.get(service, path)
    return found


async def announced(world: World, service: str, id_: UUID) -> DeadLetter:
    """What the topic says of it, once that is there; the same event each time."""

    def look() -> set[UUID]:
        return {
            event.id
            for event in world.wire.events(DeadLetter)
            if (event.data.dead_letter_id, event.data.service) == (id_, service)
        }

    assert len(await world.wire.until(look)) == 1
    return next(data for data in world.wire.letters(id_) if data.service == service)


@pytest.mark.parametrize("spoil", SPOILT, ids=lambda spoil: spoil.__name__.replace("_", "-"))
@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.service)
async def test_a_record_that_is_no_event_is_kept_once_and_what_is_behind_it_goes_on(
    world: World, reader: Reader, spoil: Spoil
) -> None:
    bad, good = new_lead(), new_lead()
    pid = world.deployment.stack.pid(reader.service)
    spoilt = spoil(message(reader.make(bad), bad))
    place = await world.wire.put(spoilt, partition=0)
    await world.wire.put(message(reader.make(good), good))
    await eventually(partial(reader.took_effect, world, good))
    assert not await reader.took_effect(world, bad)
    id_ = id_of(spoilt, place)
    kept = await letter(world, reader.service, id_)
    assert (kept["topic"], kept["offset"], kept["failures"]) == (spoilt.topic, place[1], 1)
    told = await announced(world, reader.service, id_)
    assert (told.origin_topic, told.partition, told.offset) == (spoilt.topic, *place)
    assert told.reason == kept["reason"]
    assert world.deployment.stack.pid(reader.service) == pid
    assert await world.status(reader.service, "/readyz") == 200


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.service)
async def test_a_record_in_a_wrong_partition_is_kept_once_and_what_is_behind_it_goes_on(
    world: World, reader: Reader
) -> None:
    astray, good = new_lead(shard=1), new_lead(shard=0)
    record = message(reader.make(astray), astray)
    place = await world.wire.put(record, partition=0)
    await world.wire.put(message(reader.make(good), good))
    await eventually(partial(reader.took_effect, world, good))
    assert not await reader.took_effect(world, astray)
    kept = await letter(world, reader.service, id_of(record, place))
    assert "does not belong to its partition" in kept["reason"]
    await announced(world, reader.service, id_of(record, place))


async def test_each_service_that_reads_a_topic_keeps_what_it_can_not_read(world: World) -> None:
    bad = new_lead()
    record = with_header(message(captured(bad), bad), "ce_type", b"nonsense")
    place = await world.wire.put(record)
    id_ = id_of(record, place)
    for service in ("ingest", "scoring", "sla_monitor"):
        await letter(world, service, id_)
        await announced(world, service, id_)
    assert await world.status("routing", f"/v1/dead-letters/{id_}") == 404


async def test_a_bad_record_that_comes_twice_is_told_of_as_the_same_dead_letter(
    world: World,
) -> None:
    bad, good = new_lead(), new_lead()
    record = broken_json(message(activity(bad), bad))
    await world.wire.put(record)
    place = await world.wire.put(record)
    await world.wire.put(message(activity(good), good))
    await eventually(partial(READERS[1].took_effect, world, good))
    id_ = id_of(record, place)
    assert (await letter(world, "scoring", id_))["failures"] == 2
    listed = await world.get("scoring", "/v1/dead-letters?limit=500")
    assert [each["id"] for each in listed].count(str(id_)) == 1
    await world.wire.until(lambda: len(world.wire.letters(id_)) == 2)
    await announced(world, "scoring", id_)


async def test_a_huge_value_is_a_reference_on_the_topic_and_whole_in_the_database(
    world: World,
) -> None:
    bad = new_lead()
    record = with_a_huge_value(message(activity(bad), bad))
    place = await world.wire.put(record)
    id_ = id_of(record, place)
    assert (await letter(world, "scoring", id_))["value"] == "x" * HUGE
    assert (await announced(world, "scoring", id_)).value is None


@pytest.mark.parametrize(
    "odd",
    [{"source": "nobody-declared"}, {"custom": {"pool": 5}}, {"custom": {"no_such_field": "x"}}],
    ids=["undeclared-source", "value-of-another-type", "undeclared-field"],
)
async def test_what_intake_refuses_and_another_writer_puts_on_a_topic_is_decided_on_as_it_is(
    world: World, odd: dict[str, Any]
) -> None:
    """A condition takes a value of another type for missing; a bundle may have changed since."""
    lead_id = new_lead()
    given = captured(lead_id, profile=profile(external_id=str(lead_id), **odd))
    await world.wire.put(message(given, lead_id))
    told = await world.wire.event(LeadScored, lead_id)
    assert told.data.profile.source == given.profile.source
    # To no pool but that of the field's right value does any rule send a lead.
    if "custom" in odd:
        unrouted = await world.wire.event(LeadUnrouted, lead_id)
        assert unrouted.data.code == "no_rule"
    else:
        await world.routed(lead_id)
    for service in ("ingest", "scoring", "routing", "sla_monitor"):
        letters = await world.get(service, f"/v1/dead-letters?lead_id={lead_id}")
        assert letters == []


# --- what only the database refuses


async def refused_by_ingest(world: World, lead_id: UUID) -> Message:
    """An alias is text, and PostgreSQL's has no NUL."""
    nul = profile(brand="ma\0in", external_id=str(lead_id))
    return message(captured(lead_id, profile=nul), lead_id)


async def refused_by_scoring(world: World, lead_id: UUID) -> Message:
    """An activity that cools arms a timer, which keeps the trace, as text."""
    await world.wire.put(message(captured(lead_id), lead_id))
    await world.wire.event(LeadScored, lead_id)
    return message(activity(lead_id), lead_id, traceparent="00-\0-\0-01")


async def refused_by_routing(world: World, lead_id: UUID) -> Message:
    """Why an assignment has ended is text."""
    await world.wire.put(message(scored(lead_id), lead_id))
    given = await world.routed(lead_id)
    lost = LeadFollowup(
        lead_id=lead_id,
        occurred_at=given.data.occurred_at,
        received_at=given.data.occurred_at,
        source="website",
        type=FollowupType.LOST,
        assignment_id=given.data.assignment_id,
        reason="price\0",
    )
    return message(lost, lead_id)


async def refused_by_sla_monitor(world: World, lead_id: UUID) -> Message:
    """So is whose promise it is."""
    return message(routed(lead_id, rep=Rep(id="rep\0", name="Rep")), lead_id)


REFUSED = {
    "ingest": refused_by_ingest,
    "scoring": refused_by_scoring,
    "routing": refused_by_routing,
    "sla_monitor": refused_by_sla_monitor,
}


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.service)
async def test_what_only_the_database_refuses_is_kept_and_what_came_with_it_is_applied(
    world: World, reader: Reader
) -> None:
    record = await REFUSED[reader.service](world, new_lead())
    around = [new_lead() for _ in range(6)]
    for lead_id in around[:3]:
        await world.wire.put(message(reader.make(lead_id), lead_id))
    place = await world.wire.put(record)
    for lead_id in around[3:]:
        await world.wire.put(message(reader.make(lead_id), lead_id))
    for lead_id in around:
        await eventually(partial(reader.took_effect, world, lead_id))
    kept = await letter(world, reader.service, id_of(record, place))
    assert kept["reason"].startswith("the database refuses it: 22")
    await announced(world, reader.service, id_of(record, place))
    again = await world.post(reader.service, f"/v1/dead-letters/{id_of(record, place)}/replay", {})
    assert (again.status_code, again.json()["title"]) == (409, "It failed again")


# --- what would be too large to be told


async def too_large_of_scoring(lead_id: UUID) -> list[Message]:
    """Two enquiries that can each be told of, and not together."""
    return [
        message(captured(lead_id, profile=profile(custom={name: "x" * 600_000})), lead_id)
        for name in ("first", "second")
    ]


async def too_large_of_routing(lead_id: UUID) -> list[Message]:
    """Whose rep is told all that was scored, and more."""
    custom = {"pool": "patient", "notes": "x" * 998_900}
    return [message(scored(lead_id, profile=profile(custom=custom)), lead_id)]


@pytest.mark.parametrize(
    ("reader", "make"),
    [(READERS[1], too_large_of_scoring), (READERS[2], too_large_of_routing)],
    ids=["scoring", "routing"],
)
async def test_what_would_lead_to_an_event_over_the_bound_is_kept_and_what_is_behind_it_goes_on(
    world: World, reader: Reader, make: Callable[[UUID], Any]
) -> None:
    bad, good = new_lead(), new_lead()
    records = await make(bad)
    places = [await world.wire.put(record) for record in records]
    await world.wire.put(message(reader.make(good), good))
    await eventually(partial(reader.took_effect, world, good))
    id_ = id_of(records[-1], places[-1])
    assert "over the bound" in (await letter(world, reader.service, id_))["reason"]
    told = await announced(world, reader.service, id_)
    assert told.value is None or len(told.value) < 1_000_000


# --- replay


CONSTRAINED = {
    "ingest": ("alias", "lead_id"),
    "scoring": ("subject", "id"),
    "routing": ("subject", "id"),
    "sla_monitor": ("clock", "lead_id"),
}
"""By service, the table that refuses a lead, and the column of the lead's id."""


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.service)
async def test_a_replay_takes_effect_once_what_was_wrong_is_mended(
    world: World, reader: Reader
) -> None:
    bad = new_lead()
    id_ = await refused_for_a_while(world, reader, bad)
    assert not await reader.took_effect(world, bad)
    path = f"/v1/dead-letters/{id_}/replay"
    answer = await world.post(reader.service, path, {})
    assert answer.status_code == 200, answer.text
    assert await reader.took_effect(world, bad)
    assert (await letter(world, reader.service, id_))["replayed_at"] is not None
    assert (await world.post(reader.service, path, {})).status_code == 409


async def test_an_operator_replays_by_the_command_line_too(world: World) -> None:
    reader, bad = READERS[3], new_lead()
    id_ = await refused_for_a_while(world, reader, bad)
    await asyncio.to_thread(world.deployment.baton, "dead-letters", "replay", str(id_))
    assert await reader.took_effect(world, bad)


async def refused_for_a_while(world: World, reader: Reader, lead_id: UUID) -> UUID:
    """The dead letter of a lead that a table refused, and does not any more."""
    name, column = CONSTRAINED[reader.service]
    table = f"{reader.service}.{name}"
    await world.db.execute(
        f"ALTER TABLE {table} ADD CONSTRAINT refused CHECK ({column} <> '{lead_id}') NOT VALID"
    )
    try:
        record = message(reader.make(lead_id), lead_id)
        id_ = id_of(record, await world.wire.put(record))
        assert "23514" in (await letter(world, reader.service, id_))["reason"]
    finally:
        await world.db.execute(f"ALTER TABLE {table} DROP CONSTRAINT refused")
    return id_
