"""Payloads whose meaning the bundle has: what each type becomes, and where its fields are."""

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

_NOT_NAMED = "the bundle says of its type neither what it becomes nor ignore"


@dataclass(frozen=True, slots=True)
class Event:
    """An event of a payload: what the sender's form of it fixes, the rest is the bundle's.

    `shared` is what a payload of several events says once for all of them. `known` are the paths
    within the event that are understood without the bundle.
    """

    type: JsonValue
    payload: JsonValue
    shared: JsonValue = None
    delivery_id: str | None = None
    occurred_at: JsonValue = None
    part: str = ""
    known: tuple[Path, ...] = ()


def read(source: MappedSource, event: Event) -> list[Item]:
    """What the event tells; nothing where the bundle has its type ignored.

    Raises NotUnderstoodError.
    """
    if not isinstance(event.type, str):
        raise NotUnderstoodError("it has no type where the bundle says that it stands")
    if event.type in source.ignore:
        return []
    mapping = source.events.get(event.type)
    if mapping is None:
        raise NotUnderstoodError(_NOT_NAMED)
    return [Item(_draft(mapping, event), event.part)]


def _draft(mapping: EventMapping, event: Event) -> Draft:
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


def _answers(mapping: EventMapping, event: Event) -> dict[str, JsonValue]:
    """What the mapping says nothing of."""
    places = (place for _, place in _places(mapping))
    return rest(event.payload, {*event.known, *places})


def _values(mapping: EventMapping, event: Event) -> Iterator[tuple[str, JsonValue]]:
    """Each field with its value; what comes later counts."""
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
