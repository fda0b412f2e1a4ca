"""What is held on a person can be told whole, and an erasure finds all that the person is."""

import asyncio
import json
import stat
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import JsonValue
from typer.testing import CliRunner, Result

from baton.events import LeadErased, LeadScored, SlaStarted
from baton_cli.main import app
from tests.e2e.people import person
from tests.e2e.test_webhooks import deliver, signed
from tests.e2e.world import World, eventually

SPAM: JsonValue = {"form_id": "demo", "message": "Come to our casino"}


async def export(world: World, who: str, file: Path) -> tuple[str, Mapping[str, Any]]:
    """What the command prints, and the leads in the file that it writes; none where it does not."""
    baton = partial(world.deployment.quick_baton, "privacy", "export", who, "--out", str(file))
    return await asyncio.to_thread(lambda: (baton(), leads_in(file)))


def leads_in(file: Path) -> Mapping[str, Any]:
    leads: Mapping[str, Any] = json.loads(file.read_text())["leads"] if file.exists() else {}
    return leads


def ran(world: World, *arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, env=dict(world.deployment.told))


async def test_all_that_is_held_on_a_person_is_exported_and_nothing_once_it_is_erased(
    world: World, tmp_path: Path
) -> None:
    who = person()
    taken = await world.enquire(who, answers={"Favourite colour": f"red-{who.last_name}"})
    await world.enquire(who, request=SPAM)
    await world.routed(taken.lead_id)
    await world.wire.event(SlaStarted, taken.lead_id)
    body = json.dumps({"type": "never.heard.of", "data": {"email": who.email}}).encode()
    headers = signed(world.deployment.told["E2E_SHOP_SECRET"], f"evt-{who.email}", body)
    assert (await deliver(world, "shop", body, headers)).status_code == 202

    file = tmp_path / "person.json"
    told, leads = await export(world, who.email, file)
    (held,) = leads.values()
    assert set(held) == {"ingest", "scoring", "routing", "sla-monitor"}
    assert held["scoring"]["enquiries"][0]["profile"]["contact"]["email"] == who.email
    assert held["routing"]["current"]["pool"] == "patient"
    assert held["sla-monitor"]["clocks"]
    (quarantined,) = held["ingest"]["quarantine"]
    assert quarantined["rule"] == "spam"
    (failed,) = held["ingest"]["deliveries"]
    assert failed["body"] == body.decode()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "1 enquiry" in told
    assert "1 promise" in told
    over = await asyncio.to_thread(ran, world, "privacy", "export", who.email, "--out", str(file))
    assert (over.exit_code, "is there already" in over.stderr) == (2, True)

    await world.post("ingest", "/v1/privacy/erasures", {"email": who.email, "why": "asked for"})
    await world.wire.event(LeadErased, taken.lead_id)

    async def nothing() -> bool:
        told, _ = await export(world, who.email, tmp_path / "nothing.json")
        (tmp_path / "nothing.json").unlink(missing_ok=True)
        return f"Nothing is held on {who.email}." in told

    await eventually(nothing)


async def test_leads_that_share_a_persons_record_are_exported_and_erased_together(
    world: World, tmp_path: Path
) -> None:
    """The person came by a form that asks for no email first; the shop knows who it is."""
    who = person()
    bare = {
        "source": "website",
        "external_id": f"shop-{who.last_name}",
        "contact": {"first_name": who.first_name},
        "custom": {"pool": "patient"},
    }
    first = await world.send("/v1/leads", bare)
    second = await world.enquire(who, external_id=f"shop-{who.last_name}")
    assert first.lead_id != second.lead_id
    for taken in (first, second):
        await world.wire.event(LeadScored, taken.lead_id)

    async def linked() -> bool:
        found = "SELECT count(*) FROM ingest.alias WHERE lead_id = ANY($1)"
        return bool(await world.db.fetchval(found, [first.lead_id, second.lead_id]) >= 2)

    await eventually(linked)
    _, leads = await export(world, who.email, tmp_path / "person.json")
    assert set(leads) == {str(first.lead_id), str(second.lead_id)}
    answer = await world.post(
        "ingest", "/v1/privacy/erasures", {"email": who.email, "why": "asked for"}
    )
    erased = {each["lead_id"] for each in answer.json()["results"]}
    assert erased >= {str(first.lead_id), str(second.lead_id)}
    for taken in (first, second):
        await world.wire.event(LeadErased, taken.lead_id)
