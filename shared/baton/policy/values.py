"""The kinds of value that a field can have, and how each is checked and compared."""

import re
import unicodedata
from datetime import UTC, date, datetime
from enum import StrEnum

Value = str | int | float | date | datetime
"""A value that is there; booleans are among the integers, times are in UTC."""

MAX_TEXT = 10_000
_SHOWN = 80
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1
_WORDS = {"true": True, "yes": True, "false": False, "no": False}
_INTEGER = re.compile(r"[-+]?[0-9]{1,19}", re.ASCII)
_DECIMAL = re.compile(r"[-+]?[0-9]{1,30}(\.[0-9]{1,30})?", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


class ValueKind(StrEnum):
    """The kind of a field's values."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    TIME = "time"

    @property
    def ordered(self) -> bool:
        """Whether its values can be less or more."""
        return self not in (ValueKind.TEXT, ValueKind.BOOLEAN)

    @property
    def words(self) -> str:
        """How to say it."""
        return _KIND_WORDS[self]


_KIND_WORDS = {
    ValueKind.TEXT: "text",
    ValueKind.INTEGER: "a whole number",
    ValueKind.NUMBER: "a number",
    ValueKind.BOOLEAN: "true or false",
    ValueKind.DATE: "a date such as 2026-01-31",
    ValueKind.TIME: "a time with its offset, such as 2026-01-31T09:00:00Z",
}


class WrongKindError(ValueError):
    """A value is not of the kind that its field has. The message says what is expected."""

    def __init__(self, kind: ValueKind, value: object) -> None:
        super().__init__(f"must be {kind.words}, not {_shown(value)}")


def comparable(text: str) -> str:
    """The form in which texts are compared: no case, no space around, one way to write accents."""
    if text.isascii():
        return text.lower().strip()
    folded = unicodedata.normalize("NFC", text).casefold()
    return unicodedata.normalize("NFC", folded).strip()


def typed(kind: ValueKind, value: object) -> Value | None:
    """A value as its kind; None where it is missing: null, or text with nothing in it.

    Numbers and booleans must be just that; dates and times may be their ISO 8601 text. Raises
    WrongKindError.
    """
    if value is None or (isinstance(value, str) and (not value or value.isspace())):
        return None
    fits = _typed(kind, value)
    if fits is None:
        raise WrongKindError(kind, value)
    return fits


def coerced(kind: ValueKind, value: object) -> str | int | float | bool | None:
    """A value as a sender wrote it, in the form in which a profile carries it; None if missing.

    In addition to the values of `typed`, a text may contain a number ('12', '2.5') or a boolean
    (true, false, yes, no, in any case). A whole number may be written 12.0, and a text may be sent
    as a whole number. Dates and times become ISO 8601 text, times in UTC. Raises WrongKindError.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    fits = typed(kind, _read_as(kind, value))
    if isinstance(fits, datetime):
        return fits.isoformat().replace("+00:00", "Z")
    return fits.isoformat() if isinstance(fits, date) else fits


def _read_as(kind: ValueKind, value: object) -> object:  # noqa: PLR0911 - one for each way to write
    """The value converted to that kind, or the value itself if it cannot be converted."""
    match kind, value:
        case ValueKind.TEXT, int() if not isinstance(value, bool):
            return str(value)
        case ValueKind.INTEGER, float() if value.is_integer():
            return int(value)
        case ValueKind.BOOLEAN, str():
            return _WORDS.get(value.strip().lower(), value)
        case ValueKind.INTEGER | ValueKind.NUMBER, str() if _INTEGER.fullmatch(value.strip()):
            return int(value)
        case ValueKind.NUMBER, str() if _DECIMAL.fullmatch(value.strip()):
            return float(value)
        case ValueKind.DATE | ValueKind.TIME, str():
            return value.strip()
        case _:
            return value


def _typed(kind: ValueKind, value: object) -> Value | None:
    match kind:
        case ValueKind.TEXT:
            return str(value) if isinstance(value, str) and len(value) <= MAX_TEXT else None
        case ValueKind.BOOLEAN:
            return value if isinstance(value, bool) else None
        case ValueKind.INTEGER | ValueKind.NUMBER:
            return _number(kind, value)
        case ValueKind.DATE:
            return _date(value)
        case ValueKind.TIME:
            return _time(value)


def _number(kind: ValueKind, value: object) -> Value | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if _SMALLEST <= value <= _LARGEST else None
    if kind is ValueKind.NUMBER and isinstance(value, float):
        return value if _SMALLEST <= value <= _LARGEST else None
    return None


def _date(value: object) -> date | None:
    if isinstance(value, date):
        return None if isinstance(value, datetime) else value
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def _time(value: object) -> datetime | None:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime) or value.tzinfo is None:
        return None
    try:
        return value.astimezone(UTC)
    except OverflowError:
        return None


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, str):
        return f"the text '{value[:_SHOWN]}'"
    return "a list" if isinstance(value, list | tuple) else "a mapping"
