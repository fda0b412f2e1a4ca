"""Copies of one delivery that arrive at the same moment, at two processes: one lead, once."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.e2e.people import person
from tests.e2e.test_ends import everything_happened_once
from tests.e2e.world import IntakeResult, World

COPIES = 50


@pytest.fixture
async def addresses(world: World) -> AsyncIterator[tuple[str, str]]:
    """Of two processes of intake."""
    stack, name = world.deployment.stack, "ingest-beside"
    program = world.deployment.another("ingest", name)
    stack.add(program)
    await asyncio.to_thread(stack.start_program, name)
    yield world.deployment.url("ingest"), f"http://127.0.0.1:{program.port}"
    await asyncio.to_thread(stack.stop_program, name)


async def test_fifty_copies_at_one_moment_are_one_lead_to_every_service(
    world: World, addresses: tuple[str, str]
) -> None:
    body = person().enquiry()

    async def insist(address: str) -> httpx.Response:
        while (
            answer := await world.http.post(f"{address}/v1/leads", json=body)
        ).status_code == 503:
            pass
        return answer

    answers = await asyncio.gather(*(insist(addresses[n % 2]) for n in range(COPIES)))
    assert {answer.status_code for answer in answers} == {202}
    taken = {(each.lead_id, each.event_id): each for each in map(IntakeResult.of, answers)}
    assert len(taken) == 1
    await everything_happened_once(world, list(taken.values()))
