"""sources.yaml: who may send leads, how they sign, and where things are in what they send."""

from collections.abc import Collection, Iterator, Mapping
from typing import Annotated

from pydantic import Discriminator

from baton.policy.bundle import Bundle
from baton.policy.definitions import DEFINITIONS, Definitions
from baton.policy.model import Id, NotEmpty, PolicyModel
from baton.policy.section import Finding, Parts, Section, unknown
from ingest.policy.mapped import (
    EventsSource,
    FollowupMapping,
    GenericSource,
    MappedSource,
    StandardWebhooksSource,
)
from ingest.policy.source import ApiSource
from ingest.policy.vendors import (
    FormSource,
    HubspotSource,
    IdOnlySource,
    SalesforceSource,
    SalesSource,
    SalesToolSource,
    TypeformSource,
    VendorSource,
)

Source = (
    ApiSource
    | StandardWebhooksSource
    | EventsSource
    | GenericSource
    | TypeformSource
    | FormSource
    | IdOnlySource
    | VendorSource
    | SalesToolSource
    | HubspotSource
    | SalesforceSource
)


class Sources(PolicyModel):
    """All of sources.yaml."""

    sources: Annotated[dict[Id, Annotated[Source, Discriminator("kind")]], NotEmpty]


def _names(sources: Sources) -> Mapping[str, Collection[str]]:
    return {"source": list(sources.sources)}


def _findings(sources: Sources, parts: Parts) -> Iterator[Finding]:
    definitions = parts.get(DEFINITIONS)
    for name, source in sources.sources.items():
        if isinstance(source, MappedSource):
            yield from _constant_reasons(name, source, parts)
        if isinstance(source, SalesSource) and definitions is not None:
            yield from _outcome_reasons(name, source, definitions)


def _constant_reasons(name: str, source: MappedSource, parts: Parts) -> Iterator[Finding]:
    for event, mapping in source.events.items():
        if isinstance(mapping, FollowupMapping) and "reason" in mapping.constants:
            place = ("sources", name, "events", event, "constants", "reason")
            yield from parts.unknown(place, "reason", mapping.constants["reason"])


def _outcome_reasons(name: str, source: SalesSource, definitions: Definitions) -> Iterator[Finding]:
    for field, by_value in source.outcomes.items():
        for value, outcome in by_value.items():
            if outcome.reason is not None:
                known = definitions.reasons_for(outcome.type) or definitions.reasons
                place = ("sources", name, "outcomes", field, value, "reason")
                codes = [reason.code for reason in known]
                yield from unknown(place, "reason", outcome.reason, codes)


SOURCES = Section("sources.yaml", Sources, needs=(DEFINITIONS,), names=_names, findings=_findings)


def sources_of(bundle: Bundle) -> Mapping[str, Source]:
    """The bundle's sources by name."""
    return bundle.section(SOURCES).sources
