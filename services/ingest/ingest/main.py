"""The ingest process: `python -m ingest.main`. HTTP comes first; all else stands beside it."""

import asyncio
import os
from functools import partial

from prometheus_client import CollectorRegistry

from baton.metrics import HttpMetrics, IngestMetrics
from baton.runtime import admin
from baton.runtime.commands import Commands
from baton.runtime.parts import Service
from baton.runtime.runner import Runner
from baton.runtime.status import Status
from baton.service import Task, application, background, main, serve, surroundings
from ingest.aliases.store import AliasStore
from ingest.domain import SUBSCRIPTION, decide
from ingest.edge import edge
from ingest.settings import Settings
from ingest.supervision import LONGEST_PAUSE, Supervisor


async def run(settings: Settings) -> None:
    """Put the parts together and live until told to end."""
    stop = asyncio.Event()
    status, aside = Status(), Status()
    registry = CollectorRegistry()
    metrics = IngestMetrics(registry)
    around = await surroundings(settings, "ingest", registry, status, aside)
    runner = Runner(Service("ingest", SUBSCRIPTION, AliasStore(), decide), around)
    parts = edge(settings, around.pool, around.policies, os.environ, metrics, aside)
    commands = Commands("ingest", settings, around.pool, runner.wake)
    app = application(
        "ingest",
        "Takes leads, activities and follow-ups; answers once they are safe.",
        settings.api_token.get_secret_value(),
        [*parts.routers, admin.router(around.pool, settings, commands)],
        parts.open_routers,
        status=status,
        registry=registry,
        tracing=around.tracing,
        aside=aside,
    )
    supervisor = Supervisor(
        stop, aside, metrics.task_failures, settings.times.circuit, LONGEST_PAUSE
    )
    tasks = [
        Task("aliases", partial(runner.run, stop), heeds_stop=True),
        *(Task(name, work) for name, work in parts.tasks.items()),
        *background(around, commands),
    ]
    side_tasks = [supervisor.supervise(task) for task in tasks]
    try:
        await serve(app, settings, HttpMetrics(registry), side_tasks, stop)
    finally:
        around.pool.terminate()
        around.tracing.close()


if __name__ == "__main__":
    main(Settings, "ingest", run)
