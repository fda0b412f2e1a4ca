"""The notices service, as every program that deals with services knows it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from baton.manifest import Routers, ServiceManifest

if TYPE_CHECKING:
    from sqlalchemy import MetaData

    from baton.service import Resources
    from notices.settings import Settings


def _settings() -> "type[Settings]":
    from notices.settings import Settings

    return Settings


def _tables() -> "MetaData":
    from notices.tables import METADATA

    return METADATA


def _metrics() -> Sequence[type]:
    from notices.metrics import NoticeMetrics

    return (NoticeMetrics,)


def _routers(resources: "Resources") -> Routers:
    from notices.api import router
    from notices.metrics import NoticeMetrics
    from notices.store import Notices

    return Routers(guarded=(router(Notices(resources.engine), resources.metrics(NoticeMetrics)),))


MANIFEST = ServiceManifest(
    name="notices",
    title="notices",
    description="Notices for the sales floor.",
    port=8190,
    settings=_settings,
    routers=_routers,
    tables=_tables,
    migrations=Path(__file__).parents[1] / "migrations",
    metrics=_metrics,
)
