"""Kafka away, PostgreSQL away, both away: what is answered meanwhile, and that it arrives once."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager

import httpx
import pytest

from baton.events import LeadCaptured
from baton.policy.bundle import Bundle
from baton.policy_sections import policy_sections
from baton_local.services import SERVICES
from baton_local.stack import KAFKA, POSTGRES, Stack
from tests.e2e.deployment import POLICY, Deployment, on_stack
from tests.e2e.people import person
from tests.e2e.test_ends import everything_happened_once
from tests.e2e.world import IntakeResult, eventually, open_world


@pytest.fixture(scope="module")
def deployment(module_stack: Stack) -> Iterator[Deployment]:
    """With servers of its own, which tests may stop."""
    made = on_stack(module_stack)
    made.activate(Bundle.read(POLICY, policy_sections()))
    made.start_services()
    yield made
    made.end()


@asynccontextmanager
async def away(deployment: Deployment, *servers: str) -> AsyncIterator["Sender"]:
    """As after a power failure, for the time of the block. Intake lives through it."""
    stack = deployment.stack
    async with open_sender(deployment) as sender:
        await eventually(sender.is_served_by_kafka)
        intake = stack.pid("ingest")
        for server in servers:
            await asyncio.to_thread(stack.stop_program, server, crash=True)
        try:
            yield sender
        finally:
            for server in servers:
                await asyncio.to_thread(stack.start_program, server)
        await eventually(sender.is_served_by_kafka)
        assert stack.pid("ingest") == intake


@asynccontextmanager
async def open_sender(deployment: Deployment) -> AsyncIterator["Sender"]:
    headers = {"Authorization": f"Bearer {deployment.token}"}
    async with httpx.AsyncClient(headers=headers, timeout=60, trust_env=False) as http:
        yield Sender(deployment, http)


class Sender:
    """Who knows nothing of Kafka and PostgreSQL."""

    def __init__(self, deployment: Deployment, http: httpx.AsyncClient) -> None:
        self._deployment = deployment
        self._http = http

    async def post(self, body: Mapping[str, object], path: str = "/v1/leads") -> httpx.Response:
        return await self._http.post(self._deployment.url("ingest") + path, json=body)

    async def sends(self, body: Mapping[str, object]) -> IntakeResult:
        """A lead, which is taken at once."""
        answer = await self.post(body)
        assert answer.status_code == 202, answer.text
        return IntakeResult.of(answer)

    async def is_served_by_kafka(self) -> bool:
        answer = await self.post(person().enquiry())
        return answer.status_code == 202 and IntakeResult.of(answer).state == "published"

    async def status(self, service: str, path: str) -> int:
        return (await self._http.get(self._deployment.url(service) + path)).status_code


async def test_while_kafka_is_away_leads_are_taken_and_follow_in_order_when_it_is_back(
    deployment: Deployment,
) -> None:
    who = person()
    async with away(deployment, KAFKA) as sender:
        several = [
            await sender.sends(who.enquiry(request={"form_id": "demo", "message": str(number)}))
            for number in range(5)
        ]
        others = [await sender.sends(person().enquiry()) for _ in range(5)]
        assert {each.state for each in (*several, *others)} == {"spooled"}
        assert await sender.status("ingest", "/readyz") == 200
    await happened_once(deployment, others)
    async with open_world(deployment, from_the_beginning=True) as world:
        last = several[-1].event_id
        await world.wire.until(lambda: last in [e.id for e in world.wire.events(LeadCaptured)])
        events = world.wire.events(LeadCaptured, lead=several[0].lead_id)
        assert [event.id for event in events] == [each.event_id for each in several]


async def test_while_postgresql_is_away_leads_go_to_kafka_and_are_decided_on_when_it_is_back(
    deployment: Deployment,
) -> None:
    async with away(deployment, POSTGRES) as sender:
        taken = [await sender.sends(person().enquiry()) for _ in range(5)]
        assert {each.state for each in taken} == {"published"}
        assert await sender.status("ingest", "/readyz") == 200
        unresolved = {"source": "website", "external_id": "crm-1", "type": "contacted"}
        answer = await sender.post(unresolved, "/v1/followups")
        assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
    await happened_once(deployment, taken)


async def test_while_both_are_away_senders_are_told_to_come_again_and_nothing_is_half_kept(
    deployment: Deployment,
) -> None:
    body = person().enquiry()
    async with away(deployment, KAFKA, POSTGRES) as sender:
        for _ in range(2):
            answer = await sender.post(body)
            assert answer.status_code == 503
            assert int(answer.headers["retry-after"]) > 0
            assert answer.headers["content-type"] == "application/problem+json"
        assert await sender.status("ingest", "/healthz") == 200
    async with open_sender(deployment) as sender:
        again = await sender.sends(body)
    await happened_once(deployment, [again])


async def happened_once(deployment: Deployment, taken: list[IntakeResult]) -> None:
    """Once every service works again, by itself."""
    async with open_world(deployment, from_the_beginning=True) as world:
        await world.ready(*SERVICES)
        await everything_happened_once(world, taken)
