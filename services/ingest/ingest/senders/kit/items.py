"""What deliveries tell, item by item, in the shapes that the rest of intake takes in."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeVar

from pydantic import JsonValue

from ingest.senders.kit.delivery import NotUnderstoodError

T = TypeVar("T")

Becomes = Literal["lead", "activity", "followup", "erasure"]


@dataclass(frozen=True, slots=True)
class Fetch:
    """What must be asked of the vendor before an item is whole: the record's kind and its id."""

    record: str
    id: str


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that a delivery tells, in the shape that our own API takes it in.

    `part` tells it from others of the same delivery id. `fetch`: the delivery has no more than ids,
    and the document what it said besides.
    """

    becomes: Becomes
    document: dict[str, JsonValue]
    part: str = ""
    fetch: Fetch | None = None


@dataclass(frozen=True, slots=True)
class Unread:
    """A part of a delivery that was not understood, beside others that may have been."""

    reason: str


@dataclass(frozen=True, slots=True)
class Passed:
    """Something that changes nothing for a lead: it is answered and forgotten."""

    document: dict[str, JsonValue]


Told = Item | Passed | Unread


def each(parts: Iterable[T], read: Callable[[T], Iterable[Told]]) -> Iterator[Told]:
    """What each part of a delivery tells: one that can't be read keeps no other back."""
    for part in parts:
        try:
            yield from read(part)
        except NotUnderstoodError as error:
            yield Unread(str(error))
