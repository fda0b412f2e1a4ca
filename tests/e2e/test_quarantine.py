"""What a rule of the bundle holds back gets to nobody until somebody lets it go."""

import asyncio
from uuid import UUID

from pydantic import JsonValue

from baton.events import LeadCaptured, LeadRouted, LeadScored
from tests.e2e.people import Person, person
from tests.e2e.world import IntakeResult, World

SPAM: JsonValue = {"form_id": "demo", "message": "Come to our casino"}


async def baton(world: World, *arguments: str) -> str:
    """What the operator's command prints."""
    return await asyncio.to_thread(world.deployment.quick_baton, *arguments)


async def held(world: World, who: Person) -> IntakeResult:
    taken = await world.enquire(who, request=SPAM)
    assert taken.state == "quarantined"
    return taken


async def test_an_enquiry_in_quarantine_is_scored_and_routed_once_it_is_released(
    world: World,
) -> None:
    who = person()
    taken = await held(world, who)
    told = await baton(world, "explain", str(taken.lead_id))
    assert "in quarantine (spam), until somebody releases or discards it" in told
    assert "request.message is Come to our casino" in told
    listed = await baton(world, "quarantine", "list", "--rule", "spam")
    assert str(taken.event_id) in listed
    assert who.email in listed
    await nothing_is_told(world, taken.lead_id)

    released = await baton(
        world,
        "quarantine",
        "release",
        str(taken.event_id),
        "--by",
        "marketing",
        "--why",
        "a customer",
    )
    assert "1 lead released." in released
    captured = await world.wire.event(LeadCaptured, taken.lead_id)
    routed = await world.routed(taken.lead_id)
    assert captured.id == routed.data.enquiry == taken.event_id
    shown = await baton(world, "quarantine", "show", str(taken.event_id))
    assert "released at" in shown
    assert "by marketing: a customer" in shown
    told = await baton(world, "explain", str(taken.lead_id))
    assert "Enquiry released from quarantine by marketing: a customer" in told


async def test_many_are_released_and_discarded_by_the_rule_that_holds_them(world: World) -> None:
    first = [await held(world, person()) for _ in range(3)]
    discarded = await baton(world, "quarantine", "discard", "--rule", "spam", "--by", "marketing")
    assert all(f"{taken.event_id}: discarded" in discarded for taken in first)
    second = [await held(world, person()) for _ in range(3)]
    released = await baton(
        world, "quarantine", "release", "--rule", "spam", "--source", "website", "--by", "marketing"
    )
    assert "3 leads released." in released
    for taken in second:
        await world.wire.event(LeadScored, taken.lead_id)
    for taken in first:
        await nothing_is_told(world, taken.lead_id)


async def nothing_is_told(world: World, lead_id: UUID) -> None:
    """Once another enquiry, sent after it, has got to its rep."""
    other = await world.enquire(person())
    await world.routed(other.lead_id)
    assert not world.wire.events(LeadCaptured, LeadScored, LeadRouted, lead=lead_id)
