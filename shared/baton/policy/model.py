"""The base model and the types of all policy files: strict scalars, durations, conditions."""

import re
from collections.abc import Callable, Hashable, Sized
from datetime import date, timedelta
from typing import Annotated, Protocol, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo

from baton.policy.compiling import compiled
from baton.policy.conditions import Condition
from baton.policy.fields import Fields, Vocabulary
from baton.policy.problems import Fault, FaultsError
from baton.policy.values import ValueKind, WrongKindError, typed

_DURATION = re.compile(r"(?:(\d{1,4})d)?(?:(\d{1,5})h)?(?:(\d{1,6})m)?(?:(\d{1,8})s)?", re.ASCII)

MAX_POINTS = 1_000_000


class PolicyModel(BaseModel):
    """A part of a bundle: frozen, and no key but those declared.

    A key may be added if it has a default: bundles that were activated once must stay readable.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class PolicyExtract(BaseModel):
    """The keys that a service reads of another service's file; all other keys are ignored. So a
    newer release can add keys to the file that this service does not know.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", arbitrary_types_allowed=True)


def written(pattern: str, reason: str) -> AfterValidator:
    """The whole text has that form; `reason` says in words which."""
    form = re.compile(pattern, re.ASCII)

    def check(text: str) -> str:
        if not form.fullmatch(text):
            raise ValueError(reason)
        return text

    return AfterValidator(check)


def _duration(data: object) -> timedelta:
    match = _DURATION.fullmatch(data) if isinstance(data, str) and data else None
    if match is None:
        msg = "must be a duration such as 1h, 30m, 20s or 1h30m"
        raise ValueError(msg)
    days, hours, minutes, seconds = (int(number or 0) for number in match.groups())
    duration = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    if not duration:
        msg = "must be longer than nothing"
        raise ValueError(msg)
    return duration


def _business_duration(data: object) -> object:
    if isinstance(data, str) and "d" in data:
        msg = "is business time, where a day is no fixed length: write hours, minutes or seconds"
        raise ValueError(msg)
    return data


def _date(data: object) -> object:
    try:
        return typed(ValueKind.DATE, data)
    except WrongKindError as error:
        raise ValueError(str(error)) from error


String = Annotated[str, Field(strict=True, max_length=1_000)]
Id = Annotated[
    String,
    written(
        r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}",
        "must begin with a letter or digit and have only letters, digits and . _ - (at most 100)",
    ),
]
Text = Annotated[str, Field(strict=True, min_length=1, max_length=1_000)]
Flag = Annotated[bool, Field(strict=True)]
Points = Annotated[int, Field(strict=True, ge=-MAX_POINTS, le=MAX_POINTS)]
Count = Annotated[int, Field(strict=True, ge=1, le=MAX_POINTS)]
Day = Annotated[date, BeforeValidator(_date)]
Country = Annotated[String, written(r"[A-Z]{2}", "must be a country's two letters, such as DE")]

Elapsed = Annotated[timedelta, BeforeValidator(_duration)]
"""Time by any clock: `7d`, `36h`."""

BusinessTime = Annotated[timedelta, BeforeValidator(_duration), BeforeValidator(_business_duration)]
"""Time while a calendar is open: `4h`, `1h30m`, `20s`."""


def _over(scope: Callable[[Vocabulary], Fields]) -> BeforeValidator:
    def compile_(data: object, info: ValidationInfo) -> Condition:
        try:
            return compiled(data, scope(vocabulary_of(info)))  # type: ignore[arg-type]
        except FaultsError as error:
            raise error.as_validation_error() from error

    return BeforeValidator(compile_)


def vocabulary_of(info: ValidationInfo) -> Vocabulary:
    """The fields of the bundle that is being read."""
    if not isinstance(info.context, Vocabulary):
        msg = "the models of a bundle are read through Bundle.parse, which knows its fields"
        raise TypeError(msg)
    return info.context


ProfileCondition = Annotated[Condition, _over(lambda known: known.profile)]
"""Asks about the profile."""

ActivityCondition = Annotated[Condition, _over(lambda known: known.activity)]
"""Asks about one activity."""

ScoredCondition = Annotated[Condition, _over(lambda known: known.scored)]
"""Asks about the profile and the score."""

StagedCondition = Annotated[Condition, _over(lambda known: known.staged)]
"""Asks about the profile, the score and the stage."""


Items = TypeVar("Items", bound=Sized)


def _not_empty(items: Items) -> Items:
    if not items:
        raise ValueError("must not be empty")
    return items


NotEmpty = AfterValidator(_not_empty)
"""Unlike `min_length`, which counts only what is right in itself, and so complains twice."""


class _HasId(Protocol):
    @property
    def id(self) -> str: ...


T = TypeVar("T")
WithId = TypeVar("WithId", bound=_HasId)


def distinct(items: tuple[T, ...], key: Callable[[T], Hashable], name: str) -> tuple[T, ...]:
    """The items, no two with the same key; the fault stands at the later one's `name`."""
    ids: set[Hashable] = set()
    faults = []
    for i, item in enumerate(items):
        if key(item) in ids:
            faults.append(Fault((i, name), f"'{key(item)}' stands twice"))
        ids.add(key(item))
    if faults:
        raise FaultsError(faults).as_validation_error()
    return items


def _distinct_ids(items: tuple[WithId, ...]) -> tuple[WithId, ...]:
    return distinct(items, lambda item: item.id, "id")


DistinctIds = AfterValidator(_distinct_ids)
