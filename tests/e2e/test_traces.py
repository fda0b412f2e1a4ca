"""One trace from the request that brought a lead to all that follows from it."""

import secrets
from collections.abc import Mapping
from uuid import UUID

from baton.events import (
    LeadCaptured,
    LeadErased,
    LeadEvent,
    LeadFollowup,
    LeadReleased,
    LeadRouted,
    LeadScored,
    SlaBreached,
    SlaMet,
    SlaStarted,
    SlaWarned,
)
from tests.e2e.people import person
from tests.e2e.world import World


def trace() -> tuple[str, Mapping[str, str]]:
    """A caller's trace id, and its header."""
    trace_id = secrets.token_hex(16)
    return trace_id, {"traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01"}


def trace_ids(world: World, lead_id: UUID, *kinds: type[LeadEvent]) -> set[str | None]:
    """The traces of a lead's events of these types."""
    found = world.wire.events(*kinds, lead=lead_id)
    return {event.traceparent and event.traceparent.split("-")[1] for event in found}


async def test_the_callers_trace_is_on_every_event_downstream_through_timers_too(
    world: World,
) -> None:
    trace_id, header = trace()
    taken = await world.send("/v1/leads", person().enquiry("hasty"), header)
    await world.routed(taken.lead_id)
    await world.routed(taken.lead_id, attempt=2)
    await world.wire.event(SlaStarted, taken.lead_id, lambda data: data.cycle == 2)
    kinds = (
        LeadCaptured,
        LeadScored,
        LeadRouted,
        SlaStarted,
        SlaWarned,
        SlaBreached,
        LeadReleased,
    )
    for kind in kinds:
        assert trace_ids(world, taken.lead_id, kind) == {trace_id}, kind.event_type


async def test_each_request_about_a_lead_has_its_own_trace(world: World) -> None:
    taken = await world.enquire(person())
    routed = await world.routed(taken.lead_id)
    await world.wire.event(SlaStarted, taken.lead_id)
    accepting, header = trace()
    answer = await world.post(
        "routing",
        f"/v1/leads/{taken.lead_id}/accept",
        {"rep": routed.data.rep.id, "assignment_id": str(routed.data.assignment_id)},
        header,
    )
    assert answer.status_code == 200
    accepted = await world.wire.event(LeadFollowup, taken.lead_id)
    assert accepted.traceparent is not None
    assert accepting in accepted.traceparent
    contacting, header = trace()
    body = {"source": "website", "lead_id": str(taken.lead_id), "type": "contacted"}
    await world.send("/v1/followups", body, header)
    met = await world.wire.event(SlaMet, taken.lead_id)
    assert met.traceparent is not None
    assert contacting in met.traceparent
    erasing, header = trace()
    request = {"lead_id": str(taken.lead_id), "why": "asked for"}
    await world.post("ingest", "/v1/privacy/erasures", request, header)
    erased = await world.wire.event(LeadErased, taken.lead_id)
    assert erased.traceparent is not None
    assert erasing in erased.traceparent


async def test_a_caller_without_a_trace_begins_one(world: World) -> None:
    taken = await world.enquire(person())
    await world.routed(taken.lead_id)
    found = trace_ids(world, taken.lead_id, LeadEvent)
    assert len(found) == 1
    assert None not in found
