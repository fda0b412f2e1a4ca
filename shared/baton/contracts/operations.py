"""`docs/operations.md`: its prose is written by hand, its tables are filled in."""

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
from baton.manifest import ServiceManifest, writers
from baton.metrics import HttpMetrics, RuntimeMetrics
from baton.runtime.tables import define
from baton.settings import DatabaseSettings, KafkaSettings, ServiceSettings
from baton.times import AT_MOST, Times
from baton.topics import Topic

_EVERY = "every service"


def fill(page: str, services: Sequence[ServiceManifest], apis: Mapping[str, Document]) -> str:
    """The page with its tables filled in; `apis` are the services' OpenAPI documents, by name.

    Raises ValueError where the page lacks a mark.
    """
    tables = {
        "settings": _settings(services),
        "times": _times(),
        "inequalities": ", ".join(f"`{text}`" for text in _inequalities()),
        "metrics": _metrics(services),
        "tables": _kept_in_postgresql(services),
        "topics": _kept_in_kafka(),
        "routes": _routes(services, apis),
    }
    return markdown.fill(page, tables)


def variables(services: Sequence[ServiceManifest]) -> Iterator[tuple[str, str, FieldInfo]]:
    """Each environment variable but the times', with the programs that read it."""
    by_all = {**KafkaSettings.model_fields, **DatabaseSettings.model_fields}
    for name, field in {**by_all, **ServiceSettings.model_fields}.items():
        if name not in ("times", "port"):
            yield _variable(name), "all, `baton`" if name in by_all else _EVERY, field
    for service in services:
        for name, field in service.settings().model_fields.items():
            if name == "port" or name not in ServiceSettings.model_fields:
                yield _variable(name), f"`{service.name}`", field


def declared_metrics(
    services: Sequence[ServiceManifest],
) -> Iterator[tuple[str, MetricWrapperBase]]:
    """Each metric as it is declared, with the services that show it."""
    classes: list[tuple[type, str]] = [
        (declared, _EVERY) for declared in (RuntimeMetrics, HttpMetrics)
    ]
    for service in services:
        classes += [(declared, f"`{service.name}`") for declared in service.metrics()]
    for declared, shown_by in classes:
        for metric in vars(declared(CollectorRegistry())).values():
            yield shown_by, metric


def metric_name(metric: MetricWrapperBase) -> str:
    """The name by which Prometheus has it: a counter's ends in `_total`."""
    return f"{metric._name}_total" if metric._type == "counter" else metric._name  # noqa: SLF001 - it tells nobody else


def _variable(field: str) -> str:
    return f"BATON_{field.upper()}"


def _settings(services: Sequence[ServiceManifest]) -> str:
    rows = [
        (f"`{name}`", service, _default(field), field.description or _said_for_all(name))
        for name, service, field in variables(services)
    ]
    return markdown.table(("variable", "read by", "default", "says"), rows)


def _said_for_all(name: str) -> str:
    """The settings of all services, without those that a service has with another default."""
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


def _metrics(services: Sequence[ServiceManifest]) -> str:
    rows = [
        (
            f"`{metric_name(metric)}`",
            str(metric._type),  # noqa: SLF001 - as in metric_name
            ", ".join(f"`{label}`" for label in metric._labelnames),  # noqa: SLF001 - as above
            service,
            metric._documentation,  # noqa: SLF001 - as above
        )
        for service, metric in declared_metrics(services)
    ]
    return markdown.table(("metric", "kind", "labels", "shown by", "says"), rows)


def _kept_in_postgresql(services: Sequence[ServiceManifest]) -> str:
    of_runner = MetaData()
    define(of_runner)
    rows = [_table(_EVERY, table) for table in of_runner.tables.values()]
    for service in services:
        tables = {} if service.tables is None else service.tables().tables
        own = [table for name, table in tables.items() if name not in of_runner.tables]
        rows += [_table(f"`{service.package}`", table) for table in own]
    return markdown.table(("schema", "table", "what is in it, and how long"), rows)


def _table(schema: str, table: Table) -> tuple[str, str, str]:
    return schema, f"`{table.name}`", table.comment or ""


def _kept_in_kafka() -> str:
    rows = [(f"`{topic.name}`", writers(topic), _retention(topic)) for topic in topics.ALL]
    return markdown.table(("topic", "written by", "kept"), rows)


def _retention(topic: Topic) -> str:
    if topic.retention is None:
        return "compacted: the newest of each key, for good"
    return f"{topic.retention.days} days"


def _routes(services: Sequence[ServiceManifest], apis: Mapping[str, Document]) -> str:
    by_service = {service.name: dict(_operations(apis[service.name])) for service in services}
    consumers = [by_service[service.name] for service in services if service.consumes]
    everywhere = set.intersection(*map(set, consumers))
    rows = []
    for service, operations in by_service.items():
        own = {name: texts for name, texts in operations.items() if name not in everywhere}
        rows += [(f"`{service}`", f"`{name}`", *texts) for name, texts in own.items()]
    rows += [
        (_EVERY, f"`{name}`", *texts) for name, texts in consumers[0].items() if name in everywhere
    ]
    return markdown.table(("service", "route", "demands", "says"), rows)


def _operations(api: Document) -> Iterator[tuple[str, tuple[str, str]]]:
    for path, methods in api["paths"].items():
        for method, operation in methods.items():
            demands = "nothing"
            if operation.get("security"):
                demands = "the token"
            elif "/webhooks/" in path:
                demands = "a signature"
            description = operation.get("description", operation["summary"]).partition("\n")[0]
            yield f"{method.upper()} {path}", (demands, description)
