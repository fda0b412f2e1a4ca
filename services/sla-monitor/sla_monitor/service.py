"""The sla-monitor service, as every program that deals with services knows it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from baton import topics
from baton.manifest import PersonalData, Routers, ServiceManifest

if TYPE_CHECKING:
    from sqlalchemy import MetaData

    from baton.policy.section import Section
    from baton.runtime.dependencies import Service
    from baton.service import Resources
    from sla_monitor.settings import Settings


def _settings() -> "type[Settings]":
    from sla_monitor.settings import Settings

    return Settings


def _consumer() -> "Service[Any, Any]":
    from baton.runtime.dependencies import Service
    from sla_monitor.domain import SUBSCRIPTION, decide
    from sla_monitor.policy.reads import READS
    from sla_monitor.store import ClockStore

    return Service(MANIFEST.package, SUBSCRIPTION, ClockStore(), decide, READS)


def _tables() -> "MetaData":
    from sla_monitor.tables import METADATA

    return METADATA


def _policy() -> "Sequence[Section[Any]]":
    from sla_monitor.policy.sla import SLA

    return (SLA,)


def _routers(resources: "Resources") -> Routers:
    from sla_monitor.api import router
    from sla_monitor.store import Reads

    return Routers(guarded=(router(Reads(resources.engine)),))


MANIFEST = ServiceManifest(
    name="sla-monitor",
    title="sla-monitor",
    description="Promises, kept and broken.",
    port=8104,
    settings=_settings,
    routers=_routers,
    consumer=_consumer,
    tables=_tables,
    migrations=Path(__file__).parents[1] / "migrations",
    writes=(topics.LEAD_SLA,),
    policy=_policy,
    personal_data=PersonalData(
        export="/v1/leads/{lead}/clocks",
        counted={"clocks": ("promise", "promises")},
        erased_by="the runner, for the lead's state; `ClockStore.erase`, for its clocks",
    ),
)
