"""The busy seconds: deliveries go out, reps answer, and it is shown, until all is settled."""

import asyncio
import time
from collections.abc import Mapping

import httpx

from baton.cloudevents import Event
from baton.events import EventData, LeadRouted
from baton_local.demo.plan import Plan
from baton_local.demo.reps import Reps
from baton_local.demo.scene import Scene
from baton_local.demo.screens import Screen
from baton_local.demo.sending import Sender
from baton_local.demo.watching import Desks, watch
from baton_local.errors import StackError

_SETTLING_S = 60.0
_QUIET_S = 1.0
_PICTURE_EACH_S = 0.2
_LOOK_EACH_S = 0.5


async def play(settings: Mapping[str, str], plan: Plan, scene: Scene, screen: Screen) -> None:
    """Returns when everything that was sent is settled.

    `told` is what the services were told. Raises an exception group if anything goes wrong.
    """
    async with _client() as client, asyncio.TaskGroup() as tasks:
        sender = Sender(client, settings, scene.ledger)
        reps = Reps(client, settings, plan.handling, sender)
        rep_loads = Desks(client, settings)

        def hear(event: Event[EventData], at: float) -> None:
            new = scene.hear(event, at)
            if new and isinstance(event.data, LeadRouted):
                tasks.create_task(reps.handle(event.data))

        ready = asyncio.Event()
        for_ever = [
            tasks.create_task(watch(settings["BATON_KAFKA_BOOTSTRAP_SERVERS"], hear, ready)),
            tasks.create_task(_keep_looking(rep_loads, scene)),
            tasks.create_task(_keep_showing(screen, scene)),
        ]
        await ready.wait()
        await sender.send_all(plan)
        await _settled(scene, reps)
        scene.reps = await rep_loads.look()
        screen.show(scene)
        for task in for_ever:
            task.cancel()


def _client() -> httpx.AsyncClient:
    # Straight to this machine, whatever proxy the environment has for others.
    return httpx.AsyncClient(timeout=30, trust_env=False)


async def _keep_looking(rep_loads: Desks, scene: Scene) -> None:
    while True:
        scene.reps = await rep_loads.look()
        await asyncio.sleep(_LOOK_EACH_S)


async def _keep_showing(screen: Screen, scene: Scene) -> None:
    while True:
        screen.show(scene)
        await asyncio.sleep(_PICTURE_EACH_S)


async def _settled(scene: Scene, reps: Reps) -> None:
    deadline = time.monotonic() + _SETTLING_S
    # What follows from a broken promise or a declined lead is on another topic, a moment later.
    while reps.busy or any(scene.unfinished()) or scene.quiet_seconds < _QUIET_S:
        if time.monotonic() > deadline:
            left = "; ".join(scene.unfinished()) or "something still happens"
            raise StackError(f"a minute after the last delivery {left}")
        await asyncio.sleep(_PICTURE_EACH_S)
