"""The four services, by the names that people use."""

from enum import StrEnum
from importlib.resources import files
from pathlib import Path


class Service(StrEnum):
    """A service. Its package and its schema in PostgreSQL have the same name."""

    INGEST = "ingest"
    SCORING = "scoring"
    ROUTING = "routing"
    SLA_MONITOR = "sla-monitor"

    @property
    def schema(self) -> str:
        """As Python and PostgreSQL write it."""
        return self.value.replace("-", "_")

    @property
    def migrations(self) -> Path:
        """Its folder of migrations, which stands beside the package."""
        return Path(str(files(self.schema))).parent / "migrations"

    @property
    def variable(self) -> str:
        """The environment variable that says where its API is."""
        return f"BATON_{self.schema.upper()}_URL"
