"""All routes of ingest, in the order of its document."""

from dataclasses import dataclass

from baton.manifest import Routers
from ingest.capture.erasures import Erasures
from ingest.capture.intake import Intake
from ingest.edge import api
from ingest.edge.admission import Admission
from ingest.edge.bodies import Bounds
from ingest.edge.webhooks import Webhooks
from ingest.features.enrichment import api as fetching
from ingest.features.enrichment.store import FetchTable
from ingest.features.failed import api as failed_api
from ingest.features.failed.replay import Replays
from ingest.features.failed.store import FailedDeliveries
from ingest.features.privacy import api as privacy
from ingest.features.quarantine import api as quarantines
from ingest.features.quarantine.decisions import Quarantine
from ingest.features.quarantine.store import QuarantineTable
from ingest.features.unmatched import api as waiting
from ingest.features.unmatched.store import WaitingTable
from ingest.metrics import IngestMetrics
from ingest.publish.bulk_backpressure import Pace
from ingest.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Handlers:
    """The parts that handle the requests of the routes."""

    settings: Settings
    metrics: IngestMetrics
    admission: Admission
    bounds: Bounds
    intake: Intake
    erasures: Erasures
    pace: Pace
    webhooks: Webhooks
    quarantine_table: QuarantineTable
    quarantine: Quarantine
    failed: FailedDeliveries
    replays: Replays
    waiting: WaitingTable
    fetches: FetchTable
    holdings: privacy.HoldingsOf


def routers(handlers: Handlers) -> Routers:
    """The routes of one process; nothing is asked of the handlers before a request."""
    return Routers(
        guarded=(
            api.router(
                handlers.intake,
                handlers.erasures,
                handlers.admission,
                handlers.pace,
                handlers.bounds,
                handlers.settings,
                handlers.metrics,
            ),
            quarantines.router(handlers.quarantine_table, handlers.quarantine),
            failed_api.router(handlers.failed, handlers.replays),
            waiting.router(handlers.waiting),
            fetching.router(handlers.fetches),
            privacy.router(handlers.holdings),
        ),
        unguarded=(
            api.webhook_router(
                handlers.webhooks, handlers.admission, handlers.bounds, handlers.metrics
            ),
        ),
    )
