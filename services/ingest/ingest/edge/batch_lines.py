"""Reads the lines of a batch as NDJSON or CSV, by the request's content type."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.message import Message
from typing import Protocol

from pydantic import JsonValue

from baton.csv_rows import BOM, BrokenRow, Row, Rows, delimiter_of
from baton.lead_table import Columns, UnusableColumnsError, UnusableRowError, document
from ingest import documents
from ingest.edge import bodies, problems
from ingest.edge.bodies import Line
from ingest.errors import IntakeError, RejectedError, UnreadableError

_UTF_8 = frozenset({"", "utf-8", "utf8", "us-ascii", "ascii"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One delivery of a batch, or why it is none. `body` is what tells it from others."""

    line: int
    body: bytes
    document: JsonValue | IntakeError


class Room:
    """Of a page of a batch: it ends with so many lines, or with the line that fills the bytes."""

    def __init__(self, lines: int, size: int) -> None:
        self._lines = lines
        self._size = size

    def left_by(self, entry: Entry) -> bool:
        """Whether there is any for another, when this one is in it too."""
        self._lines -= 1
        self._size -= len(entry.body)
        return self._lines > 0 and self._size > 0


class Format(Protocol):
    """Reads a batch's lines in their order."""

    def entries(self, lines: Sequence[Line]) -> Iterator[Entry]:
        """The entries that these lines complete. Raises RejectedError for a bad header."""

    def end(self) -> Iterator[Entry]:
        """The entries that remain after the last line."""


def format_of(content_type: str, limit: int) -> Format:
    """CSV where the content type says so, else NDJSON. Raises Problem for another charset."""
    parsed = Message()
    parsed["content-type"] = content_type
    charset = str(parsed.get_param("charset", "")).lower()
    if charset not in _UTF_8:
        raise problems.charset(documents.path_text((charset,)))
    return Csv(limit) if parsed.get_content_type() == "text/csv" else Ndjson(limit)


class Ndjson:
    """A JSON object a line."""

    def __init__(self, limit: int) -> None:
        self._limit = limit

    def entries(self, lines: Sequence[Line]) -> Iterator[Entry]:
        for line in lines:
            if line.text is None:
                yield Entry(line.number, b"", bodies.too_large(self._limit))
            elif text := line.text.strip():
                yield Entry(line.number, text, _document(text))

    def end(self) -> Iterator[Entry]:
        yield from ()


class Csv:
    """A header that names the fields, and a row for each lead."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._rows: Rows | None = None
        self._columns: Columns | None = None

    def entries(self, lines: Sequence[Line]) -> Iterator[Entry]:
        for line in lines:
            if line.text is None:
                yield from self.end()
                yield self._too_long(line)
                continue
            text = line.text
            if self._rows is None:
                text = text.removeprefix(BOM)
                self._rows = Rows(delimiter_of(text), self._limit)
            yield from self._read(self._rows.add(line.number, text))

    def end(self) -> Iterator[Entry]:
        if self._rows is not None:
            yield from self._read(self._rows.end())

    def _too_long(self, line: Line) -> Entry:
        refused = bodies.too_large(self._limit)
        if self._columns is None:
            raise refused
        return Entry(line.number, b"", refused)

    def _read(self, rows: Iterator[Row | BrokenRow]) -> Iterator[Entry]:
        for row in rows:
            if isinstance(row, BrokenRow):
                if self._columns is None:
                    raise _unusable(UnusableColumnsError("header", row.reason))
                yield Entry(row.line, row.raw, _broken(row.reason))
            elif not any(map(str.strip, row.cells)):
                continue
            elif self._columns is None:
                try:
                    self._columns = Columns.of(row.cells)
                except UnusableColumnsError as error:
                    raise _unusable(error) from error
            else:
                yield Entry(row.line, row.raw, _lead(self._columns, row))


def _document(text: bytes) -> JsonValue | IntakeError:
    try:
        return documents.read(text)
    except RejectedError as error:
        return error


def _lead(columns: Columns, row: Row) -> JsonValue | IntakeError:
    try:
        return documents.checked(document(dict(columns.named(row.cells))))
    except UnusableRowError as error:
        return _broken(str(error))
    except RejectedError as error:
        return error


def _unusable(error: UnusableColumnsError) -> RejectedError:
    field = documents.path_text((error.column,))
    return RejectedError(str(error), field, title="Unusable header")


def _broken(reason: str) -> UnreadableError:
    return UnreadableError(reason, title="Broken row")
