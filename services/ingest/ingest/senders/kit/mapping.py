"""Applies a bundle's mapping to an event: what its type becomes, and where its fields are."""

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import JsonValue

from ingest.policy.mapped import (
    ActivityMapping,
    ErasureMapping,
    EventMapping,
    FollowupMapping,
    LeadMapping,
    MappedSource,
)
from ingest.senders.kit.delivery import NotUnderstoodError
from ingest.senders.kit.draft_fields import filled
from ingest.senders.kit.drafts import ActivityDraft, Draft, ErasureDraft, FollowupDraft, LeadDraft
from ingest.senders.kit.items import Item
from ingest.senders.kit.payloads import Path, at, path, rest

_NOT_NAMED = "the source has neither `events` nor `ignore` for this event type; add one of them"


@dataclass(frozen=True, slots=True)
class MappedEvent:
    """An event of a payload, with the values that the sender's format defines.

    `shared` is the part of a payload that several events have in common. `known` has the paths in
    the event that the sender's module reads itself, without the bundle.
    """

    type: JsonValue
    payload: JsonValue
    shared: JsonValue = None
    delivery_id: str | None = None
    occurred_at: JsonValue = None
    part: str = ""
    known: tuple[Path, ...] = ()


def read(source: MappedSource, event: MappedEvent) -> list[Item]:
    """The event's items; none if the bundle ignores its type.

    Raises NotUnderstoodError.
    """
    if not isinstance(event.type, str):
        raise NotUnderstoodError("the event has no type at the place that the bundle names")
    if event.type in source.ignore:
        return []
    mapping = source.events.get(event.type)
    if mapping is None:
        raise NotUnderstoodError(_NOT_NAMED)
    return [Item(_draft(mapping, event), event.part)]


def _draft(mapping: EventMapping, event: MappedEvent) -> Draft:
    answers, values = _answers(mapping, event), list(_values(mapping, event))
    match mapping:
        case LeadMapping():
            return filled(LeadDraft(answers=answers), values)
        case ActivityMapping():
            return filled(ActivityDraft(type=mapping.type, answers=answers), values)
        case FollowupMapping():
            return filled(FollowupDraft(type=mapping.type, answers=answers), values)
        case ErasureMapping():
            why = f"asked for by a delivery of type {event.type}"
            return filled(ErasureDraft(why=why), values)


def _answers(mapping: EventMapping, event: MappedEvent) -> dict[str, JsonValue]:
    """The values that the mapping does not use, by their paths."""
    places = (place for _, place in _places(mapping))
    return rest(event.payload, {*event.known, *places})


def _values(mapping: EventMapping, event: MappedEvent) -> Iterator[tuple[str, JsonValue]]:
    """Each field with its value. Of two values of a field, the later counts."""
    yield "delivery_id", event.delivery_id
    yield "occurred_at", event.occurred_at
    if not isinstance(mapping, ErasureMapping):
        yield from mapping.constants.items()
    for field, place in _places(mapping):
        here = at(event.payload, place)
        yield field, at(event.shared, place) if here is None else here


def _places(mapping: EventMapping) -> Iterator[tuple[str, Path]]:
    """Each field that a mapping sets, with its place in the payload."""
    if mapping.occurred_at:
        yield "occurred_at", path(mapping.occurred_at)
    if not isinstance(mapping, LeadMapping):
        for field, place in mapping.who.model_dump(exclude_none=True).items():
            yield field, path(place)
    if not isinstance(mapping, ErasureMapping):
        for field, place in mapping.fields.items():
            yield field, path(place)
