"""The ingest service, as every program that deals with services knows it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from baton.manifest import PersonalData, Routers, ServiceManifest
from ingest.topics import OWN

if TYPE_CHECKING:
    from sqlalchemy import MetaData

    from baton.policy.section import Section
    from baton.runtime.dependencies import Service
    from ingest.edge.routes import Handlers
    from ingest.identity.aliases import NoState
    from ingest.settings import Settings


def _settings() -> "type[Settings]":
    from ingest.settings import Settings

    return Settings


def consumer() -> "Service[NoState, None]":
    """The alias keeper, with what the edge reads of the policy."""
    from baton.runtime.dependencies import Service
    from ingest.identity.alias_store import AliasStore
    from ingest.identity.aliases import SUBSCRIPTION, decide
    from ingest.policy.reads import READS

    return Service(MANIFEST.package, SUBSCRIPTION, AliasStore(), decide, READS)


def _tables() -> "MetaData":
    from ingest.tables import METADATA

    return METADATA


def _routers(handlers: "Handlers") -> Routers:
    from ingest.edge.routes import routers

    return routers(handlers)


def _policy() -> "Sequence[Section[Any]]":
    from ingest.policy.sources import SOURCES

    return (SOURCES,)


def _metrics() -> Sequence[type]:
    from ingest.metrics import IngestMetrics

    return (IngestMetrics,)


def _senders_page() -> str:
    from ingest.senders.page import text

    return text()


MANIFEST = ServiceManifest(
    name="ingest",
    title="ingest",
    description="Takes leads.",
    port=8101,
    settings=_settings,
    routers=_routers,
    consumer=consumer,
    tables=_tables,
    migrations=Path(__file__).parents[1] / "migrations",
    metrics=_metrics,
    writes=OWN,
    policy=_policy,
    personal_data=PersonalData(
        export="/v1/privacy/leads/{lead}",
        counted={
            "names": ("name", "names"),
            "spooled": ("event in the spool", "events in the spool"),
            "waiting": ("delivery that waits", "deliveries that wait"),
            "fetching": ("lead without its details", "leads without their details"),
            "quarantine": ("enquiry in quarantine", "enquiries in quarantine"),
            "deliveries": ("delivery not understood", "deliveries not understood"),
        },
        erased_by="`AliasStore.erase`, for each of ingest's tables",
    ),
    pages={"senders.md": _senders_page},
)
