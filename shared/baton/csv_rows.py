"""CSV (RFC 4180) line by line: rows with where they begin, and what is wrong with the others."""

import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

BOM = b"\xef\xbb\xbf"
MOST_LINES = 1_000
"""A cell that goes on for longer has lost its closing quote."""

_DELIMITERS = ",;\t"
_QUOTED = re.compile(r'"[^"]*"')


@dataclass(frozen=True, slots=True)
class Row:
    """A row that begins at `line`, counted from 1; `raw` is as it stands there."""

    line: int
    raw: bytes
    cells: Sequence[str]


@dataclass(frozen=True, slots=True)
class BrokenRow:
    """A line that is no row by itself, nor together with those that follow."""

    line: int
    raw: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    text: bytes


def delimiter_of(first_line: bytes) -> str:
    """The delimiter between cells: the one of comma, semicolon and tab that is most frequent in the
    header.
    """
    text = _QUOTED.sub("", first_line.decode(errors="replace"))
    return max(_DELIMITERS, key=text.count)


class Rows:
    """Joins lines to rows, because a quoted cell may contain line breaks. A stray quote costs only
    its own line: if the lines after it make no valid row, the first line is accepted or refused by
    itself, and the lines after it are read again.
    """

    def __init__(self, delimiter: str, limit: int) -> None:
        """`limit`: of a row, in bytes."""
        self._delimiter = delimiter
        self._limit = limit
        self._unfinished_lines: list[_Line] = []
        self._size = 0
        self._open = False

    @property
    def unfinished(self) -> bool:
        """Whether a row goes on with the next line."""
        return bool(self._unfinished_lines)

    def add(self, number: int, text: bytes) -> Iterator[Row | BrokenRow]:
        """The rows that are complete with this line; `text` is without its line feed."""
        return self._read([_Line(number, text)])

    def end(self) -> Iterator[Row | BrokenRow]:
        """The rows of what is left where no line follows."""
        while self._unfinished_lines:
            first, *behind = self._take()
            yield self._row([first])
            yield from self._read(behind)

    def _read(self, lines: Iterable[_Line]) -> Iterator[Row | BrokenRow]:
        waiting = deque(lines)
        while waiting:
            line = waiting.popleft()
            self._unfinished_lines.append(line)
            self._size += len(line.text)
            self._open ^= line.text.count(b'"') % 2 == 1
            over = len(self._unfinished_lines) > MOST_LINES or self._size > self._limit
            if self._open and not over:
                continue
            raw_lines = self._take()
            row = self._row(raw_lines)
            if isinstance(row, BrokenRow) or over:
                first, *behind = raw_lines
                row = self._row([first])
                waiting.extendleft(reversed(behind))
            yield row

    def _take(self) -> list[_Line]:
        raw_lines, self._unfinished_lines, self._size, self._open = (
            self._unfinished_lines,
            [],
            0,
            False,
        )
        return raw_lines

    def _row(self, lines: Sequence[_Line]) -> Row | BrokenRow:
        raw = b"\n".join(line.text for line in lines).removesuffix(b"\r")
        number = lines[0].number
        try:
            cells = next(csv.reader([raw.decode()], delimiter=self._delimiter, strict=True), [])
        except UnicodeDecodeError as error:
            return BrokenRow(number, raw, f"not UTF-8 at byte {error.start} of the row")
        except csv.Error as error:
            quote = str(error) == "unexpected end of data"
            why = "a quoted cell has no end" if quote else f"not CSV: {error}"
            return BrokenRow(number, raw, why)
        return Row(number, raw, cells)
