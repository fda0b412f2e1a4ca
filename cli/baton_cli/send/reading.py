"""A file of deliveries: JSON documents one after the other, or in one array, each with its line."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

_SPACE = re.compile(r"\s*")


@dataclass(frozen=True, slots=True)
class Entry:
    """A document of the file. `text` is as it stands there; `line` counts from 1."""

    line: int
    text: str
    document: object


@dataclass(frozen=True, slots=True)
class Broken:
    """Text that is no JSON. `rest_unread`: the begin of the next document is unknown, so the rest
    was not read.
    """

    line: int
    reason: str
    rest_unread: bool = False


def entries(text: str) -> Iterator[Entry | Broken]:
    """Documents one after the other (NDJSON, or over several lines each), or those of one array.

    After a broken line the next line is read; in an array, nothing more is.
    """
    start = _skip(text, 0)
    if text[start : start + 1] == "[":
        yield from _of_array(text, start)
    else:
        yield from _one_after_the_other(text, start)


def _one_after_the_other(text: str, start: int) -> Iterator[Entry | Broken]:
    place = _Place(text)
    at = start
    while at < len(text):
        found = _document(text, at, place)
        yield found
        if isinstance(found, Broken):
            end = text.find("\n", at)
            at = len(text) if end < 0 else _skip(text, end)
        else:
            at = _skip(text, at + len(found.text))


def _of_array(text: str, start: int) -> Iterator[Entry | Broken]:
    place = _Place(text)
    at = _skip(text, start + 1)
    if text[at : at + 1] == "]":
        return
    while True:
        found = _document(text, at, place)
        if isinstance(found, Broken):
            yield Broken(found.line, found.reason, rest_unread=True)
            return
        yield found
        at = _skip(text, at + len(found.text))
        ending = text[at : at + 1]
        if ending == "]":
            return
        if ending != ",":
            yield Broken(place.line(at), "a comma or ] is missing here", rest_unread=True)
            return
        at = _skip(text, at + 1)


class _Place:
    """Counts lines as it is asked for places further and further on."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1

    def line(self, at: int) -> int:
        self._line += self._text.count("\n", self._at, at)
        self._at = at
        return self._line


def _document(text: str, at: int, place: _Place) -> Entry | Broken:
    line = place.line(at)
    try:
        document, end = json.JSONDecoder().raw_decode(text, at)
    except json.JSONDecodeError as error:
        return Broken(line, f"not JSON: {error.msg}")
    except (RecursionError, ValueError) as error:
        return Broken(line, f"not JSON that can be read: {error}")
    return Entry(line, text[at:end], document)


def _skip(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return space.end() if space else at
