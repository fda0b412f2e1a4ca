"""The services' OpenAPI documents, made without any I/O."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from baton.contracts.schemas import Document
from baton.manifest import ServiceManifest
from baton.runtime import admin
from baton.runtime.status import Status
from baton.service import application
from baton.tracing import Tracing

DIRECTORY = Path("contracts/openapi")


class _Absent:
    """Stands for what routes need at a request alone: it has every attribute, and can be called."""

    def __getattr__(self, name: str) -> "_Absent":
        return self

    def __call__(self, *_: object, **__: object) -> "_Absent":
        return self


def document(service: ServiceManifest) -> Document:
    """The document of a service's API."""
    absent: Any = _Absent()
    routers = service.routers(absent)
    if service.consumes:
        operations = admin.router(absent, absent, absent)
        routers = replace(routers, guarded=[*routers.guarded, operations])
    tracing = Tracing(service.package, None)
    app = application(
        service,
        "",
        routers,
        status=Status(),
        degraded=Status(),
        registry=CollectorRegistry(),
        tracing=tracing,
    )
    tracing.close()
    return app.openapi()
