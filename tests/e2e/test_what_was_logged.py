"""The logs of all processes; by its name this comes after the tests that share them."""

from baton.events import LeadErased
from baton_local.services import SERVICES
from tests.e2e.people import RUN, RUN_DIGITS, person
from tests.e2e.world import World


async def test_no_log_has_an_email_a_name_or_a_phone_of_anybody_or_a_token_of_an_address(
    world: World,
) -> None:
    who = person()
    taken = await world.enquire(who)
    await world.routed(taken.lead_id)
    for wrong in ({**who.enquiry(), "occurred_at": "soon"}, {**who.enquiry(), "source": who.email}):
        assert (await world.post("ingest", "/v1/leads", wrong)).status_code == 422
    await world.get("scoring", f"/v1/leads/{taken.lead_id}")
    assert await world.status("scoring", f"/v1/leads/{who.email}") == 422
    erasure = {"email": who.email, "why": f"{who.first_name} asked for it"}
    await world.post("ingest", "/v1/privacy/erasures", erasure)
    await world.wire.event(LeadErased, taken.lead_id)
    for path in ("/v1/leads", "/v1/webhooks/shop", f"/v1/webhooks/shop/{RUN}", f"/v1/no/{RUN}"):
        answer = await world.post("ingest", f"{path}?token={RUN}", {"email": who.email})
        assert answer.status_code in {401, 404, 422}
    logs = world.deployment.logs()
    for service in SERVICES:
        assert f'"service": "{service}"' in logs
    assert RUN in "".join(who.texts)
    assert RUN not in logs
    assert RUN_DIGITS in who.phone
    assert RUN_DIGITS not in logs
