"""A file's lines, with how far it was read and what stood there."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from pydantic import BaseModel, ConfigDict

LONGEST = 1_048_576
"""Bytes of a line, or of a row of several; ingest takes no more by default."""

_PIECE = 1_048_576


class Place(BaseModel):
    """Behind so many bytes and lines of a file; `digest` is of all that is before it."""

    model_config = ConfigDict(frozen=True)

    offset: int
    line: int
    digest: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line without its line feed, counted from 1; `text` is None where it is too long."""

    number: int
    text: bytes | None


class Lines:
    """Reads a file once, from its beginning."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.blake2b(digest_size=16)
        self._offset = 0
        self._number = 0

    def __iter__(self) -> Iterator[Line]:
        while text := self._file.readline(LONGEST + 1):
            complete = text.endswith(b"\n") or len(text) <= LONGEST
            self._read(text)
            end = text
            while not end.endswith(b"\n") and (end := self._file.readline(_PIECE)):
                self._read(end)
            self._number += 1
            yield Line(self._number, text.removesuffix(b"\n") if complete else None)

    @property
    def place(self) -> Place:
        """Behind what was read so far."""
        return Place(offset=self._offset, line=self._number, digest=self._digest.hexdigest())

    def go_to(self, place: Place) -> bool:
        """Read on up to a place; false where the file is another one before it than it was."""
        while (left := place.offset - self._offset) > 0:
            piece = self._file.read(min(left, _PIECE))
            if not piece:
                return False
            self._read(piece)
        self._number = place.line
        return self.place == place

    def _read(self, piece: bytes) -> None:
        self._offset += len(piece)
        self._digest.update(piece)
