"""What holds for every lead that was answered, whatever became of it."""

import asyncio
from collections import Counter, defaultdict
from uuid import UUID

from pydantic import JsonValue

from baton.events import AssignmentChange, LeadCaptured, LeadEvent, LeadRouted, LeadUnrouted
from tests.e2e.deployment import Deployment
from tests.e2e.people import person
from tests.e2e.wire import Wire
from tests.e2e.world import World, eventually, open_world

REASONS = {
    "no pool": "no_rule",
    "not ready": "not_qualified",
    "trial": "test",
}


def enquiries() -> list[tuple[str, dict[str, JsonValue]]]:
    """Of all kinds: what becomes of it, and what is sent."""
    return [
        *(("patient", person().enquiry("patient")) for _ in range(20)),
        *(("hasty", person().enquiry("hasty")) for _ in range(10)),
        *(("no pool", person().enquiry("nowhere")) for _ in range(5)),
        *(("not ready", person().enquiry(request={"form_id": "newsletter"})) for _ in range(5)),
        *(("trial", person().enquiry(test=True)) for _ in range(5)),
    ]


async def test_every_answered_lead_has_one_current_assignment_or_a_stated_reason(
    world: World,
) -> None:
    sent = enquiries()
    taken = await asyncio.gather(*(world.send("/v1/leads", body) for _, body in sent))
    for (kind, _), each in zip(sent, taken, strict=True):
        if kind in REASONS:
            unrouted = await world.wire.event(LeadUnrouted, each.lead_id)
            assert unrouted.data.code == REASONS[kind]
            assert not world.wire.events(LeadRouted, lead=each.lead_id)
            continue
        await world.routed(each.lead_id)
        current = await current_assignments(world, each.lead_id)
        assert len(current) == 1
    both = Counter(
        event.data.enquiry
        for event in world.wire.events(LeadRouted)
        if event.data.attempt == 1 and event.data.enquiry in {each.event_id for each in taken}
    )
    assert set(both.values()) == {1}, "an enquiry was given away twice as a first attempt"


async def current_assignments(world: World, lead_id: UUID) -> list[str]:
    """As the API and the table have them, of a moment in which nobody else got the lead."""

    async def kept() -> list[str]:
        rows = await world.db.fetch(
            "SELECT id FROM routing.assignment WHERE lead_id = $1 AND ended_at IS NULL", lead_id
        )
        return [str(row["id"]) for row in rows]

    async def undisturbed() -> tuple[list[str], list[str]] | None:
        before = await kept()
        told = await world.get("routing", f"/v1/leads/{lead_id}/assignments")
        current = [] if told["current"] is None else [told["current"]["id"]]
        return (before, current) if await kept() == before else None

    found, current = await eventually(undisturbed)
    assert found == current
    return current


async def test_a_delivery_that_is_sent_twice_is_one_lead_in_effect(world: World) -> None:
    keyed, plain = person().enquiry(), person().enquiry()
    key = {"Idempotency-Key": "form-submission-1"}
    twice = [
        await asyncio.gather(*(world.send("/v1/leads", keyed, key) for _ in range(3))),
        await asyncio.gather(*(world.send("/v1/leads", plain) for _ in range(3))),
    ]
    for answers in twice:
        assert len({(each.lead_id, each.event_id) for each in answers}) == 1
        lead_id = answers[0].lead_id
        await world.routed(lead_id)
        # What is sent after it, is decided on after it: by then all copies have been seen.
        again = await world.follow_up(lead_id, "contacted")

        async def seen(lead_id: UUID = lead_id, last: UUID = again.event_id) -> bool:
            told = await world.get("scoring", f"/v1/leads/{lead_id}")
            return str(last) in [each["id"] for each in told["followups"]]

        await eventually(seen)
        told = await world.get("scoring", f"/v1/leads/{lead_id}")
        assert len(told["enquiries"]) == 1
        assert len(world.wire.events(LeadRouted, lead=lead_id)) == 1


async def test_another_enquiry_of_the_same_person_stays_with_the_rep_who_has_the_lead(
    world: World,
) -> None:
    who = person()
    first = await world.enquire(who)
    routed = await world.routed(first.lead_id)
    second = await world.enquire(who, request={"form_id": "demo", "message": "once more"})
    assert second.lead_id == first.lead_id
    assert second.event_id != first.event_id

    renewed = await world.wire.event(
        LeadRouted, first.lead_id, lambda data: data.enquiry == second.event_id
    )
    assert renewed.data.rep.id == renewed.data.previous_rep == routed.data.rep.id
    assert renewed.data.change is AssignmentChange.RENEWED
    assert renewed.data.previous_assignment == routed.data.assignment_id
    told = await world.get("routing", f"/v1/leads/{first.lead_id}/assignments")
    assert told["current"]["id"] == str(renewed.data.assignment_id)
    assert [each["code"] for each in told["decisions"]] == ["routed", "has_owner"]
    assert len(world.wire.events(LeadCaptured, lead=first.lead_id)) == 2


async def test_sequence_counts_each_leads_events_on_a_topic_without_gaps(
    deployment: Deployment, world: World
) -> None:
    last = await world.enquire(person())
    await world.routed(last.lead_id)
    async with open_world(deployment, from_the_beginning=True) as whole:
        await whole.routed(last.lead_id)
        counted = sequences(whole.wire)
    assert len(counted) > 2
    wrong = {
        place: numbers
        for place, numbers in counted.items()
        if numbers != list(range(1, len(numbers) + 1))
    }
    assert not wrong


def sequences(wire: Wire) -> dict[tuple[UUID, str], list[int]]:
    """By lead and topic the sequences of its events, in the order in which they were first seen."""
    found: defaultdict[tuple[UUID, str], list[int]] = defaultdict(list)
    for event in wire.events(LeadEvent):
        if event.sequence is not None:
            found[event.data.lead_id, event.data.topic.name].append(event.sequence)
    return found
