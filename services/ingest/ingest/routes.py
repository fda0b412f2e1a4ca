"""All routes of ingest, in the order of its document."""

from dataclasses import dataclass

from baton.manifest import Routers
from ingest import api
from ingest.admission import Admission
from ingest.bodies import Bounds
from ingest.fetching import api as fetching
from ingest.fetching.store import FetchTable
from ingest.intake import Intake
from ingest.kept import api as kept
from ingest.kept.replaying import Replays
from ingest.kept.store import FailedDeliveries
from ingest.metrics import IngestMetrics
from ingest.pace import Pace
from ingest.privacy import api as privacy
from ingest.quarantine import api as quarantines
from ingest.quarantine.holding import Quarantine
from ingest.quarantine.store import QuarantineTable
from ingest.settings import Settings
from ingest.waiting import api as waiting
from ingest.waiting.store import WaitingTable
from ingest.webhooks import Webhooks


@dataclass(frozen=True, slots=True, kw_only=True)
class Handlers:
    """What the routes hand requests to."""

    settings: Settings
    metrics: IngestMetrics
    admission: Admission
    bounds: Bounds
    intake: Intake
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
                handlers.admission,
                handlers.pace,
                handlers.bounds,
                handlers.settings,
                handlers.metrics,
            ),
            quarantines.router(handlers.quarantine_table, handlers.quarantine),
            kept.router(handlers.failed, handlers.replays),
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
