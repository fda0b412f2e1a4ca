"""`docs/operations.md`: its prose is written by hand, its tables are filled in."""

import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from sqlalchemy import MetaData, Table

from baton import topics
from baton.contracts import markdown
from baton.contracts.schemas import Document
from baton.metrics import HttpMetrics, IngestMetrics, RuntimeMetrics
from baton.settings import DatabaseSettings, KafkaSettings, ServiceSettings
from baton.times import AT_MOST, Times
from baton.topics import Topic

_EVERY = "every service"


def filled(page: str, apis: Mapping[str, Document]) -> str:
    """The page with its tables filled in; `apis` are the services' OpenAPI documents, by name.

    Raises ValueError where the page lacks a mark.
    """
    services = list(apis)
    tables = {
        "settings": _settings(services),
        "times": _times(),
        "inequalities": ", ".join(f"`{text}`" for text in _inequalities()),
        "metrics": _metrics(),
        "tables": _kept_in_postgresql(services),
        "topics": _kept_in_kafka(),
        "routes": _routes(apis),
    }
    return markdown.filled(page, tables)


def package(service: str) -> str:
    """A service's Python package, and its schema in PostgreSQL."""
    return service.replace("-", "_")


def variables(services: Sequence[str]) -> Iterator[tuple[str, str, FieldInfo]]:
    """Each environment variable but the times', with who reads it.

    The services are known by their names, since the library may not import what stands on it.
    """
    by_all = {**KafkaSettings.model_fields, **DatabaseSettings.model_fields}
    for name, field in {**by_all, **ServiceSettings.model_fields}.items():
        if name not in ("times", "port"):
            yield _variable(name), "all, `baton`" if name in by_all else _EVERY, field
    for service in services:
        settings = pkgutil.resolve_name(f"{package(service)}.settings:Settings")
        for name, field in settings.model_fields.items():
            if name == "port" or name not in ServiceSettings.model_fields:
                yield _variable(name), f"`{service}`", field


def declared_metrics() -> Iterator[tuple[str, MetricWrapperBase]]:
    """Each metric as it is declared, with who shows it."""
    for of, who in ((RuntimeMetrics, _EVERY), (HttpMetrics, _EVERY), (IngestMetrics, "`ingest`")):
        for metric in vars(of(CollectorRegistry())).values():
            yield who, metric


def metric_name(metric: MetricWrapperBase) -> str:
    """The name by which Prometheus has it: a counter's ends in `_total`."""
    return f"{metric._name}_total" if metric._type == "counter" else metric._name  # noqa: SLF001 - it tells nobody else


def _variable(field: str) -> str:
    return f"BATON_{field.upper()}"


def _settings(services: Sequence[str]) -> str:
    rows = [
        (f"`{name}`", who, _default(field), field.description or _said_for_all(name))
        for name, who, field in variables(services)
    ]
    return markdown.table(("variable", "read by", "default", "says"), rows)


def _said_for_all(name: str) -> str:
    """What a service that has another default does not say again."""
    field = ServiceSettings.model_fields[name.removeprefix("BATON_").lower()]
    return field.description or ""


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "none, a secret" if field.annotation is SecretStr else "none"
    value = field.default
    if isinstance(value, timedelta):
        return f"{value.total_seconds():g} s"
    return f"`{value}`" if value not in (None, "", frozenset()) else "nothing"


def _times() -> str:
    rows = [
        (f"`{_variable('times')}__{name.upper()}`", _default(field), field.description or "")
        for name, field in Times.model_fields.items()
    ]
    return markdown.table(("variable", "default", "says"), rows)


def _inequalities() -> Iterator[str]:
    for less, factor, more in AT_MOST:
        times = f"{factor} x " if factor > 1 else ""
        yield f"{times}{less} <= {more}"


def _metrics() -> str:
    rows = [
        (
            f"`{metric_name(metric)}`",
            str(metric._type),  # noqa: SLF001 - as in metric_name
            ", ".join(f"`{label}`" for label in metric._labelnames),  # noqa: SLF001 - as above
            who,
            metric._documentation,  # noqa: SLF001 - as above
        )
        for who, metric in declared_metrics()
    ]
    return markdown.table(("metric", "kind", "labels", "shown by", "says"), rows)


def _kept_in_postgresql(services: Sequence[str]) -> str:
    schemas: dict[str, MetaData] = {
        service: pkgutil.resolve_name(f"{package(service)}.tables:METADATA") for service in services
    }
    everywhere = set.intersection(*(set(metadata.tables) for metadata in schemas.values()))
    first = next(iter(schemas.values()))
    rows = [_table(_EVERY, first.tables[name]) for name in first.tables if name in everywhere]
    for service, metadata in schemas.items():
        own = [table for name, table in metadata.tables.items() if name not in everywhere]
        rows += [_table(f"`{package(service)}`", table) for table in own]
    return markdown.table(("schema", "table", "what is in it, and how long"), rows)


def _table(schema: str, table: Table) -> tuple[str, str, str]:
    return schema, f"`{table.name}`", table.comment or ""


def _kept_in_kafka() -> str:
    rows = [(f"`{topic.name}`", topic.owner, _retention(topic)) for topic in topics.ALL]
    return markdown.table(("topic", "written by", "kept"), rows)


def _retention(topic: Topic) -> str:
    if topic.retention is None:
        return "compacted: the newest of each key, for good"
    return f"{topic.retention.days} days"


def _routes(apis: Mapping[str, Document]) -> str:
    by_service = {service: dict(_operations(api)) for service, api in apis.items()}
    everywhere = set.intersection(*map(set, by_service.values()))
    rows = []
    for service, operations in by_service.items():
        own = {name: said for name, said in operations.items() if name not in everywhere}
        rows += [(f"`{service}`", f"`{name}`", *said) for name, said in own.items()]
    first = next(iter(by_service.values()))
    rows += [(_EVERY, f"`{name}`", *said) for name, said in first.items() if name in everywhere]
    return markdown.table(("service", "route", "demands", "says"), rows)


def _operations(api: Document) -> Iterator[tuple[str, tuple[str, str]]]:
    for path, methods in api["paths"].items():
        for method, operation in methods.items():
            demands = "nothing"
            if operation.get("security"):
                demands = "the token"
            elif "/webhooks/" in path:
                demands = "a signature"
            said = operation.get("description", operation["summary"]).partition("\n")[0]
            yield f"{method.upper()} {path}", (demands, said)
