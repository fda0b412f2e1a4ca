"""The main job: from an enquiry to a rep who has answered it."""

import json
from uuid import UUID

from baton.events import (
    LeadCaptured,
    LeadFollowup,
    LeadReleased,
    LeadScored,
    LeadUnrouted,
    ReleaseCode,
    SlaBreached,
    SlaMet,
    SlaRetracted,
    SlaStarted,
    SlaWarned,
    Stage,
)
from tests.e2e.people import person
from tests.e2e.world import World, eventually


async def test_an_enquiry_is_captured_scored_routed_and_promised_an_answer(world: World) -> None:
    who = person()
    taken = await world.enquire(who)
    captured = await world.wire.event(LeadCaptured, taken.lead_id)
    scored = await world.wire.event(LeadScored, taken.lead_id)
    routed = await world.routed(taken.lead_id)
    started = await world.wire.event(SlaStarted, taken.lead_id)
    assert captured.id == taken.event_id
    assert captured.data.profile.contact.email == who.email
    assert scored.data.cause == captured.id
    assert (scored.data.stage, scored.data.score.total) == (Stage.MQL, 25)
    assert routed.data.enquiry == captured.id
    assert routed.data.pool == "patient"
    assert routed.data.rep.id.startswith("rep-patient-")
    assert started.data.assignment_id == routed.data.assignment_id
    assert started.data.rep == routed.data.rep.id
    assert started.data.allowed_seconds == 7200


async def test_a_contact_in_time_keeps_the_promise(world: World) -> None:
    taken = await world.enquire(person())
    started = await world.wire.event(SlaStarted, taken.lead_id)
    contact = await world.follow_up(taken.lead_id, "contacted", channel="phone")
    met = await world.wire.event(SlaMet, taken.lead_id)
    assert met.data.clock_id == started.data.clock_id
    assert met.data.fact == contact.event_id
    clocks = await world.get("sla_monitor", f"/v1/leads/{taken.lead_id}/clocks")
    assert [clock["state"] for clock in clocks["clocks"]] == ["met"]


async def test_a_contact_that_the_crm_tells_by_its_own_call_keeps_the_promise_once_it_is_linked(
    world: World,
) -> None:
    crm = {"source": "website", "type": "attempted", "records": [{"kind": "call", "id": "c-1"}]}
    taken = await world.enquire(person(), external_id="00Q-1")
    started = await world.wire.event(SlaStarted, taken.lead_id)
    ended = await world.post("ingest", "/v1/followups", {**crm, "type": "contacted"})
    assert (ended.json()["state"], ended.json()["lead_id"]) == ("waiting", None)
    await world.post("ingest", "/v1/followups", {**crm, "external_id": "00Q-1"})
    met = await world.wire.event(SlaMet, taken.lead_id)
    assert (met.data.clock_id, str(met.data.fact)) == (
        started.data.clock_id,
        ended.json()["event_id"],
    )


async def test_a_broken_promise_gives_the_lead_to_another_rep_and_starts_the_next_cycle(
    world: World,
) -> None:
    taken = await world.enquire(person(), "hasty")
    first = await world.routed(taken.lead_id)
    warned = await world.wire.event(SlaWarned, taken.lead_id)
    breached = await world.wire.event(SlaBreached, taken.lead_id)
    released = await world.wire.event(LeadReleased, taken.lead_id)
    second = await world.routed(taken.lead_id, attempt=2)
    cycle = await world.wire.event(SlaStarted, taken.lead_id, lambda data: data.cycle == 2)
    assert warned.data.due_at == breached.data.due_at
    assert breached.data.assignment_id == first.data.assignment_id
    assert (released.data.code, released.data.rep) == (ReleaseCode.BREACHED, first.data.rep)
    assert second.data.previous_rep == first.data.rep.id
    assert second.data.rep != first.data.rep
    assert cycle.data.assignment_id == second.data.assignment_id


async def test_where_all_reps_broke_the_promise_the_last_one_keeps_the_lead(world: World) -> None:
    taken = await world.enquire(person(), "hasty")
    second = await world.routed(taken.lead_id, attempt=2)
    last = second.data.assignment_id
    await world.wire.event(SlaBreached, taken.lead_id, lambda data: data.assignment_id == last)

    async def decided() -> list[str]:
        told = await world.get("routing", f"/v1/leads/{taken.lead_id}/assignments")
        assert told["current"]["id"] == str(last)
        return [each["code"] for each in told["decisions"] if each["code"] == "kept"]

    assert await eventually(decided) == ["kept"]


async def test_an_accepted_lead_stays_with_its_rep_and_sales_has_taken_it_on(world: World) -> None:
    taken = await world.enquire(person())
    routed = await world.routed(taken.lead_id)
    answer = await world.post(
        "routing",
        f"/v1/leads/{taken.lead_id}/accept",
        {"rep": routed.data.rep.id, "assignment_id": str(routed.data.assignment_id)},
    )
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["assignment"]["rep"] == routed.data.rep.id
    assert told["assignment"]["accepted_at"] is not None
    followup = await world.wire.event(LeadFollowup, taken.lead_id)
    assert followup.data.type == "accepted"
    scored = await world.wire.event(LeadScored, taken.lead_id, lambda d: d.stage is Stage.SAL)
    assert scored.data.cause == followup.id
    assert not world.wire.events(LeadReleased, lead=taken.lead_id)


async def test_a_declined_lead_goes_to_another_rep_at_once(world: World) -> None:
    taken = await world.enquire(person())
    first = await world.routed(taken.lead_id)
    answer = await world.post(
        "routing",
        f"/v1/leads/{taken.lead_id}/decline",
        {
            "rep": first.data.rep.id,
            "assignment_id": str(first.data.assignment_id),
            "reason": "not-mine",
        },
    )
    assert answer.status_code == 200, answer.text
    second = await world.routed(taken.lead_id, attempt=2)
    assert answer.json()["assignment"]["assignment_id"] == str(second.data.assignment_id)
    assert second.data.rep != first.data.rep
    retracted = await world.wire.event(SlaRetracted, taken.lead_id)
    assert retracted.data.assignment_id == first.data.assignment_id
    restarted = await world.wire.event(SlaStarted, taken.lead_id, lambda data: data.cycle == 2)
    assert restarted.data.assignment_id == second.data.assignment_id


async def test_a_won_or_lost_lead_makes_room_for_the_next_one(world: World) -> None:
    holder = (await world.enquire(person(), "narrow")).lead_id
    held = await world.routed(holder)
    for outcome in ("won", "lost"):
        waiting = (await world.enquire(person(), "narrow")).lead_id
        unrouted = await world.wire.event(LeadUnrouted, waiting)
        assert unrouted.data.code == "no_capacity"
        assert unrouted.data.retry_at is not None
        await world.follow_up(holder, outcome, assignment_id=str(held.data.assignment_id))
        released = await world.wire.event(LeadReleased, holder)
        assert released.data.code is ReleaseCode.CLOSED
        holder, held = waiting, await world.routed(waiting)
        assert held.data.rep.id == "rep-narrow-1"
    await world.follow_up(holder, "lost", assignment_id=str(held.data.assignment_id))
    await world.wire.event(LeadReleased, holder)


async def test_the_good_lines_of_a_batch_are_kept_and_the_bad_ones_explained(world: World) -> None:
    good = [person(), person()]
    lines = [
        json.dumps(good[0].enquiry()),
        "{ broken",
        json.dumps({"source": "nobody", "email": person().email}),
        json.dumps({"source": "website"}),
        json.dumps(good[1].enquiry(company={"employees": "many"})),
        json.dumps(good[1].enquiry()),
    ]
    url = world.deployment.url("ingest") + "/v1/leads/batch"
    answer = await world.http.post(url, content="\n".join(lines))
    assert answer.status_code == 202
    told = [json.loads(line) for line in answer.text.splitlines()]
    assert [each["line"] for each in told] == [1, 2, 3, 4, 5, 6]
    taken = {each["line"]: each for each in told if each["state"] != "refused"}
    assert set(taken) == {1, 6}
    problems = {each["line"]: each["problem"] for each in told if each["state"] == "refused"}
    assert problems[2]["title"] == "Broken JSON"
    assert [problems[n]["field"] for n in (3, 4, 5)] == ["source", "email", "company.employees"]
    for each in taken.values():
        await world.routed(UUID(each["lead_id"]))
    kept = {event.data.profile.contact.email for event in world.wire.events(LeadCaptured)}
    assert kept == {who.email for who in good}
