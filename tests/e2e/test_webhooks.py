"""Senders that sign: what they tell becomes leads and follow-ups like any other."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from uuid import UUID

import httpx
import pytest

from baton.events import ConsentStatus, LeadCaptured, LeadScored, LeadUnrouted, SlaMet, SlaStarted
from tests.e2e.deployment import SAMPLES, typeform_sample
from tests.e2e.people import person
from tests.e2e.world import World, eventually


def signed(secret: str, delivery_id: str, body: bytes) -> dict[str, str]:
    """As standardwebhooks.com says, written down once more."""
    sent_at = str(int(time.time()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{delivery_id}.{sent_at}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": sent_at,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


async def deliver(
    world: World, source: str, body: bytes, headers: Mapping[str, str]
) -> httpx.Response:
    """Without the deployment's token, which a sender does not have."""
    url = f"{world.deployment.url('ingest')}/v1/webhooks/{source}"
    async with httpx.AsyncClient(timeout=60, trust_env=False) as sender:
        return await sender.post(url, content=body, headers=dict(headers))


async def from_the_shop(world: World, delivery_id: str, told: Mapping[str, object]) -> UUID:
    """What the shop tells, as its lead."""
    body = json.dumps(told).encode()
    headers = signed(world.deployment.told["E2E_SHOP_SECRET"], delivery_id, body)
    answer = await deliver(world, "shop", body, headers)
    assert answer.status_code == 202, answer.text
    (result,) = answer.json()["results"]
    assert result["state"] in {"published", "spooled"}
    return UUID(result["lead_id"])


async def test_a_signed_delivery_becomes_a_lead_and_a_call_keeps_its_promise(world: World) -> None:
    who = person()
    form = {"id": who.last_name, "email": who.email, "form": "demo", "pool": "patient"}
    lead_id = await from_the_shop(
        world, f"form-{who.last_name}", {"type": "form.submitted", "data": form}
    )
    routed = await world.routed(lead_id)
    assert routed.data.profile.external_id == who.last_name
    await world.wire.event(SlaStarted, lead_id)

    async def known() -> bool:
        found = "SELECT count(*) FROM ingest.alias WHERE lead_id = $1"
        return bool(await world.db.fetchval(found, lead_id))

    await eventually(known)
    # The call names the shop's customer, not the mail address that made the lead's id.
    call = {"id": who.last_name, "agent": routed.data.rep.id}
    called = await from_the_shop(
        world, f"call-{who.last_name}", {"type": "call.completed", "data": call}
    )
    assert called == lead_id
    await world.wire.event(SlaMet, lead_id)


async def test_a_delivery_that_is_signed_wrongly_is_refused_and_kept_by_nobody(
    world: World,
) -> None:
    who = person()
    body = json.dumps({"type": "form.submitted", "data": {"email": who.email}}).encode()
    headers = signed(world.deployment.told["E2E_SHOP_SECRET"], "evt", body)
    refused = [
        await deliver(world, "shop", body + b" ", headers),
        await deliver(world, "shop", body, {}),
        await deliver(world, "nobody", body, headers),
    ]
    assert [answer.status_code for answer in refused] == [401, 401, 503]
    rows = await world.db.fetch("SELECT body FROM ingest.delivery_failed")
    assert not [row for row in rows if who.email.encode() in row["body"]]
    assert not world.wire.events(LeadCaptured)


async def test_what_is_authentic_and_not_understood_is_kept_whole_and_answered_202(
    world: World,
) -> None:
    body = json.dumps({"type": "never.heard.of", "data": {"email": person().email}}).encode()
    headers = signed(world.deployment.told["E2E_SHOP_SECRET"], "evt-unknown", body)
    answer = await deliver(world, "shop", body, headers)
    assert answer.status_code == 202
    (result,) = answer.json()["results"]
    assert result["state"] == "kept"
    kept = await world.db.fetchval(
        "SELECT body FROM ingest.delivery_failed WHERE id = $1", UUID(result["delivery"])
    )
    assert kept == body


async def test_the_published_typeform_delivery_is_scored_and_told_of(world: World) -> None:
    sample = typeform_sample()
    if sample is None:
        pytest.skip(f"the published samples are not at {SAMPLES}")
    signature = {"Typeform-Signature": sample.signature}
    answer = await deliver(world, "forms", sample.body, signature)
    assert answer.status_code == 202, answer.text
    (result,) = answer.json()["results"]
    lead_id = UUID(result["lead_id"])
    captured = await world.wire.event(LeadCaptured, lead_id)
    assert captured.data.profile.contact.email == sample.email
    assert captured.data.profile.consent.status is ConsentStatus.GRANTED
    scored = await world.wire.event(LeadScored, lead_id)
    assert scored.data.cause == UUID(result["event_id"])
    unrouted = await world.wire.event(LeadUnrouted, lead_id)
    assert unrouted.data.code == "not_qualified"
    told = await world.get("scoring", f"/v1/leads/{lead_id}")
    assert told["profile"]["contact"]["email"] == sample.email
