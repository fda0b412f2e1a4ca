"""Reads the rows of a CSV or NDJSON file: the fields of a lead, or the reason why a row cannot be
read.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pydantic import JsonValue

from baton.csv_rows import BOM, BrokenRow, Row, Rows, delimiter_of
from baton.lead_table import Columns, UnusableColumnsError, UnusableRowError
from baton_cli.importing.lines import LONGEST, Line, Lines


class UnusableFileError(ValueError):
    """The file cannot be read at all; `line` has the fault."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


@dataclass(frozen=True, slots=True)
class RowValues:
    """The values of a row by column or key; `raw` is the row as in the file."""

    line: int
    raw: bytes
    fields: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Broken:
    """A row that cannot be read."""

    line: int
    raw: bytes
    reason: str


class Format(Protocol):
    """Reads a file's lines in their order."""

    @property
    def columns(self) -> Sequence[str] | None:
        """The columns of the header; None if each row names its own fields."""

    @property
    def between(self) -> bool:
        """Whether the next line begins a row."""

    def read(self, line: Line) -> Iterator[RowValues | Broken]:
        """The rows that are complete with this line."""

    def end(self) -> Iterator[RowValues | Broken]:
        """The rows that remain after the last line."""


class Ndjson:
    """A JSON object a line."""

    columns = None
    between = True

    def read(self, line: Line) -> Iterator[RowValues | Broken]:
        if line.text is None:
            yield _too_long(line)
        elif text := line.text.removeprefix(BOM).strip():
            yield _object(line.number, text)

    def end(self) -> Iterator[RowValues | Broken]:
        yield from ()


class Csv:
    """A header that names the columns, and a row for each lead."""

    def __init__(self, lines: Lines, reserved: Sequence[str]) -> None:
        """Reads the header. Raises UnusableFileError; a column must not be named as a reserved."""
        first, header = _header(lines)
        try:
            self._columns = Columns.of(header.cells, reserved)
        except UnusableColumnsError as error:
            raise UnusableFileError(header.line, f"{error.column}: {error}") from error
        self._rows = Rows(delimiter_of(first), LONGEST)

    @property
    def columns(self) -> Sequence[str]:
        return self._columns.names

    @property
    def between(self) -> bool:
        return not self._rows.unfinished

    def read(self, line: Line) -> Iterator[RowValues | Broken]:
        if line.text is None:
            yield from self.end()
            yield _too_long(line)
        else:
            yield from map(self._row, _filled(self._rows.add(line.number, line.text)))

    def end(self) -> Iterator[RowValues | Broken]:
        yield from map(self._row, _filled(self._rows.end()))

    def _row(self, row: Row | BrokenRow) -> RowValues | Broken:
        if isinstance(row, BrokenRow):
            return Broken(row.line, row.raw, row.reason)
        try:
            return RowValues(row.line, row.raw, self._columns.named(row.cells))
        except UnusableRowError as error:
            return Broken(row.line, row.raw, str(error))


def _header(lines: Lines) -> tuple[bytes, Row]:
    """The file's first line that has something in it, and the row that begins there."""
    first = b""
    rows: Rows | None = None
    for line in lines:
        text = (line.text or b"").removeprefix(BOM)
        if line.text is None:
            raise UnusableFileError(line.number, f"longer than {LONGEST} bytes")
        if rows is None:
            first = text
            rows = Rows(delimiter_of(first), LONGEST)
        for row in rows.add(line.number, text):
            if isinstance(row, BrokenRow):
                raise UnusableFileError(row.line, row.reason)
            if any(map(str.strip, row.cells)):
                return first, row
            rows = None
    if rows is not None and rows.unfinished:
        raise UnusableFileError(1, "a quoted cell of the header has no end")
    raise UnusableFileError(1, "the file is empty")


def _filled(rows: Iterator[Row | BrokenRow]) -> Iterator[Row | BrokenRow]:
    return (row for row in rows if isinstance(row, BrokenRow) or any(map(str.strip, row.cells)))


def _too_long(line: Line) -> Broken:
    return Broken(line.number, b"", f"longer than {LONGEST} bytes")


def _object(number: int, text: bytes) -> RowValues | Broken:
    try:
        document = json.loads(text, object_pairs_hook=_members)
    except json.JSONDecodeError as error:
        return Broken(number, text, f"not JSON: {error.msg}")
    except UnicodeDecodeError as error:
        return Broken(number, text, f"not UTF-8 at byte {error.start} of the line")
    except (RecursionError, ValueError) as error:
        return Broken(number, text, f"not JSON that can be read: {error}")
    if not isinstance(document, dict):
        return Broken(number, text, "must be a JSON object")
    return RowValues(number, text, document)


def _members(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return members
