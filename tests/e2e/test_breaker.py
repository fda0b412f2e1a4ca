"""Too much that can't be processed stops a service, until an operator lets it go on."""

import asyncio
from functools import partial

from baton.events import BreakerTripped
from baton_local.services import SERVICES
from tests.e2e.deployment import TOO_MANY
from tests.e2e.people import person
from tests.e2e.records import READERS, message, new_lead
from tests.e2e.spoiling import broken_json
from tests.e2e.world import World, eventually


async def test_too_many_dead_letters_stop_each_service_also_after_a_restart_until_it_is_resumed(
    world: World,
) -> None:
    for reader in READERS:
        if reader.service == "scoring":
            continue  # it reads what is bad for ingest too
        bad = [new_lead() for _ in range(TOO_MANY)]
        await asyncio.gather(
            *(world.wire.put(broken_json(message(reader.make(one), one))) for one in bad)
        )
    for service in SERVICES:
        await eventually(partial(stands_still, world, service))
    await world.wire.until(
        lambda: {event.data.service for event in world.wire.events(BreakerTripped)} == set(SERVICES)
    )
    behind = {reader.service: new_lead() for reader in READERS}
    for reader in READERS:
        lead_id = behind[reader.service]
        await world.wire.put(message(reader.make(lead_id), lead_id))
    pids = {service: world.deployment.stack.pid(service) for service in SERVICES}
    for service in SERVICES:
        await asyncio.to_thread(world.deployment.stack.kill_program, service)
    for service in SERVICES:
        await eventually(partial(stands_still, world, service, pids[service]))
    waiting = await world.enquire(person())
    for reader in READERS:
        assert not await reader.took_effect(world, behind[reader.service])
    for service in SERVICES:
        name = service.replace("_", "-")
        await asyncio.to_thread(world.deployment.quick_baton, "resume", name, "--by", "On call")
        await world.ready(service)
        assert (await world.get(service, "/v1/breaker"))["resumed_by"] == "On call"
    for reader in READERS:
        await eventually(partial(reader.took_effect, world, behind[reader.service]))
    await world.routed(waiting.lead_id)


async def stands_still(world: World, service: str, before: int | None = None) -> bool:
    """Whether it lives, as another process than before, and has stopped itself."""
    if before is not None:
        states = await asyncio.to_thread(world.deployment.stack.status)
        if {state.name: state.pid for state in states}[service] in {None, before}:
            return False
    if await world.status(service, "/healthz") != 200:
        return False
    answer = await world.http.get(world.deployment.url(service) + "/readyz")
    # Intake goes on taking leads; it is its aliases that stand still.
    expected = (200, "degraded") if service == "ingest" else (503, "not ready")
    told = answer.json()
    return (answer.status_code, told["status"]) == expected and any(
        "has stopped itself" in reason for reason in told["reasons"].values()
    )
