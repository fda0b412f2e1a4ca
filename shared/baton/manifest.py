"""The manifest in which a service declares itself, and how programs find the installed services."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from baton.topics import Topic

if TYPE_CHECKING:
    # The operator's command reads manifests; these would take it seconds to import.
    from fastapi import APIRouter
    from sqlalchemy import MetaData

    from baton.policy.section import Section
    from baton.runtime.dependencies import Service
    from baton.settings import ApiSettings

GROUP = "baton.services"
"""The group of entry points in which a service's `pyproject.toml` names its manifest."""


class ManifestError(Exception):
    """The installed services can't be used together; the message says which, and the way out."""


@dataclass(frozen=True, slots=True)
class Routers:
    """A service's routes. `guarded` demand the deployment's token, `unguarded` do not."""

    guarded: Sequence["APIRouter"]
    unguarded: Sequence["APIRouter"] = ()


@dataclass(frozen=True, slots=True)
class PersonalData:
    """Where a service keeps data of persons, and how it is exported and erased.

    `export` is the path of its API that answers with all that it holds on `{lead}`, `parameters`
    go into the query. `counted` names the lists in that answer, each with the words for one entry
    and for several. `erased_by` says what removes the data when the topic `lead-identity` brings
    `lead.erased`; whoever writes that text has checked each table.
    """

    export: str
    counted: Mapping[str, tuple[str, str]]
    erased_by: str
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ServiceManifest:
    """All that other programs know of a service.

    Parts that need the service's own code are functions, so that reading a manifest is cheap. A
    service without Kafka has no `consumer`, one without a database no `tables` and `migrations`.
    """

    name: str
    """As people write it: `sla-monitor`. Also the folder and the API's document."""
    title: str
    """The API's title, after the product's name."""
    description: str
    """The description of the service in its OpenAPI document."""
    port: int
    """Where its API listens by default. Services are sorted by it."""
    settings: "Callable[[], type[ApiSettings]]"
    routers: Callable[[Any], Routers]
    """Makes the routes from the parts of the process (`baton.service.Resources`, unless the service
    builds its process itself). The parts may only be used in requests.
    """
    consumer: "Callable[[], Service[Any, Any]] | None" = None
    """The topics that the service reads and its `decide`. A consumer needs tables."""
    tables: "Callable[[], MetaData] | None" = None
    migrations: Path | None = None
    """The folder of its Alembic migrations."""
    metrics: Callable[[], Sequence[type]] = tuple
    """Classes whose instances hold its own metrics, each made with a registry."""
    writes: Sequence[Topic] = ()
    """Topics that it writes, beside those that every service writes."""
    policy: "Callable[[], Sequence[Section[Any]]]" = tuple
    """The sections of a policy bundle that are its own: no other service owns their files."""
    personal_data: PersonalData | None = None
    """None: it holds nothing on persons but what the runner's dead letters have."""
    pages: Mapping[str, Callable[[], str]] = field(default_factory=lambda: MappingProxyType({}))
    """Pages of `docs/` that its code makes, by file name."""

    @property
    def package(self) -> str:
        """Its Python package; also its schema in PostgreSQL, its consumer group and its process."""
        return self.name.replace("-", "_")

    @property
    def url_variable(self) -> str:
        """The environment variable that says where its API is."""
        return f"BATON_{self.package.upper()}_URL"

    @property
    def consumes(self) -> bool:
        """Whether it has a consumer, and so dead letters, a breaker and a group in Kafka."""
        return self.consumer is not None


def find() -> tuple[ServiceManifest, ...]:
    """The manifests of the services that are installed beside this program, by their ports.

    Raises ManifestError where one can't be loaded, or two can't live together.
    """
    found = [_load(point) for point in entry_points(group=GROUP)]
    found.sort(key=lambda manifest: (manifest.port, manifest.name))
    for key, values in (
        ("name", [manifest.package for manifest in found]),
        ("port", [manifest.port for manifest in found]),
    ):
        _require_unique(key, values, found)
    return tuple(found)


manifests = cache(find)
"""As `find`, read once for the life of the process: packages do not change meanwhile."""


def writers(topic: Topic) -> str:
    """Which programs write a topic, in words."""
    if topic.writer is not None:
        return topic.writer
    return ", ".join(service.name for service in manifests() if topic in service.writes)


def _load(point: EntryPoint) -> ServiceManifest:
    source = "an unknown package" if point.dist is None else point.dist.name
    way_out = f"Correct it and install {source} again (`make setup`), or uninstall {source}."
    where = f"the service '{point.name}' of the package {source}"
    try:
        manifest = point.load()
    except Exception as error:
        raise ManifestError(
            f"{where} can't be loaded from {point.value}: {type(error).__name__}: {error}. "
            + way_out
        ) from error
    if not isinstance(manifest, ServiceManifest):
        raise ManifestError(f"{where}: {point.value} is not a ServiceManifest. {way_out}")
    if manifest.name != point.name:
        raise ManifestError(
            f"{where} is called '{manifest.name}' in its manifest; both must be the same. {way_out}"
        )
    if (manifest.tables is None) != (manifest.migrations is None):
        raise ManifestError(f"{where} declares only one of tables and migrations. {way_out}")
    if manifest.consumes and manifest.tables is None:
        raise ManifestError(
            f"{where} declares a consumer and no tables, where the runner keeps its positions. "
            + way_out
        )
    return manifest


def _require_unique(
    key: str, values: Sequence[object], services: Sequence[ServiceManifest]
) -> None:
    for value, times in Counter(values).items():
        if times > 1:
            names = " and ".join(
                service.name for service, own in zip(services, values, strict=True) if own == value
            )
            raise ManifestError(
                f"two services have the {key} '{value}': {names}. Give one of them another in "
                "its service.py, or uninstall it, and run `make setup`."
            )
