"""The ingest process: `python -m ingest.main`. HTTP comes first; the alias keeper stands beside."""

import asyncio
import os

import asyncpg
from aiokafka.errors import KafkaError
from prometheus_client import CollectorRegistry

from baton import database
from baton.logs import logger
from baton.metrics import IngestMetrics, RuntimeMetrics
from baton.runtime import admin
from baton.runtime.commands import Commands
from baton.runtime.errors import CommitUnknownError, PublishError, StalledError
from baton.runtime.housekeeping import keep_house
from baton.runtime.policies import Policies
from baton.runtime.runner import Runner
from baton.runtime.status import Status
from baton.service import Task, application, main, serve
from baton.tracing import Tracing
from ingest.domain import SUBSCRIPTION, NoState, decide
from ingest.edge import edge
from ingest.settings import Settings
from ingest.store import AliasStore

_LOG = logger(__name__)


async def run(settings: Settings) -> None:
    """Put the parts together and live until told to end."""
    stop = asyncio.Event()
    status, aside = Status(), Status()
    registry = CollectorRegistry()
    metrics = IngestMetrics(registry)
    endpoint = settings.otlp_endpoint
    tracing = Tracing("ingest", None if endpoint is None else str(endpoint))
    pool = await database.pool(settings, "ingest", settings.times)
    policies = Policies(settings, status)
    runner = Runner(
        "ingest",
        SUBSCRIPTION,
        AliasStore(),
        decide,
        settings,
        pool,
        policies,
        aside,
        RuntimeMetrics(registry),
        tracing,
    )
    parts = edge(settings, pool, policies, os.environ, metrics, aside)
    commands = Commands("ingest", settings, pool, runner.wake)
    app = application(
        "ingest",
        "Takes leads, activities and follow-ups; answers once they are safe.",
        settings.api_token.get_secret_value(),
        [*parts.routers, admin.router(pool, settings, commands)],
        parts.open_routers,
        status=status,
        registry=registry,
        tracing=tracing,
        aside=aside,
    )
    tasks = [
        Task("aliases", _keep_aliases(runner, settings, aside, stop), heeds_stop=True),
        *(Task(name, work()) for name, work in parts.tasks.items()),
        Task("policy", policies.feed(pool)),
        Task("commands", commands.listen()),
        Task("housekeeping", keep_house(pool)),
    ]
    try:
        await serve(app, settings, tasks, stop)
    finally:
        pool.terminate()
        tracing.close()


async def _keep_aliases(
    runner: Runner[NoState, None], settings: Settings, aside: Status, stop: asyncio.Event
) -> None:
    """Run the alias keeper, anew where it fails: without it, intake is only degraded."""
    while not stop.is_set():
        try:
            await runner.run(stop)
        except (
            KafkaError,
            OSError,
            asyncpg.PostgresError,
            asyncpg.InterfaceError,
            PublishError,
            CommitUnknownError,
            StalledError,
        ) as error:
            aside.not_ready("aliases", f"{type(error).__name__}: {error}")
            _LOG.warning("the alias keeper begins anew", why=type(error).__name__)
            await asyncio.sleep(settings.times.circuit.total_seconds())
            aside.ready("aliases")


if __name__ == "__main__":
    main(Settings, "ingest", run)
