"""What is told late, or again: on the real edge, topics and services it has its right effect."""

from datetime import timedelta

from baton.events import (
    AssignmentChange,
    LeadReleased,
    LeadRouted,
    LeadUnrouted,
    ReleaseCode,
    SlaBreached,
    SlaMet,
    SlaMoved,
    SlaRetracted,
    SlaStarted,
)
from tests.e2e.people import person
from tests.e2e.world import World, eventually


async def test_a_lead_returns_to_the_rep_whose_answer_in_time_is_told_late(world: World) -> None:
    taken = await world.enquire(person(), "hasty")
    first = await world.routed(taken.lead_id)
    breached = await world.wire.event(SlaBreached, taken.lead_id)
    second = await world.routed(taken.lead_id, attempt=2)
    answered_at = breached.data.due_at - timedelta(seconds=1)
    fact = await world.follow_up(
        taken.lead_id,
        "contacted",
        rep=first.data.rep.id,
        occurred_at=answered_at.isoformat(),
    )
    met = await world.wire.event(SlaMet, taken.lead_id)
    assert (met.data.clock_id, met.data.fact) == (breached.data.clock_id, fact.event_id)
    returned = await world.wire.event(
        LeadRouted, taken.lead_id, lambda data: data.change is AssignmentChange.RETURNED
    )
    assert returned.data.rep == first.data.rep
    assert returned.data.previous_assignment == first.data.assignment_id
    freed = await world.wire.event(
        LeadReleased,
        taken.lead_id,
        lambda data: data.assignment_id == second.data.assignment_id,
    )
    assert freed.data.code is ReleaseCode.BREACH_RETRACTED
    # Neither the second rep nor the first is judged for what the first had answered in time.
    ended = await world.wire.event(
        SlaRetracted,
        taken.lead_id,
        lambda data: data.assignment_id == second.data.assignment_id,
    )
    assert ended.data.clock_id != breached.data.clock_id

    async def judged() -> bool:
        told = await world.get("sla_monitor", f"/v1/leads/{taken.lead_id}/clocks")
        return [clock["state"] for clock in told["clocks"]] == ["met", "retracted"]

    assert await eventually(judged)
    reps = (await world.get("routing", "/v1/reps"))["reps"]
    assert {rep["id"] for rep in reps} >= {first.data.rep.id, second.data.rep.id}


async def test_an_enquiry_that_must_be_answered_sooner_moves_the_clock_that_runs(
    world: World,
) -> None:
    who = person()
    taken = await world.enquire(who, "patient")
    started = await world.wire.event(SlaStarted, taken.lead_id)
    again = await world.enquire(who, "watched")
    moved = await world.wire.event(SlaMoved, taken.lead_id)
    renewed = await world.wire.event(
        LeadRouted, taken.lead_id, lambda data: data.enquiry == again.event_id
    )
    assert renewed.data.sla_policy == "minutes"
    assert moved.data.clock_id == started.data.clock_id
    assert moved.data.assignment_id == renewed.data.assignment_id
    assert moved.data.due_before == started.data.due_at > moved.data.due_at
    contact = await world.follow_up(taken.lead_id, "contacted")
    met = await world.wire.event(SlaMet, taken.lead_id)
    assert (met.data.clock_id, met.data.fact) == (started.data.clock_id, contact.event_id)


async def test_an_enquiry_after_the_answer_to_the_one_before_has_a_clock_of_its_own(
    world: World,
) -> None:
    who = person()
    taken = await world.enquire(who)
    await world.wire.event(SlaStarted, taken.lead_id)
    await world.follow_up(taken.lead_id, "contacted")
    await world.wire.event(SlaMet, taken.lead_id)
    again = await world.enquire(who, request={"form_id": "demo", "message": "once more"})
    renewed = await world.wire.event(
        LeadRouted, taken.lead_id, lambda data: data.enquiry == again.event_id
    )
    second = await world.wire.event(SlaStarted, taken.lead_id, lambda data: data.cycle == 2)
    assert second.data.assignment_id == renewed.data.assignment_id


async def test_a_deal_that_is_opened_in_time_keeps_the_promise_of_a_first_response(
    world: World,
) -> None:
    taken = await world.enquire(person())
    await world.wire.event(SlaStarted, taken.lead_id)
    deal = await world.follow_up(taken.lead_id, "opportunity")
    met = await world.wire.event(SlaMet, taken.lead_id)
    assert met.data.fact == deal.event_id


async def test_an_owner_whom_the_crm_named_before_the_due_time_is_told_late_and_nobody_is_accused(
    world: World,
) -> None:
    taken = await world.enquire(person(), "hasty")
    first = await world.routed(taken.lead_id)
    breached = await world.wire.event(SlaBreached, taken.lead_id)
    await world.follow_up(
        taken.lead_id,
        "owner_changed",
        rep="rep-patient-1",
        occurred_at=(breached.data.due_at - timedelta(seconds=1)).isoformat(),
    )
    retracted = await world.wire.event(
        SlaRetracted, taken.lead_id, lambda data: data.clock_id == breached.data.clock_id
    )
    assert retracted.data.assignment_id == first.data.assignment_id
    owner = await world.wire.event(
        LeadRouted, taken.lead_id, lambda data: data.change is AssignmentChange.TAKEN
    )
    assert owner.data.rep.id == "rep-patient-1"


async def test_a_lead_that_asks_again_after_a_rejection_is_routed_though_that_is_told_last(
    world: World,
) -> None:
    who = person()
    taken = await world.enquire(who)
    first = await world.routed(taken.lead_id)
    rejected_at = first.data.occurred_at + timedelta(microseconds=1)
    again = await world.enquire(who, request={"form_id": "demo", "message": "once more"})
    renewed = await world.wire.event(
        LeadRouted, taken.lead_id, lambda data: data.enquiry == again.event_id
    )
    await world.follow_up(
        taken.lead_id,
        "rejected",
        rep=first.data.rep.id,
        assignment_id=str(first.data.assignment_id),
        reason="not-now",
        occurred_at=rejected_at.isoformat(),
    )
    freed = await world.wire.event(LeadReleased, taken.lead_id)
    # What names an assignment did not happen before that began.
    assert freed.data.assignment_id == renewed.data.assignment_id
    assert freed.data.code is ReleaseCode.REJECTED
    assert freed.data.occurred_at == renewed.data.occurred_at > rejected_at
    anew = await world.wire.event(
        LeadRouted,
        taken.lead_id,
        lambda data: (
            data.change is AssignmentChange.NEW and data.assignment_id != first.data.assignment_id
        ),
    )
    assert anew.data.enquiry == again.event_id


async def test_a_rejected_lead_waits_and_says_so_until_it_asks_again(world: World) -> None:
    who = person()
    taken = await world.enquire(who)
    await world.routed(taken.lead_id)
    await world.follow_up(taken.lead_id, "rejected", reason="not-now")
    told = await world.wire.event(LeadUnrouted, taken.lead_id)
    assert (told.data.code, told.data.retry_at) == ("rejected", None)
    again = await world.enquire(who, request={"form_id": "demo", "message": "once more"})
    await world.wire.event(LeadRouted, taken.lead_id, lambda data: data.enquiry == again.event_id)
