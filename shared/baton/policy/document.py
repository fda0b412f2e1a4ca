"""YAML as people mean it, with the line of everything in it.

A subset of YAML 1.2 read with its core schema: only `true` and `false` are booleans, only `null`,
`~` and nothing are null, only plain decimal digits are numbers. So `NO` stays the country, `9:30`
the time, `01069` the postal code and `2026-01-31` a text. Tags, several documents in a file and
keys that stand twice are refused. Anchors and aliases work within the bound on what they unfold to.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import yaml
from yaml.events import (
    AliasEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
)

from baton.policy.problems import BundleProblem, Place, path_of

Data = bool | int | float | str | list["Data"] | dict[str, "Data"] | None

MAX_DEPTH = 40
MAX_NODES = 100_000
MAX_DIGITS = 18

_UNUSABLE = "a character that text can't have (NUL or half a pair)"
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {
    word: word.lower() == "true" for word in ("true", "True", "TRUE", "false", "False", "FALSE")
}
_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)", re.ASCII)
_NUMBER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\.[0-9]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Document:
    """The content of a YAML file. `lines` has the line (from 1) of each key and each list item."""

    file: str
    data: Data
    lines: Mapping[Place, int]

    def problem(self, place: Place, reason: str) -> BundleProblem:
        """The problem at a place; its line is that of the nearest part that is in the file."""
        known = place
        while known and known not in self.lines:
            known = known[:-1]
        return BundleProblem(self.file, self.lines.get(known, 1), path_of(place), reason)


def parse(file: str, text: str) -> tuple[Document, tuple[BundleProblem, ...]]:
    """Read a file's text. Where it isn't YAML at all the document is empty, and a problem says so.

    Raises nothing, whatever the text.
    """
    unfolding = _Unfolding(file)
    try:
        node = _Composer(text).root()
        data = unfolding.data(node, (), 0) if node else None
    except _UnreadableError as error:
        data = None
        unfolding.problems.append(BundleProblem(file, error.line, "", error.reason))
    # What `---` alone begins is said to stand in the line after it, where there is none.
    last = _line_at(text, len(text))
    lines = {place: min(line, last) for place, line in unfolding.lines.items()}
    return Document(file, data, lines), tuple(unfolding.problems)


class _UnreadableError(Exception):
    def __init__(self, line: int, reason: str) -> None:
        self.line = line
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class _Scalar:
    line: int
    value: bool | int | float | str | None


@dataclass(frozen=True, slots=True)
class _Sequence:
    line: int
    items: tuple["_Node", ...]


@dataclass(frozen=True, slots=True)
class _Mapping:
    line: int
    entries: tuple[tuple["_Node", "_Node"], ...]


_Node = _Scalar | _Sequence | _Mapping


class _Composer:
    """Makes nodes of the parser's events, by itself so that depth and tags are bounded here."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._anchors: dict[str, _Node] = {}

    def root(self) -> _Node | None:
        events = self._events()
        root: _Node | None = None
        for event in events:
            if isinstance(event, DocumentStartEvent):
                if root is not None:
                    raise _UnreadableError(_line(event), "a file must hold one YAML document")
                root = self._node(next(events), events, 0)
        return root

    def _events(self) -> Iterator[Event]:
        unusable = re.search("[\x00\ud800-\udfff]", self._text)
        if unusable:
            raise _UnreadableError(_line_at(self._text, unusable.start()), _UNUSABLE)
        try:
            yield from yaml.parse(self._text, Loader=yaml.CSafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            why = error.problem or error.context or "unreadable"
            last = _line_at(self._text, len(self._text) - 1)
            line = min(mark.line + 1, last) if mark else 1
            raise _UnreadableError(line, f"not YAML: {why}") from error
        except yaml.YAMLError as error:
            read = self._text.encode()[: getattr(error, "position", 0)].decode("utf-8", "ignore")
            line = _line_at(read, len(read))
            why = getattr(error, "reason", "unreadable")
            raise _UnreadableError(line, f"not YAML: {why}") from error

    def _node(self, event: Event, events: Iterator[Event], depth: int) -> _Node:
        line = _line(event)
        if depth > MAX_DEPTH:
            raise _UnreadableError(line, f"nested more than {MAX_DEPTH} deep")
        assert isinstance(event, NodeEvent)  # noqa: S101 - the parser's grammar promises it
        if isinstance(event, AliasEvent):
            if event.anchor not in self._anchors:
                raise _UnreadableError(line, f"no anchor '&{event.anchor}' before this alias")
            return self._anchors[event.anchor]
        node = self._own_node(event, events, depth, line)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _own_node(self, event: NodeEvent, events: Iterator[Event], depth: int, line: int) -> _Node:
        if isinstance(event, ScalarEvent | CollectionStartEvent) and event.tag is not None:
            raise _UnreadableError(line, f"tags such as '{event.tag}' have no meaning here")
        if isinstance(event, ScalarEvent):
            return _Scalar(line, _value(event, line))
        parts = []
        for part in events:
            if isinstance(part, SequenceEndEvent | MappingEndEvent):
                break
            parts.append(self._node(part, events, depth + 1))
        if isinstance(event, MappingStartEvent):
            return _Mapping(line, tuple(zip(parts[::2], parts[1::2], strict=True)))
        return _Sequence(line, tuple(parts))


@dataclass(slots=True)
class _Unfolding:
    """Makes data of nodes, and notes lines and the keys that can't be."""

    file: str
    lines: dict[Place, int] = field(default_factory=dict)
    problems: list[BundleProblem] = field(default_factory=list)
    nodes: int = 0

    def data(self, node: _Node, place: Place, depth: int) -> Data:
        self.nodes += 1
        if self.nodes > MAX_NODES or depth > MAX_DEPTH:
            reason = f"more than {MAX_NODES} values or {MAX_DEPTH} levels once aliases are unfolded"
            raise _UnreadableError(node.line, reason)
        self.lines.setdefault(place, node.line)
        if isinstance(node, _Scalar):
            return node.value
        if isinstance(node, _Sequence):
            return [self.data(item, (*place, i), depth + 1) for i, item in enumerate(node.items)]
        return self._mapping(node, place, depth)

    def _mapping(self, node: _Mapping, place: Place, depth: int) -> Data:
        entries: dict[str, Data] = {}
        for key, value in node.entries:
            if not (isinstance(key, _Scalar) and isinstance(key.value, str)):
                self._note(place, key.line, "a key must be text; put it in quotes")
            elif key.value in entries:
                first = self.lines[*place, key.value]
                reason = f"the key stands twice, first in line {first}"
                self._note((*place, key.value), key.line, reason)
            else:
                self.lines[*place, key.value] = key.line
                entries[key.value] = self.data(value, (*place, key.value), depth + 1)
        return entries

    def _note(self, place: Place, line: int, reason: str) -> None:
        self.problems.append(BundleProblem(self.file, line, path_of(place), reason))


def _line_at(text: str, position: int) -> int:
    return len(_BREAK.findall(text, 0, position)) + 1


def _line(event: Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _value(event: ScalarEvent, line: int) -> bool | int | float | str | None:
    text: str = event.value
    if "\0" in text:
        raise _UnreadableError(line, _UNUSABLE)
    if event.style is not None and event.style != "":
        return text
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    number = int if _INTEGER.fullmatch(text) else float if _NUMBER.fullmatch(text) else None
    if number is None:
        return text
    if len(text) > MAX_DIGITS:
        raise _UnreadableError(line, f"a number of more than {MAX_DIGITS} digits; quote it if text")
    return number(text)
