"""The ingest process: `python -m ingest.main`. HTTP comes first; the alias keeper stands beside."""

import asyncio
import os
from dataclasses import replace

from prometheus_client import CollectorRegistry

from baton.logs import logger
from baton.metrics import HttpMetrics
from baton.runtime import admin
from baton.runtime.commands import Commands
from baton.runtime.runner import Runner
from baton.runtime.status import Status
from baton.service import Task, application, background, main, serve, surroundings
from ingest.domain import NoState
from ingest.edge import edge
from ingest.metrics import IngestMetrics
from ingest.service import MANIFEST, consumer
from ingest.settings import Settings

_LOG = logger(__name__)


async def run(settings: Settings) -> None:
    """Put the parts together and live until told to end."""
    stop = asyncio.Event()
    status, aside = Status(), Status()
    registry = CollectorRegistry()
    metrics = IngestMetrics(registry)
    around = await surroundings(settings, MANIFEST.package, registry, status, aside)
    runner = Runner(consumer(), around)
    parts = edge(settings, around.pool, around.policies, os.environ, metrics, aside)
    routers = MANIFEST.routers(parts.handlers)
    commands = Commands(MANIFEST.package, settings, around.pool, runner.wake)
    app = application(
        MANIFEST,
        settings.api_token.get_secret_value(),
        replace(routers, guarded=[*routers.guarded, admin.router(around.pool, settings, commands)]),
        status=status,
        registry=registry,
        tracing=around.tracing,
        aside=aside,
    )
    tasks = [
        Task("aliases", _keep_aliases(runner, settings, aside, stop), heeds_stop=True),
        *(Task(name, work()) for name, work in parts.tasks.items()),
        *background(around, commands),
    ]
    try:
        await serve(app, settings, HttpMetrics(registry), tasks, stop)
    finally:
        around.pool.terminate()
        around.tracing.close()


async def _keep_aliases(
    runner: Runner[NoState, None], settings: Settings, aside: Status, stop: asyncio.Event
) -> None:
    """Run the alias keeper, anew where it fails: without it, intake is only degraded."""
    while not stop.is_set():
        try:
            await runner.run(stop)
        except Exception as error:  # noqa: BLE001 - whatever it is, leads must be taken
            aside.not_ready("aliases", f"{type(error).__name__}: {error}")
            _LOG.exception("the alias keeper begins anew")
            await asyncio.sleep(settings.times.circuit.total_seconds())
            aside.ready("aliases")


if __name__ == "__main__":
    main(MANIFEST, run)
