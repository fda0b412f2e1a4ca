"""The services' OpenAPI documents, each from a function that makes it without I/O."""

import pkgutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from baton.contracts.schemas import Document

DIRECTORY = Path("contracts/openapi")

# By name, since the library may not import what stands on it.
SERVICES: Mapping[str, str] = MappingProxyType({})


def documents() -> Iterator[tuple[str, Document]]:
    """The name and the document of each service."""
    for service, function in SERVICES.items():
        yield service, pkgutil.resolve_name(function)()
