"""The services' OpenAPI documents, made without any I/O."""

import inspect
import pkgutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from fastapi import APIRouter
from prometheus_client import CollectorRegistry

from baton.contracts.schemas import Document
from baton.runtime import admin
from baton.runtime.status import Status
from baton.service import application
from baton.tracing import Tracing

DIRECTORY = Path("contracts/openapi")


@dataclass(frozen=True, slots=True)
class Api:
    """The functions that make a service's routers, as `module:function`.

    Names and not imports, since the library may not import what stands on it.
    """

    says: str
    guarded: Sequence[str]
    unguarded: str | None = None


SERVICES: Mapping[str, Api] = MappingProxyType(
    {
        "ingest": Api(
            "Takes leads.",
            (
                "ingest.api:router",
                "ingest.quarantine.api:router",
                "ingest.kept.api:router",
                "ingest.waiting.api:router",
                "ingest.fetching.api:router",
                "ingest.privacy.api:router",
            ),
            "ingest.api:webhook_router",
        ),
        "scoring": Api("What leads are worth, and why.", ("scoring.api:router",)),
        "routing": Api("Who has a lead, and why.", ("routing.api:router",)),
        "sla-monitor": Api("Promises, kept and broken.", ("sla_monitor.api:router",)),
    }
)


def documents(services: Mapping[str, Api]) -> Iterator[tuple[str, Document]]:
    """The name and the document of each service."""
    for name, api in services.items():
        tracing = Tracing(name, None)
        app = application(
            name,
            api.says,
            "",
            [
                *(_described(pkgutil.resolve_name(each)) for each in api.guarded),
                _described(admin.router),
            ],
            [] if api.unguarded is None else [_described(pkgutil.resolve_name(api.unguarded))],
            status=Status(),
            registry=CollectorRegistry(),
            tracing=tracing,
        )
        tracing.close()
        yield name, app.openapi()


def _described(make: Callable[..., APIRouter]) -> APIRouter:
    """The router as it can be described: what its routes need, they need at a request alone."""
    return make(*(None for _ in inspect.signature(make).parameters))
