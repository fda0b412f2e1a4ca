"""The installed services, by the names that people use."""

from enum import StrEnum
from typing import TYPE_CHECKING

from baton.manifest import ServiceManifest, manifests


class _Service(StrEnum):
    """A service, by its name."""

    @property
    def manifest(self) -> ServiceManifest:
        """The manifest of the service."""
        return next(manifest for manifest in manifests() if manifest.name == self)

    @property
    def schema(self) -> str:
        """As Python and PostgreSQL write it."""
        return self.manifest.package

    @property
    def variable(self) -> str:
        """The environment variable that says where its API is."""
        return self.manifest.url_variable


if TYPE_CHECKING:
    Service = _Service
else:
    # The command line needs an enumeration, and its members are whatever is installed.
    Service = _Service(
        "Service", {manifest.package.upper(): manifest.name for manifest in manifests()}
    )

INGEST = Service("ingest")
SCORING = Service("scoring")
ROUTING = Service("routing")
SLA_MONITOR = Service("sla-monitor")
