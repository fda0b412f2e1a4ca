"""The parts of an ingest process, put together: its routes, and what goes on beside them."""

import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from uuid import uuid4

import asyncpg
import httpx

from baton import kafka, topics
from baton.manifest import manifests
from baton.runtime.status import Status
from ingest.capture.deliveries import DeliveryCapture
from ingest.capture.erasures import Erasures
from ingest.capture.intake import Intake, PolicyInForce
from ingest.edge.admission import Admission
from ingest.edge.bodies import Bounds
from ingest.edge.rates import Rates
from ingest.edge.routes import Handlers
from ingest.edge.webhook_secrets import watch_secrets
from ingest.edge.webhooks import Webhooks
from ingest.features.backlog import look_after
from ingest.features.enrichment.http import HttpFetcher
from ingest.features.enrichment.store import FetchTable
from ingest.features.enrichment.worker import FetchLimits, FetchWorker
from ingest.features.failed.replay import Replays
from ingest.features.failed.store import FailedDeliveries
from ingest.features.privacy.holdings import holdings
from ingest.features.quarantine.decisions import Quarantine
from ingest.features.quarantine.store import QuarantineTable
from ingest.features.quiet_sources.arrivals import ArrivalLog
from ingest.features.quiet_sources.monitor import Listening
from ingest.features.quiet_sources.store import Arrivals
from ingest.features.unmatched.queue import UnmatchedQueue
from ingest.features.unmatched.retrier import Retrier
from ingest.features.unmatched.store import WaitingTable
from ingest.identity.alias_store import AliasReads
from ingest.metrics import IngestMetrics
from ingest.publish.bulk_backpressure import Pace
from ingest.publish.circuit import Circuit
from ingest.publish.consumer_lag import consumers
from ingest.publish.forwarder import Forwarder
from ingest.publish.publisher import Publisher
from ingest.publish.spool import Spool, SpoolBounds
from ingest.publish.spool_store import SpoolTable
from ingest.secrets import Secrets
from ingest.settings import Settings
from ingest.tables import DECIDED_KEPT, FAILED_KEPT
from ingest.topics import OWN

WRITES = (*OWN, topics.OPERATIONS)


@dataclass(frozen=True, slots=True)
class Composition:
    """The handlers of requests and the side tasks. Each of the `tasks` runs, by its name, until it
    is cancelled.
    """

    handlers: Handlers
    tasks: Mapping[str, Callable[[], Coroutine[None, None, None]]]
    circuit: Circuit
    hearing: ArrivalLog


def compose(
    settings: Settings,
    pool: asyncpg.Pool,
    policy: PolicyInForce,
    environment: Mapping[str, str],
    metrics: IngestMetrics,
    status: Status,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Composition:
    """The parts of one process. `environment` has the secrets of the bundle's sources. Reasons in
    `status` make ingest degraded; they do not end it.
    """
    secrets = Secrets(environment)
    names = {topic.name: kafka.topic_name(settings, topic) for topic in WRITES}
    circuit = Circuit(
        make=partial(kafka.producer, settings),
        names=names,
        partitions={t.name: settings.partitions if t.sharded else 1 for t in WRITES},
        deadline=settings.times.spool_switch,
        pause=settings.times.circuit,
    )
    table = SpoolTable(pool, process=uuid4())
    of_spool = SpoolBounds(settings.spool_rows, settings.spool_bytes)
    of_bodies = Bounds.of(settings)
    spool = Spool(table, settings.database_wait, of_spool)
    failed = FailedDeliveries(pool)
    quarantine_table = QuarantineTable(pool)
    fetches = FetchTable(pool)
    publisher = Publisher(circuit, spool, settings.partitions, clock, metrics)
    quarantine = Quarantine(quarantine_table, publisher, settings.database_wait, clock, metrics)
    waits = WaitingTable(pool)
    unmatched = UnmatchedQueue(waits, settings.waiting_most, settings.database_wait, clock, metrics)
    aliases = AliasReads(pool, settings.database_wait)
    id_key = settings.id_key.get_secret_value().encode()
    intake = Intake(
        id_key=id_key,
        policy=policy,
        leads_of=aliases.leads_of,
        publisher=publisher,
        hold=quarantine.hold,
        unmatched=unmatched,
        clock=clock,
        ahead=settings.ahead,
        metrics=metrics,
    )
    erasures = Erasures(intake, aliases.same_person, id_key)
    hearing = ArrivalLog(clock)
    admission = Admission(
        settings.requests_in_flight,
        settings.bodies_held,
        settings.batches_at_once,
        settings.answer_within,
        Rates(time.monotonic),
        hearing.count_arrival,
    )
    pace = Pace(settings.bulk_behind, settings.batch_in_flight, metrics)
    address = settings.webhooks_address
    capture = DeliveryCapture(intake, erasures, failed.keep, fetches.add, id_key, metrics)
    webhooks = Webhooks(capture, secrets, admission.count_arrival, metrics, address)

    async def fetch() -> None:
        async with httpx.AsyncClient(timeout=settings.fetch_wait.total_seconds()) as client:
            await FetchWorker(
                table=fetches,
                fetcher=HttpFetcher(client, secrets, settings.fetch_wait),
                complete=capture.complete,
                keep=failed.keep,
                limits=FetchLimits(settings.fetch_within, lease=3 * settings.fetch_wait),
                clock=clock,
                metrics=metrics,
            ).run(settings.times)

    # Batches wait for every group of the deployment, whichever services it has.
    groups = [service.package for service in manifests() if service.consumes]
    forwarder = Forwarder(pool, table, spool, circuit, metrics, status)
    retrier = Retrier(pool, unmatched, spool, table, settings.partitions, settings.waiting_old)
    return Composition(
        handlers=Handlers(
            settings=settings,
            metrics=metrics,
            admission=admission,
            bounds=of_bodies,
            intake=intake,
            erasures=erasures,
            pace=pace,
            webhooks=webhooks,
            quarantine_table=quarantine_table,
            quarantine=quarantine,
            failed=failed,
            replays=Replays(failed, capture, clock, metrics),
            waiting=waits,
            fetches=fetches,
            holdings=partial(holdings, pool),
        ),
        tasks={
            "producer": circuit.keep,
            "forwarder": partial(forwarder.run, settings.times, clock),
            "pace": partial(pace.keep, partial(consumers, settings, groups, settings.times)),
            "fetching": fetch,
            "kept": partial(
                look_after,
                failed,
                FAILED_KEPT,
                clock,
                metrics.kept_deliveries,
                metrics.kept_age,
            ),
            "quarantine": partial(
                look_after,
                quarantine_table,
                DECIDED_KEPT,
                clock,
                metrics.quarantined,
                metrics.quarantine_age,
            ),
            "waiting": partial(retrier.run, settings.times, clock),
            "arrivals": Listening(
                hearing, Arrivals(pool), publisher, policy.in_force, clock, metrics
            ).run,
            "secrets": partial(
                watch_secrets,
                lambda: policy.in_force(clock()),
                secrets,
                address,
                status,
                settings.times.look,
            ),
        },
        circuit=circuit,
        hearing=hearing,
    )
