"""A table of leads: columns that are named as the fields of a lead, one lead a row."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

PARTS = ("contact", "company", "campaign", "consent", "request", "custom", "history", "answers")
"""The parts of a lead's document. A column for a field of a part has a name like `contact.email`.
"""


class UnusableColumnsError(ValueError):
    """The header can't be used; `column` is the one that is wrong."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column = column


class UnusableRowError(ValueError):
    """A row does not fit its header."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The header of a table."""

    names: Sequence[str]

    @classmethod
    def of(cls, cells: Sequence[str], reserved: Collection[str] = PARTS) -> "Columns":
        """Raises UnusableColumnsError; `reserved` names are those that no column may have."""
        names = tuple(cell.strip() for cell in cells)
        if not any(names):
            raise UnusableColumnsError("header", "the first line must name the columns")
        for name in names:
            if name in reserved:
                raise UnusableColumnsError(name, f"has parts: name one of them, as in {name}.name")
            if name and names.count(name) > 1:
                raise UnusableColumnsError(name, "stands twice in the header")
        return cls(names)

    def named(self, cells: Sequence[str]) -> dict[str, str]:
        """The cells that have something in them, by their columns.

        Raises UnusableRowError where the row has more or fewer than the header, or something in a
        column without a name.
        """
        if len(cells) != len(self.names):
            raise UnusableRowError(f"has {len(cells)} cells, and the header {len(self.names)}")
        found = {name: cell for name, cell in zip(self.names, cells, strict=True) if cell.strip()}
        if "" in found:
            raise UnusableRowError(
                f"has something in column {self.names.index('') + 1}, which has no name"
            )
        return found


def document(fields: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """The lead's document of fields by their dotted names."""
    made: dict[str, JsonValue] = {}
    for name, value in fields.items():
        part, dot, inner = name.partition(".")
        if not (dot and inner and part in PARTS):
            made[name] = value
            continue
        within = made.setdefault(part, {})
        assert isinstance(within, dict)  # noqa: S101 - no column is named as a part itself
        within[inner] = value
    return made
