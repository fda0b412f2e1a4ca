"""The ingest process: `python -m ingest.main`. HTTP comes first; all else stands beside it."""

import asyncio
import os
from dataclasses import replace
from functools import partial

from prometheus_client import CollectorRegistry

from baton.metrics import HttpMetrics
from baton.runtime import admin
from baton.runtime.commands import Commands
from baton.runtime.runner import Runner
from baton.runtime.status import Status
from baton.service import Task, application, background, dependencies, main, serve
from ingest.composition import compose
from ingest.metrics import IngestMetrics
from ingest.service import MANIFEST, consumer
from ingest.settings import Settings
from ingest.supervision import LONGEST_PAUSE, Supervisor


async def run(settings: Settings) -> None:
    """Put the parts together and live until told to end."""
    stop = asyncio.Event()
    status, degraded = Status(), Status()
    registry = CollectorRegistry()
    metrics = IngestMetrics(registry)
    keeper = consumer()
    needs = await dependencies(settings, keeper, registry, status, degraded, runner_may_fail=True)
    runner = Runner(keeper, needs)
    parts = compose(settings, needs.pool, needs.policies, os.environ, metrics, degraded)
    routers = MANIFEST.routers(parts.handlers)
    commands = Commands(MANIFEST.package, settings, needs.pool, runner.wake)
    app = application(
        MANIFEST,
        settings.api_token.get_secret_value(),
        replace(routers, guarded=[*routers.guarded, admin.router(needs.pool, settings, commands)]),
        status=status,
        registry=registry,
        tracing=needs.tracing,
        degraded=degraded,
    )
    supervisor = Supervisor(
        stop, degraded, metrics.task_failures, settings.times.circuit, LONGEST_PAUSE
    )
    tasks = [
        Task("aliases", partial(runner.run, stop), heeds_stop=True),
        *(Task(name, work) for name, work in parts.tasks.items()),
        *background(needs, commands),
    ]
    side_tasks = [supervisor.supervise(task) for task in tasks]
    try:
        await serve(app, settings, HttpMetrics(registry), side_tasks, stop)
    finally:
        needs.pool.terminate()
        needs.tracing.close()


if __name__ == "__main__":
    main(MANIFEST, run)
