"""Adds a fragment of a recipe to a file of a policy bundle."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from baton.policy.document import parse

_IDENTIFIERS = ("id", "rep", "name")


def add(file: Path, fragment: str, before: str | None = None) -> None:
    """Merge a YAML fragment into the file: mappings by their keys, lists by their entries' ids.

    An entry with a new id is inserted before the entry with the id `before`, or at the end.
    """
    merged = _merged(_read(file.read_text("utf-8")), _read(fragment), before)
    file.write_text(yaml.safe_dump(merged, sort_keys=False, allow_unicode=True), "utf-8")


def _read(text: str) -> Any:
    """The content as Baton reads YAML, where `NO` is a text."""
    document, problems = parse("fragment", text)
    assert not problems
    return document.data


def _merged(content: Any, addition: Any, before: str | None) -> Any:
    match content, addition:
        case dict(), dict():
            return content | {
                key: _merged(content[key], value, before) if key in content else value
                for key, value in addition.items()
            }
        case list(), list():
            return list(_entries(content, addition, before))
        case _:
            return addition


def _entries(content: list[Any], addition: list[Any], before: str | None) -> Iterator[Any]:
    known = {_identifier(entry): entry for entry in content}
    changed = {_identifier(entry): entry for entry in addition if _identifier(entry) in known}
    added = [entry for entry in addition if _identifier(entry) not in known]
    place = before if before in known else None
    for name, entry in known.items():
        if name == place:
            yield from added
        yield _merged(entry, changed[name], before) if name in changed else entry
    if place is None:
        yield from added


def _identifier(entry: Any) -> str:
    if isinstance(entry, dict):
        for key in _IDENTIFIERS:
            if key in entry:
                return str(entry[key])
    return str(entry)
