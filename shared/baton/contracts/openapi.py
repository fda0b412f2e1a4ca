"""The services' OpenAPI documents, each from a function of its own that makes it without I/O."""

import pkgutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from baton.contracts.schemas import Document

DIRECTORY = Path("contracts/openapi")

SERVICES: Mapping[str, str] = MappingProxyType({})
"""By a service's name `package.api:document`, a function that takes nothing and gives its document.

A name and not an import, since the library may not import what stands on it.
"""


def documents(services: Mapping[str, str]) -> Iterator[tuple[str, Document]]:
    """The name and the document of each service."""
    for service, function in services.items():
        yield service, pkgutil.resolve_name(function)()
