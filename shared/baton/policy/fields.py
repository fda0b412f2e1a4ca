"""The fields that conditions can use, and the facts from which they are read. The fields follow
from the models in `baton.events` and from the custom fields of the bundle.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from operator import attrgetter
from types import UnionType
from typing import Annotated, Union, get_args, get_origin

from pydantic import AwareDatetime, BaseModel

from baton.events import LeadActivity, Profile, Score, Stage
from baton.policy.problems import did_you_mean
from baton.policy.values import Value, ValueKind, WrongKindError, typed


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts for a condition. If a part is None, its fields are missing."""

    profile: Profile | None = None
    score: Score | None = None
    stage: Stage | None = None
    activity: LeadActivity | None = None


def facts_of(profile: Profile, score: Score | None = None, stage: Stage | None = None) -> Facts:
    """The facts about a lead."""
    return Facts(profile=profile, score=score, stage=stage)


def facts_of_activity(activity: LeadActivity) -> Facts:
    """The facts about something that a lead did, by itself."""
    return Facts(activity=activity)


@dataclass(frozen=True, slots=True)
class Field:
    """A field by its dotted path. `choices`: all values that it can have, where known."""

    path: str
    kind: ValueKind
    read: Callable[[Facts], object]
    choices: tuple[str, ...] = ()

    def value(self, facts: Facts) -> Value | None:
        """The field's value, None if missing: as is a custom value kept under another type."""
        try:
            return typed(self.kind, self.read(facts))
        except WrongKindError:
            return None


class UnknownFieldError(LookupError):
    """There is no such field here. The message says so, and what may have been meant."""


class Fields(Mapping[str, Field]):
    """The fields that one kind of condition can ask about.

    `custom_known` is false where a bundle's declarations can't be read: then `custom.*` might be
    right.
    """

    def __init__(self, fields: Iterable[Field], *, custom_known: bool = True) -> None:
        self._fields = {field.path: field for field in fields}
        self._custom_known = custom_known

    def __getitem__(self, path: str) -> Field:
        return self._fields[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def look_up(self, path: str) -> Field | None:
        """The field of that path; None where it can't be told. Raises UnknownFieldError."""
        if path in self._fields:
            return self._fields[path]
        if path.startswith("custom.") and not self._custom_known:
            return None
        msg = f"unknown field '{path}'{did_you_mean(path, self._fields)}"
        raise UnknownFieldError(msg)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The fields of each kind of condition of a bundle."""

    profile: Fields
    activity: Fields
    scored: Fields
    staged: Fields


def vocabulary(custom: Mapping[str, ValueKind] | None, grades: tuple[str, ...] = ()) -> Vocabulary:
    """The fields of a bundle that declares these custom fields and grades; None: unreadable."""
    profile = [*_fields_of(Profile, "profile", ""), *_custom_fields(custom or {})]
    score = [
        Field(field.path, field.kind, field.read, grades) if field.path == "score.grade" else field
        for field in _fields_of(Score, "score", "score.")
    ]
    stage = Field("stage", ValueKind.TEXT, attrgetter("stage"), tuple(Stage))
    known = custom is not None
    return Vocabulary(
        profile=Fields(profile, custom_known=known),
        activity=Fields(_fields_of(LeadActivity, "activity", "activity.")),
        scored=Fields([*profile, *score], custom_known=known),
        staged=Fields([*profile, *score, stage], custom_known=known),
    )


def _custom_fields(custom: Mapping[str, ValueKind]) -> Iterator[Field]:
    for name, kind in custom.items():
        yield Field(f"custom.{name}", kind, _custom_reader(name))


def _custom_reader(name: str) -> Callable[[Facts], object]:
    def read(facts: Facts) -> object:
        return facts.profile.custom.get(name) if facts.profile else None

    return read


def _fields_of(model: type[BaseModel], root: str, prefix: str, inner: str = "") -> Iterator[Field]:
    """Each field of a model that holds a single value; models within it are walked through."""
    for name, info in model.model_fields.items():
        annotation = _bare(info.annotation)
        if not isinstance(annotation, type):
            continue
        if issubclass(annotation, BaseModel):
            yield from _fields_of(annotation, root, f"{prefix}{name}.", f"{inner}{name}.")
        elif (kind := _kind(annotation)) is not None:
            choices = tuple(annotation) if issubclass(annotation, StrEnum) else ()
            yield Field(f"{prefix}{name}", kind, _reader(root, f"{inner}{name}"), choices)


def _reader(root: str, inner: str) -> Callable[[Facts], object]:
    part, rest = attrgetter(root), attrgetter(inner)

    def read(facts: Facts) -> object:
        start = part(facts)
        return None if start is None else rest(start)

    return read


def _bare(annotation: object) -> object:
    """An annotation without `Annotated` and `| None`."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        parts = [part for part in get_args(annotation) if part is not type(None)]
        return _bare(parts[0]) if len(parts) == 1 else annotation
    return annotation


def _kind(annotation: type) -> ValueKind | None:
    if annotation is AwareDatetime or issubclass(annotation, datetime):
        return ValueKind.TIME
    kinds = (
        (bool, ValueKind.BOOLEAN),
        (str, ValueKind.TEXT),
        (int, ValueKind.INTEGER),
        (float, ValueKind.NUMBER),
    )
    return next((kind for base, kind in kinds if issubclass(annotation, base)), None)
