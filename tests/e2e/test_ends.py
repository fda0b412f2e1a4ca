"""Processes that are told to end, and processes that are killed, while leads keep coming."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial

import httpx
import pytest

from baton.events import LeadCaptured, LeadRouted, LeadScored, SlaStarted
from baton_local.services import SERVICES
from tests.e2e.people import person
from tests.e2e.test_answers import sequences
from tests.e2e.world import IntakeResult, World, eventually

pytestmark = pytest.mark.trial

BEFORE = 10
"""So many leads are answered before something ends."""

BETWEEN = 0.02


@asynccontextmanager
async def leads_coming(world: World) -> AsyncIterator[list[IntakeResult]]:
    """Somebody who sends one lead after the other, each again until it is answered."""
    answered: list[IntakeResult] = []
    enough = asyncio.Event()

    async def send() -> None:
        while not enough.is_set():
            answered.append(await insist(world))
            await asyncio.sleep(BETWEEN)

    senders = [asyncio.create_task(send()) for _ in range(3)]
    try:
        await eventually(partial(more_than, answered, BEFORE))
        yield answered
        await eventually(partial(more_than, answered, len(answered) + BEFORE))
    finally:
        enough.set()
        await asyncio.gather(*senders)


async def more_than(answered: list[IntakeResult], count: int) -> bool:
    return len(answered) >= count


async def insist(world: World) -> IntakeResult:
    """As a good sender does: again with the same key, until somebody answers."""
    body = person().enquiry()
    key = {"Idempotency-Key": str(body["contact"])[:100].encode("ascii", "ignore").decode()}

    async def attempt() -> IntakeResult | None:
        with suppress(httpx.TransportError):
            answer = await world.post("ingest", "/v1/leads", body, key)
            if answer.status_code < 500:
                assert answer.status_code == 202, answer.text
                return IntakeResult.of(answer)
        return None

    return await eventually(attempt)


async def everything_happened_once(world: World, answered: list[IntakeResult]) -> None:
    """Each lead was captured, scored, routed and promised an answer, once."""
    for each in answered:
        await world.routed(each.lead_id)
        await world.wire.event(SlaStarted, each.lead_id)
    leads = {each.lead_id for each in answered}
    for kind in (LeadCaptured, LeadScored, LeadRouted, SlaStarted):
        counts = Counter(event.data.lead_id for event in world.wire.events(kind))
        assert {lead_id: counts[lead_id] for lead_id in leads} == dict.fromkeys(leads, 1), kind
    captured = {event.id for event in world.wire.events(LeadCaptured)}
    assert {each.event_id for each in answered} <= captured
    for (lead_id, _), numbers in sequences(world.wire).items():
        assert lead_id not in leads or numbers == [1]
    assert await loads(world) == await open_assignments(world)


async def loads(world: World) -> dict[str, int]:
    """What the reps' desks say."""
    rows = await world.db.fetch("SELECT id, open_leads FROM routing.rep WHERE open_leads > 0")
    return {row["id"]: row["open_leads"] for row in rows}


async def open_assignments(world: World) -> dict[str, int]:
    """What stands in the assignments."""
    rows = await world.db.fetch(
        """
        SELECT rep, count(*) AS held FROM routing.assignment
        WHERE ended_at IS NULL AND worked_at IS NULL GROUP BY rep
        """
    )
    return {row["rep"]: row["held"] for row in rows}


async def apply_to_each(act: Callable[[str], None]) -> None:
    """One service after the other; what blocks is done aside, so that leads go on coming."""
    for service in SERVICES:
        await asyncio.to_thread(act, service)


async def test_a_service_that_is_told_to_end_does_so_in_order_and_nothing_is_lost_or_repeated(
    world: World,
) -> None:
    stack = world.deployment.stack

    def stop_and_start(service: str) -> None:
        stack.stop_program(service)
        stack.start_program(service, wait=False)

    before = len(world.deployment.logs())
    async with leads_coming(world) as answered:
        await apply_to_each(stop_and_start)
        await world.ready(*SERVICES)
    await everything_happened_once(world, answered)
    said = stack.state.supervisor_log.read_text()
    for service in SERVICES:
        ends = re.findall(rf"stopped: {service} \((.*)\)", said)
        assert ends == ["exit status 0"], service
    assert "not ended in time" not in world.deployment.logs()[before:]


async def test_a_service_that_is_killed_comes_back_and_nothing_is_lost_or_repeated(
    world: World,
) -> None:
    stack = world.deployment.stack
    pids = {service: stack.pid(service) for service in SERVICES}
    async with leads_coming(world) as answered:
        await apply_to_each(stack.kill_program)

        async def another(service: str) -> bool:
            found = {state.name: state.pid for state in await asyncio.to_thread(stack.status)}
            return found[service] not in {None, pids[service]}

        for service in SERVICES:
            await eventually(partial(another, service))
        await world.ready(*SERVICES)
    await everything_happened_once(world, answered)
