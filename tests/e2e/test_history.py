"""Going live with a full CRM: what sales has already is known, and stays where it is."""

import json

from pydantic import JsonValue

from baton.events import FollowupType, LeadRouted, LeadScored, SlaStarted
from tests.e2e.people import person
from tests.e2e.world import World, eventually


async def test_what_sales_has_already_is_kept_by_its_owner_without_a_promise(world: World) -> None:
    who = person()
    history: dict[str, JsonValue] = {
        "owner": "rep-patient-2",
        "contacted_at": "2026-01-20T10:00:00Z",
    }
    line = who.enquiry(occurred_at="2026-01-15T10:00:00Z", external_id="H-1", history=history)
    answer = await world.http.post(
        world.deployment.url("ingest") + "/v1/leads/batch", content=json.dumps(line)
    )
    lead_id = json.loads(answer.text)["lead_id"]

    async def owned() -> str | None:
        if await world.status("routing", f"/v1/leads/{lead_id}/assignments") != 200:
            return None
        current = (await world.get("routing", f"/v1/leads/{lead_id}/assignments"))["current"]
        return str(current["rep"]) if current else None

    assert await eventually(owned) == "rep-patient-2"

    # Everything that follows of the import is read before what follows of the next enquiry.
    again = await world.enquire(who)
    assert str(again.lead_id) == lead_id
    imported = await world.wire.event(LeadScored, again.lead_id, lambda data: not data.new_enquiry)
    enquired = await world.wire.event(LeadScored, again.lead_id, lambda data: data.new_enquiry)
    assert imported.data.history is not None
    assert imported.data.history.outcomes[0].type is FollowupType.CONTACTED
    assert enquired.data.history is None

    routed = await world.wire.event(LeadRouted, again.lead_id)
    assert (routed.data.rep.id, routed.data.enquiry) == ("rep-patient-2", again.event_id)
    told = await world.get("routing", f"/v1/leads/{lead_id}/assignments")
    assert [each["code"] for each in told["decisions"]] == ["imported", "has_owner"]
    # The import itself promised nothing; the enquiry does.
    started = await world.wire.event(SlaStarted, again.lead_id)
    assert started.data.assignment_id == routed.data.assignment_id
