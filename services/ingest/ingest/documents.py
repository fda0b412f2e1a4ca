"""JSON as the edge takes it: with one meaning for every reader, or refused with the place."""

import json
import math
from collections import Counter

from pydantic import JsonValue

from baton.values import DEEPEST_NESTING
from ingest.errors import RejectedError, UnreadableError

_SMALLEST, _LARGEST = -(2**63), 2**63 - 1
_MOST_DIGITS = 19
_LONGEST_NAME = 200


def read(raw: bytes) -> JsonValue:
    """The JSON document in `raw`, in UTF-8. Raises UnreadableError, or RejectedError for content
    that JSON parsers read differently (RFC 8259 leaves it open). That is a repeated key, half of a
    surrogate pair, NUL, a number that is not finite, an integer beyond 64 bits, or too deep
    nesting.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnreadableError(f"not UTF-8 at byte {error.start}") from error
    try:
        document: JsonValue = _JSON.decode(text)
    except json.JSONDecodeError as error:
        raise UnreadableError(f"{error.msg} at line {error.lineno} column {error.colno}") from error
    except RecursionError as error:
        raise _unusable("body", f"nests deeper than {DEEPEST_NESTING} levels") from error
    return checked(document)


def checked(document: JsonValue) -> JsonValue:
    """A document that came otherwise than as JSON. Raises RejectedError as `read` does."""
    _check(document, ())
    return document


def path_text(parts: tuple[str | int, ...]) -> str:
    """A path as a problem names it; whatever the sender's keys are, it can be sent back."""
    text = ".".join(str(part) for part in parts) or "body"
    return text[:_LONGEST_NAME].encode("utf-8", "backslashreplace").decode()


def _unusable(field: str, reason: str) -> RejectedError:
    """Of a value that not every reader can take, or not in one way; `field` is its path."""
    return RejectedError(f"{field} {reason}", field)


def _members(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    members = dict(pairs)
    if len(members) != len(pairs):
        counts = Counter(key for key, _ in pairs)
        twice, _ = counts.most_common(1)[0]
        raise _unusable(path_text((twice,)), "stands twice in one object")
    return members


def _integer(digits: str) -> float:
    """Python's own reading is quadratic in the digits; `_check` refuses what is not finite."""
    return int(digits) if len(digits) <= _MOST_DIGITS + 1 else math.inf


def _not_finite(_: str) -> float:
    return math.nan


_JSON = json.JSONDecoder(object_pairs_hook=_members, parse_int=_integer, parse_constant=_not_finite)


def _check(value: JsonValue, path: tuple[str | int, ...]) -> None:
    match value:
        case str():
            _check_text(value, path)
        case float() if not math.isfinite(value):
            raise _unusable(path_text(path), "is no number that can be kept")
        case int() if not _SMALLEST <= value <= _LARGEST:
            raise _unusable(path_text(path), "is an integer beyond 64 bits")
        case dict() | list() if len(path) == DEEPEST_NESTING:
            raise _unusable(path_text(path), f"nests deeper than {DEEPEST_NESTING} levels")
        case dict():
            for key, inner in value.items():
                if _is_plain(key) and _is_plain(inner):
                    continue
                inner_path = (*path, key)
                _check_text(key, inner_path)
                _check(inner, inner_path)
        case list():
            for position, inner in enumerate(value):
                _check(inner, (*path, position))
        case _:
            pass


def _is_plain(value: JsonValue) -> bool:
    """Whether it is a text like most, in which nothing can be wrong."""
    return isinstance(value, str) and value.isascii() and "\0" not in value


def _check_text(text: str, path: tuple[str | int, ...]) -> None:
    if "\0" in text:
        raise _unusable(path_text(path).replace("\0", "\\0"), "has a NUL character")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise _unusable(path_text(path), "has half of a surrogate pair") from error
