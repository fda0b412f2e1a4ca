"""The scoring service, as every program that deals with services knows it."""

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
    from scoring.settings import Settings


def _settings() -> "type[Settings]":
    from scoring.settings import Settings

    return Settings


def _consumer() -> "Service[Any, Any]":
    from baton.runtime.dependencies import Service
    from scoring.domain import SUBSCRIPTION, decide
    from scoring.policy.reads import READS
    from scoring.store import ScoringStore

    return Service(MANIFEST.package, SUBSCRIPTION, ScoringStore(), decide, READS)


def _tables() -> "MetaData":
    from scoring.tables import METADATA

    return METADATA


def _policy() -> "Sequence[Section[Any]]":
    from scoring.policy.scoring import SCORING

    return (SCORING,)


def _routers(resources: "Resources") -> Routers:
    from scoring.api import router
    from scoring.store import Reads

    return Routers(guarded=(router(Reads(resources.engine)),))


MANIFEST = ServiceManifest(
    name="scoring",
    title="scoring",
    description="What leads are worth, and why.",
    port=8102,
    settings=_settings,
    routers=_routers,
    consumer=_consumer,
    tables=_tables,
    migrations=Path(__file__).parents[1] / "migrations",
    writes=(topics.LEAD_SCORED,),
    policy=_policy,
    personal_data=PersonalData(
        export="/v1/leads/{lead}",
        parameters={"history": "500", "activities": "10000"},
        counted={
            "enquiries": ("enquiry", "enquiries"),
            "latest_activities": ("activity", "activities"),
            "followups": ("follow-up", "follow-ups"),
            "history": ("score", "scores"),
        },
        erased_by="the runner, for the lead's state; `ScoringStore.erase`, for its history",
    ),
)
