"""sources.yaml: who may send leads, how they sign, and where things are in what they send."""

from collections.abc import Collection, Iterator, Mapping
from typing import Annotated

from pydantic import Discriminator

from baton.policy.bundle import Bundle
from baton.policy.definitions import DEFINITIONS, Definitions
from baton.policy.model import Id, NotEmpty, PolicyModel
from baton.policy.problems import Fault
from baton.policy.section import Section, Sections, check_name
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


def _find_faults(sources: Sources, sections: Sections) -> Iterator[Fault]:
    definitions = sections.get(DEFINITIONS)
    for name, source in sources.sources.items():
        if isinstance(source, MappedSource):
            yield from _constant_reasons(name, source, sections)
        if isinstance(source, SalesSource) and definitions is not None:
            yield from _outcome_reasons(name, source, definitions)


def _constant_reasons(name: str, source: MappedSource, sections: Sections) -> Iterator[Fault]:
    for event, mapping in source.events.items():
        if isinstance(mapping, FollowupMapping) and "reason" in mapping.constants:
            place = ("sources", name, "events", event, "constants", "reason")
            yield from sections.check_name(place, "reason", mapping.constants["reason"])


def _outcome_reasons(name: str, source: SalesSource, definitions: Definitions) -> Iterator[Fault]:
    for field, by_value in source.outcomes.items():
        for value, outcome in by_value.items():
            if outcome.reason is not None:
                known = definitions.reasons_for(outcome.type) or definitions.reasons
                place = ("sources", name, "outcomes", field, value, "reason")
                codes = [reason.code for reason in known]
                yield from check_name(place, "reason", outcome.reason, codes)


SOURCES = Section(
    "sources.yaml", Sources, needs=(DEFINITIONS,), names=_names, find_faults=_find_faults
)


def sources_of(bundle: Bundle) -> Mapping[str, Source]:
    """The bundle's sources by name."""
    return bundle.section(SOURCES).sources
