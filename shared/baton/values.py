"""Types for fields of events. They allow only values that all JSON parsers read in the same way."""

import math
import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, Field, GetJsonSchemaHandler, JsonValue
from pydantic_core import CoreSchema

LARGEST_INTEGER = 2**53 - 1
"""Up to here every reader of JSON has the same integer (RFC 7493)."""

DEEPEST_NESTING = 32

_HEADER_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")


def fits_header(text: str) -> bool:
    """Whether every HTTP client can send it in a header: visible ASCII, spaces only within."""
    return _HEADER_VALUE.fullmatch(text) is not None


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("is before the year 1 or after 9999 in UTC") from error


def _sendable(value: JsonValue, *, depth: int = 0) -> JsonValue:
    """The value, if each reader of JSON gets back what was sent."""
    match value:
        case str():
            _encodable(value)
        case None | int():
            pass
        case float() if not math.isfinite(value):
            raise ValueError("a number must be finite")
        case list() | dict() if depth == DEEPEST_NESTING:
            raise ValueError(f"nests deeper than {DEEPEST_NESTING} levels")
        case list():
            for item in value:
                _sendable(item, depth=depth + 1)
        case dict():
            for name, item in value.items():
                _encodable(name)
                _sendable(item, depth=depth + 1)
        case _:
            pass
    return value


def _encodable(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("a text must not have half of a surrogate pair") from error


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
Json = Annotated[JsonValue, AfterValidator(_sendable)]
Text = Annotated[str, Field(max_length=10_000)]
Name = Annotated[str, Field(max_length=1_000)]
Count = Annotated[int, Field(ge=0, le=LARGEST_INTEGER)]
Ordinal = Annotated[int, Field(ge=1, le=LARGEST_INTEGER)]
Points = Annotated[int, Field(ge=-LARGEST_INTEGER, le=LARGEST_INTEGER)]


class GrowingEnum(StrEnum):
    """A list of values that may grow; each reader must expect a value that it does not know.

    A service of an older release keeps such an event among its dead letters, to be replayed by one
    that knows the value: readers are deployed before writers.
    """

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        made = handler(schema)
        values = handler.resolve_ref_schema(made)
        values["x-extensible-enum"] = values.pop("enum")
        return made
