"""The routing service, as every program that deals with services knows it."""

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
    from routing.settings import Settings


def _settings() -> "type[Settings]":
    from routing.settings import Settings

    return Settings


def _consumer() -> "Service[Any, Any]":
    from baton.runtime.dependencies import Service
    from routing.domain import SUBSCRIPTION, decide
    from routing.policy.reads import READS
    from routing.store import RoutingStore

    return Service(MANIFEST.package, SUBSCRIPTION, RoutingStore(), decide, READS)


def _tables() -> "MetaData":
    from routing.tables import METADATA

    return METADATA


def _policy() -> "Sequence[Section[Any]]":
    from routing.policy.routing import ROUTING

    return (ROUTING,)


def _routers(resources: "Resources") -> Routers:
    from routing.api import router
    from routing.store import Reads

    return Routers(guarded=(router(Reads(resources.engine), resources.commands),))


MANIFEST = ServiceManifest(
    name="routing",
    title="routing",
    description="Who has a lead, and why.",
    port=8103,
    settings=_settings,
    routers=_routers,
    consumer=_consumer,
    tables=_tables,
    migrations=Path(__file__).parents[1] / "migrations",
    writes=(topics.LEAD_ROUTED, topics.LEAD_FOLLOWUP),
    policy=_policy,
    personal_data=PersonalData(
        export="/v1/leads/{lead}/assignments",
        parameters={"decisions": "1000"},
        counted={
            "assignments": ("assignment", "assignments"),
            "decisions": ("decision", "decisions"),
        },
        erased_by="the runner, for the lead's state; `RoutingStore.erase`, for its decisions",
    ),
)
