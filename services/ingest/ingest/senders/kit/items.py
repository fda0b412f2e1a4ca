"""The results of reading a delivery: items, ignored items, and unreadable parts."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeVar

from pydantic import JsonValue

from ingest.senders.kit.delivery import NotUnderstoodError
from ingest.senders.kit.drafts import ActivityDraft, Draft, ErasureDraft, FollowupDraft, LeadDraft

T = TypeVar("T")

Becomes = Literal["lead", "activity", "followup", "erasure"]

_BECOMES: dict[type, Becomes] = {
    LeadDraft: "lead",
    ActivityDraft: "activity",
    FollowupDraft: "followup",
    ErasureDraft: "erasure",
}


@dataclass(frozen=True, slots=True)
class Fetch:
    """The record that Baton fetches from the vendor's API to complete an item: its kind and id."""

    record: str
    id: str


@dataclass(frozen=True, slots=True)
class Item:
    """One lead, activity, follow-up or erasure of a delivery.

    `part` distinguishes items with the same delivery id. `fetch`: the record to fetch, if the
    delivery has ids only; the draft then has the other values of the delivery.
    """

    draft: Draft
    part: str = ""
    fetch: Fetch | None = None

    @property
    def becomes(self) -> Becomes:
        return _BECOMES[type(self.draft)]

    @property
    def document(self) -> dict[str, JsonValue]:
        """The draft as a request document of Baton's API."""
        return self.draft.document()


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An unreadable part of a delivery; other parts may be readable."""

    reason: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """An event that changes nothing for a lead. Baton answers it and does not store it."""

    draft: Draft

    @property
    def document(self) -> dict[str, JsonValue]:
        """The draft as a request document of Baton's API."""
        return self.draft.document()


ItemResult = Item | Ignored | Unreadable


def read_each(
    parts: Iterable[T], read: Callable[[T], Iterable[ItemResult]]
) -> Iterator[ItemResult]:
    """Reads each part of a delivery by itself, so an unreadable part does not affect the others."""
    for part in parts:
        try:
            yield from read(part)
        except NotUnderstoodError as error:
            yield Unreadable(str(error))
