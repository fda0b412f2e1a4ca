"""Finds values in payloads by their paths, and the values that nobody has mapped."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from hashlib import sha256
from typing import TypeVar

from pydantic import JsonValue

T = TypeVar("T")

Path = tuple[str, ...]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_SECONDS = 100_000_000_000
_MOST_DIGITS = 18
_LONGEST_ID = 200


def path(text: str) -> Path:
    """The steps of a path such as `data.contacts.0.email`."""
    return tuple(text.split("."))


def values_at(payload: JsonValue, places: Mapping[T, str]) -> dict[T, JsonValue]:
    """The values at a table's paths, by the table's keys."""
    return {to: at(payload, path(place)) for to, place in places.items()}


def at(payload: JsonValue, steps: Path) -> JsonValue:
    """The value at a path, or None."""
    for step in steps:
        if isinstance(payload, dict):
            payload = payload.get(step)
        elif isinstance(payload, list) and step.isascii() and step.isdigit():
            payload = payload[int(step)] if int(step) < len(payload) else None
        else:
            return None
    return payload


def text_at(payload: JsonValue, steps: Path) -> str | None:
    """The text or number at a path, as text. None if there is none, or if it is empty."""
    found = at(payload, steps)
    if isinstance(found, bool) or not isinstance(found, str | int | float):
        return None
    return str(found) or None


def list_at(payload: JsonValue, steps: Path) -> list[JsonValue]:
    """The list at a path, or an empty list."""
    found = at(payload, steps)
    return found if isinstance(found, list) else []


def unix_time(number: JsonValue) -> str | None:
    """A Unix time as ISO 8601. A number too large for seconds counts as milliseconds."""
    if isinstance(number, str) and number.isascii() and number.isdigit():
        number = int(number[:_MOST_DIGITS])
    if isinstance(number, bool) or not isinstance(number, int | float):
        return None
    seconds = number / 1_000 if number > _LATEST_SECONDS else number
    try:
        return (_EPOCH + timedelta(seconds=seconds)).isoformat()
    except OverflowError:
        return None


def written_time(text: str | None, zone: tzinfo) -> str | None:
    """A time without an offset gets the zone's offset. Any other text is returned unchanged."""
    try:
        time = datetime.fromisoformat(text or "")
    except ValueError:
        return text
    return (time if time.tzinfo else time.replace(tzinfo=zone)).isoformat()


def composite(*parts: str | None) -> str:
    """A delivery id of several fields, for vendors without a unique id."""
    joined = "/".join(part or "" for part in parts)
    return joined if len(joined) <= _LONGEST_ID else sha256(joined.encode()).hexdigest()


def without(payload: JsonValue, steps: Path) -> JsonValue:
    """The payload without the value at an existing path. In a list, null replaces the value."""
    step, *further = steps
    if isinstance(payload, dict):
        if not further:
            return {name: inner for name, inner in payload.items() if name != step}
        return payload | {step: without(payload[step], tuple(further))}
    if isinstance(payload, list):
        inner = without(payload[int(step)], tuple(further)) if further else None
        return [inner if n == int(step) else element for n, element in enumerate(payload)]
    return payload


def rest(payload: JsonValue, paths: Iterable[Path]) -> dict[str, JsonValue]:
    """The values at all other paths, by their paths. An object with none of them stays whole."""
    return dict(_rest(payload, (), frozenset(paths)))


def _rest(
    payload: JsonValue, here: Path, paths: frozenset[Path]
) -> Iterator[tuple[str, JsonValue]]:
    if here in paths:
        return
    within = any(path[: len(here)] == here for path in paths)
    if within and isinstance(payload, dict):
        for key, value in payload.items():
            yield from _rest(value, (*here, key), paths)
    elif within and isinstance(payload, list):
        for position, value in enumerate(payload):
            yield from _rest(value, (*here, str(position)), paths)
    elif payload is not None:
        yield ".".join(here), payload
