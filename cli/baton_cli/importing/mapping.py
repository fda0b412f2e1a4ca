"""mapping.yaml: which column of a file goes into which field of a lead."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, JsonValue

from baton.events import FollowupType
from baton.lead_table import document
from baton.policy.calendars import TimeZone
from baton.policy.document import Document, parse
from baton.policy.fields import vocabulary
from baton.policy.model import NotEmpty, PolicyModel, String, Text
from baton.policy.problems import BundleProblem, Place, did_you_mean
from baton.policy.reading import read
from baton.policy.values import ValueKind
from baton_cli.failures import MISUSED, Failure
from baton_cli.screen import counted

_VOCABULARY = vocabulary(None)
_AT_THE_TOP = ("email", "phone", "first_name", "last_name", "occurred_at", "delivery_id", "test")
_OUTCOMES = tuple(f"history.{kind}_at" for kind in FollowupType)
_LEAD_FIELDS = (
    *_AT_THE_TOP,
    *_VOCABULARY.profile,
    "history.owner",
    "history.stage",
    *_OUTCOMES,
)
"""The fields that a column can have, beside `custom.` and `answers.` with any name."""

_OPEN = ("custom.", "answers.")
_MOMENTS = frozenset(
    {
        "occurred_at",
        *_OUTCOMES,
        *(name for name, field in _VOCABULARY.profile.items() if field.kind is ValueKind.TIME),
    }
)


def unknown_field(name: str) -> str | None:
    """Why a field can't be one of a lead; None where it can."""
    if name in _LEAD_FIELDS:
        return None
    if any(name.startswith(prefix) and len(name) > len(prefix) for prefix in _OPEN):
        return None
    return f"unknown field '{name}'{did_you_mean(name, _LEAD_FIELDS)}"


def _field(name: str) -> str:
    if reason := unknown_field(name):
        raise ValueError(reason)
    return name


def _format(text: str) -> str:
    try:
        datetime.strptime(datetime(2026, 12, 31, 23, 59, 58).strftime(text), text)  # noqa: DTZ001, DTZ007 - to see whether it reads what it writes
    except ValueError as error:
        msg = "must be a form of dates as Python's strptime has it, such as %d.%m.%Y %H:%M"
        raise ValueError(msg) from error
    return text


LeadField = Annotated[String, AfterValidator(_field)]


class LeadMapping(PolicyModel):
    """All of mapping.yaml.

    `fields` and `values` are by fields of the lead. `time_format` and `time_zone` are those of the
    file's times.
    """

    fields: Annotated[dict[LeadField, Text], NotEmpty]
    constants: dict[LeadField, str | bool | int | float] = Field(default_factory=dict)
    values: dict[LeadField, dict[str, str | bool | int | float]] = Field(default_factory=dict)
    ignore: tuple[Text, ...] = ()
    others: Literal["keep", "ignore"] = "keep"
    time_format: Annotated[String, AfterValidator(_format)] | None = None
    time_zone: TimeZone | None = None


class UnusableValueError(ValueError):
    """A value of a column does not fit its field."""


@dataclass(frozen=True, slots=True)
class Mapped:
    """A mapping and where its parts stand in their file."""

    file: Path
    mapping: LeadMapping
    document: Document

    def lead(self, row: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        """The lead's document of what a row says. Raises UnusableValueError."""
        mapping = self.mapping
        found: dict[str, JsonValue] = {**mapping.constants}
        for name, column in mapping.fields.items():
            value = _at(row, column)
            if value is not None and value != "":
                found[name] = self._value(name, value)
        made = document(found)
        if mapping.others == "keep":
            used_columns = {*mapping.fields.values(), *mapping.ignore}
            rest = dict(_rest(row, "", used_columns))
            if rest:
                answers = made.setdefault("answers", {})
                assert isinstance(answers, dict)  # noqa: S101 - no field is named as a part itself
                made["answers"] = rest | answers
        return made

    def _value(self, name: str, value: JsonValue) -> JsonValue:
        table = self.mapping.values.get(name)
        if table is not None and isinstance(value, str | bool | int | float):
            value = table.get(str(value).strip(), value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            # Senders write phones and ids as numbers; a custom field's type the policy knows.
            value = value if name.startswith(_OPEN) else str(value)
        return self._moment(name, value) if name in _MOMENTS else value

    def _moment(self, name: str, value: JsonValue) -> JsonValue:
        form, zone = self.mapping.time_format, self.mapping.time_zone
        if not isinstance(value, str) or (form is None and zone is None):
            return value
        text = value.strip()
        try:
            moment = datetime.fromisoformat(text) if form is None else _read_as(text, form)
        except ValueError as error:
            written = form or "ISO 8601 has it, such as 2026-10-01 09:00"
            msg = f"{name}: '{text}' is no time written as {written}"
            raise UnusableValueError(msg) from error
        if moment.tzinfo is None and zone is not None:
            moment = moment.replace(tzinfo=ZoneInfo(zone))
        return moment.isoformat()

    def missing(self, columns: Collection[str], table: str) -> list[BundleProblem]:
        """The names in the mapping that are no column of the table."""
        named: list[tuple[Place, str]] = [
            (("fields", field), column) for field, column in self.mapping.fields.items()
        ]
        named += [(("ignore", i), column) for i, column in enumerate(self.mapping.ignore)]
        return [
            self.document.problem(
                place, f"{table} has no column '{column}'{did_you_mean(column, columns)}"
            )
            for place, column in named
            if column not in columns
        ]


def read_mapping(file: Path) -> Mapped:
    """Raises Failure with every problem of the file."""
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise Failure(f"{file} can't be read: {error.strerror}", exit_code=MISUSED) from error
    except UnicodeDecodeError as error:
        raise Failure(f"{file} is not UTF-8", exit_code=MISUSED) from error
    found, problems = parse(str(file), text)
    reasons = list(problems)
    mapping = read(LeadMapping, found, _VOCABULARY, reasons)
    if mapping is None or reasons:
        raise unusable(file, reasons)
    return Mapped(file, mapping, found)


def unusable(file: Path, problems: Sequence[BundleProblem]) -> Failure:
    """The failure for a mapping with problems."""
    found = sorted(set(problems), key=lambda problem: (problem.line, problem.path))
    count = counted(len(found), "problem")
    return Failure("\n".join([f"{count} in {file}", *map(str, found)]), exit_code=MISUSED)


def _read_as(text: str, form: str) -> datetime:
    return datetime.strptime(text, form)  # noqa: DTZ007 - the zone is the mapping's


def _at(row: JsonValue | Mapping[str, JsonValue], path: str) -> JsonValue:
    """The value of a column, or at a path of keys with dots between."""
    here: JsonValue | Mapping[str, JsonValue] = row
    if isinstance(here, Mapping) and path in here:
        return here[path]
    for step in path.split("."):
        if not isinstance(here, Mapping):
            return None
        here = here.get(step)
    return here if not isinstance(here, Mapping) else dict(here)


def _rest(
    row: Mapping[str, JsonValue], prefix: str, used_columns: Collection[str]
) -> Iterator[tuple[str, JsonValue]]:
    """The values of columns and paths that the mapping does not use, by their names."""
    for key, value in row.items():
        path = f"{prefix}{key}"
        if path in used_columns:
            continue
        if isinstance(value, dict) and any(
            column.startswith(f"{path}.") for column in used_columns
        ):
            yield from _rest(value, f"{path}.", used_columns)
        elif value is not None:
            yield path, value
