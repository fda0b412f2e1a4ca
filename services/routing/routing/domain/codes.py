"""The codes by which routing says what it decided, apart from the ids that a bundle defines.

A code is a member of an enum, and the id of an exclusion is an `Excluded`. The two are never equal,
so an exclusion may have any id. As text (on a topic, in a column, in JSON) they look alike; there a
field `exclusion` beside the code tells them apart.
"""

from dataclasses import dataclass
from enum import StrEnum


class UnroutedCode(StrEnum):
    """Why nobody has a lead, where no exclusion of the bundle says so."""

    NO_RULE = "no_rule"
    MAX_ATTEMPTS = "max_attempts"
    NO_CAPACITY = "no_capacity"
    NO_REP = "no_rep"
    ALL_TRIED = "all_tried"
    NOT_QUALIFIED = "not_qualified"
    TEST = "test"
    REJECTED = "rejected"
    CLOSED = "closed"
    OWNER_CHANGED = "owner_changed"


class DecisionCode(StrEnum):
    """Codes of decisions, beside those of `lead.released`, of follow-ups and of assignments."""

    ROUTED = "routed"
    KEPT = "kept"
    HAS_OWNER = "has_owner"
    IMPORTED = "imported"


@dataclass(frozen=True, slots=True)
class Excluded:
    """The exclusion of the bundle that keeps a lead from everybody, by its id."""

    id: str

    def __str__(self) -> str:
        """The id, as it stands where a code stands otherwise."""
        return self.id


Cause = UnroutedCode | Excluded
"""Why nobody has a lead."""


def cause(code: str, exclusion: str | None) -> Cause:
    """The cause that a code and the field `exclusion` beside it give as text."""
    return UnroutedCode(code) if exclusion is None else Excluded(exclusion)


def excluded_id(found: Cause) -> str | None:
    """The field `exclusion` beside a code."""
    return found.id if isinstance(found, Excluded) else None
