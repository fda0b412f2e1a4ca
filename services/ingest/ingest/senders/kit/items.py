"""The items of a delivery: drafts, and items from which no draft is made."""

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
    """What must be asked of the vendor before an item is whole: the record's kind and its id."""

    record: str
    id: str


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that a delivery tells.

    `part` tells it from others of the same delivery id. `fetch`: the delivery has no more than ids,
    and the draft what it said besides.
    """

    draft: Draft
    part: str = ""
    fetch: Fetch | None = None

    @property
    def becomes(self) -> Becomes:
        return _BECOMES[type(self.draft)]

    @property
    def document(self) -> dict[str, JsonValue]:
        """The draft, as our own API takes it."""
        return self.draft.document()


@dataclass(frozen=True, slots=True)
class Unread:
    """A part of a delivery that was not understood, beside others that may have been."""

    reason: str


@dataclass(frozen=True, slots=True)
class Passed:
    """Something that changes nothing for a lead: it is answered and forgotten."""

    draft: Draft

    @property
    def document(self) -> dict[str, JsonValue]:
        """As an item's."""
        return self.draft.document()


ItemResult = Item | Passed | Unread


def read_each(
    parts: Iterable[T], read: Callable[[T], Iterable[ItemResult]]
) -> Iterator[ItemResult]:
    """What each part of a delivery tells: one that can't be read keeps no other back."""
    for part in parts:
        try:
            yield from read(part)
        except NotUnderstoodError as error:
            yield Unread(str(error))
