"""What is told under one id, or twice in the same words, takes effect as often as it happened."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import JsonValue

from baton.events import LeadCaptured, LeadScored, SlaMet, SlaStarted
from baton.policy.bundle import Bundle
from baton.policy_sections import policy_sections
from ingest.settings import Settings
from ingest_tests.harness import TOKEN, Clock, Process, running
from tests.e2e.deployment import POLICY
from tests.e2e.people import person
from tests.e2e.world import IntakeResult, World, eventually

MINUTES = timedelta(minutes=3)


@pytest.fixture
async def edge(world: World) -> AsyncIterator[Process]:
    """One more edge of the deployment, whose clock is three minutes behind."""
    told = world.deployment.told
    settings = Settings.model_validate(
        {
            "kafka_bootstrap_servers": told["BATON_KAFKA_BOOTSTRAP_SERVERS"],
            "topic_prefix": told["BATON_TOPIC_PREFIX"],
            "partitions": int(told["BATON_PARTITIONS"]),
            "database_url": told["BATON_DATABASE_URL"],
            "id_key": told["BATON_ID_KEY"],
            "api_token": TOKEN,
        }
    )
    clock = Clock(datetime.now(UTC) - MINUTES)
    async with running(settings, Bundle.read(POLICY, policy_sections()), clock=clock) as made:
        await made.circuit.closed.wait()
        yield made


async def test_the_same_words_of_a_rep_after_the_assignment_keep_the_promise(
    world: World, edge: Process
) -> None:
    enquiry = await world.enquire(person())
    started = await world.wire.event(SlaStarted, enquiry.lead_id)

    async def call() -> IntakeResult:
        said = {
            "source": "website",
            "lead_id": str(enquiry.lead_id),
            "type": "contacted",
            "channel": "phone",
        }
        answer = await edge.http.post("/v1/followups", json=said)
        assert answer.status_code == 202, answer.text
        return IntakeResult.of(answer)

    before_the_assignment = await call()
    edge.clock.now = datetime.now(UTC)
    after_it = await call()
    met = await world.wire.event(SlaMet, enquiry.lead_id)
    assert met.data.clock_id == started.data.clock_id
    assert met.data.fact == after_it.event_id

    async def known() -> list[str] | None:
        lead = await world.get("scoring", f"/v1/leads/{enquiry.lead_id}")
        ids = [each["id"] for each in lead["followups"]]
        return ids if len(ids) == 2 else None

    assert set(await eventually(known)) == {
        str(before_the_assignment.event_id),
        str(after_it.event_id),
    }


async def test_that_somebody_registered_and_attended_counts_twice_under_one_id(
    world: World,
) -> None:
    who = person()
    taken = await world.enquire(who)
    await world.wire.event(LeadScored, taken.lead_id)
    said: dict[str, JsonValue] = {
        "source": "website",
        "email": who.email,
        "delivery_id": "registration-1",
    }
    for type_ in ("webinar_registered", "webinar_attended"):
        for _ in range(2):
            await world.send("/v1/activities", {**said, "type": type_})

    async def known() -> list[str] | None:
        lead = await world.get("scoring", f"/v1/leads/{taken.lead_id}")
        types = sorted(each["type"] for each in lead["latest_activities"])
        return types if len(types) >= 2 else None

    assert await eventually(known) == ["webinar_attended", "webinar_registered"]


async def test_an_enquiry_an_activity_and_a_followup_under_one_id_all_take_effect(
    world: World,
) -> None:
    who = person()
    taken = await world.enquire(who, delivery_id="submission-1")
    await world.wire.event(LeadCaptured, taken.lead_id)
    started = await world.wire.event(SlaStarted, taken.lead_id)
    said: dict[str, JsonValue] = {
        "source": "website",
        "email": who.email,
        "delivery_id": "submission-1",
    }
    await world.send("/v1/activities", {**said, "type": "page_viewed"})
    contact = await world.send("/v1/followups", {**said, "type": "contacted"})
    met = await world.wire.event(SlaMet, taken.lead_id)
    assert (met.data.clock_id, met.data.fact) == (started.data.clock_id, contact.event_id)

    async def points() -> bool:
        lead = await world.get("scoring", f"/v1/leads/{taken.lead_id}")
        return bool(lead["activities"] == 1 and lead["followups"])

    await eventually(points)
