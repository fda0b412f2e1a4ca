"""From a document to its model, with pydantic's errors as problems that people can read."""

from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from baton.policy.document import Data, Document
from baton.policy.fields import Vocabulary
from baton.policy.problems import BundleProblem, Place, did_you_mean

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")


def read(
    model: type[M], document: Document, vocabulary: Vocabulary, problems: list[BundleProblem]
) -> M | None:
    """The document as the model; None where it does not fit, with all its problems added.

    `problems` has already those of the document itself.
    """
    if document.data is None:
        if not any(problem.file == document.file for problem in problems):
            problems.append(document.problem((), "the file is empty"))
        return None
    try:
        return model.model_validate(document.data, context=vocabulary)
    except ValidationError as error:
        for details in error.errors(include_url=False):
            place = _place(details, document.data)
            problems.append(document.problem(place, _reason(details, model)))
        return None


def peek(part: TypeAdapter[T], document: Document, key: str, default: T) -> T | None:
    """One part of a document before the whole can be read; None where it does not fit."""
    if not isinstance(document.data, dict):
        return None
    if key not in document.data:
        return default
    try:
        return part.validate_python(document.data[key])
    except ValidationError:
        return None


def _place(details: ErrorDetails, data: Data) -> Place:
    """Pydantic's location, without the steps that are not in the file (a union's choice)."""
    steps = details["loc"]
    if details["type"] in _OF_UNIONS:
        steps = (*steps, details["ctx"]["discriminator"].strip("'"))
    place: Place = ()
    here = data
    for i, step in enumerate(steps):
        parts = _parts(here)
        if step in parts:
            here = parts[step]
        elif i < len(steps) - 1 or details["type"] not in _OF_WHAT_IS_MISSING:
            continue
        place = (*place, step)
    return place


def _parts(data: Data) -> dict[str | int, Data]:
    if isinstance(data, dict):
        return dict(data.items())
    return dict(enumerate(data)) if isinstance(data, list) else {}


_OF_UNIONS = frozenset({"union_tag_invalid", "union_tag_not_found"})
_OF_WHAT_IS_MISSING = frozenset({"missing", "union_tag_not_found"})
_REASONS = {
    "missing": "is missing",
    "model_type": "must be a mapping of keys to values",
    "dict_type": "must be a mapping of keys to values",
    "tuple_type": "must be a list",
    "frozen_set_type": "must be a list",
    "string_type": "must be text; put it in quotes",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "too_long": "must have at most {max_length}",
    "union_tag_not_found": "is missing",
    "value_error": "{error}",
}


def _reason(details: ErrorDetails, model: type[BaseModel]) -> str:
    kind, context = details["type"], details.get("ctx", {})
    if kind in _REASONS:
        return _REASONS[kind].format(**context)
    match kind:
        case "extra_forbidden":
            *place, key = details["loc"]
            return f"unknown key '{key}'{did_you_mean(str(key), _keys(model, tuple(place)))}"
        case "enum":
            return _not_one_of(str(details["input"]), context["expected"])
        case "union_tag_invalid":
            return _not_one_of(context["tag"], context["expected_tags"])
        case _:
            return details["msg"]


def _not_one_of(value: str, expected: str) -> str:
    """`expected` is pydantic's list: 'a', 'b' or 'c'."""
    words = [word.strip("'") for word in expected.replace(" or ", ", ").split(", ")]
    return f"must be one of {', '.join(words)}, not '{value}'{did_you_mean(value, words)}"


def _keys(annotation: Any, steps: Place) -> list[str]:
    """The keys that a mapping at that location may have."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _keys(arguments[0], steps)
    if origin in (Union, UnionType):
        chosen = [member for member in arguments if steps and _has_tag(member, steps[0])]
        steps_within = steps[1:] if chosen else steps
        return [key for member in chosen or arguments for key in _keys(member, steps_within)]
    if origin in (tuple, dict) and steps:
        return _keys(arguments[0 if origin is tuple else 1], steps[1:])
    is_model = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    return _keys_of_model(annotation, steps) if is_model else []


def _keys_of_model(model: type[BaseModel], steps: Place) -> list[str]:
    fields = model.model_fields
    if not steps:
        return list(fields)
    return _keys(fields[str(steps[0])].annotation, steps[1:]) if steps[0] in fields else []


def _has_tag(member: Any, tag: str | int) -> bool:
    if not (isinstance(member, type) and issubclass(member, BaseModel)):
        return False
    annotations = [field.annotation for field in member.model_fields.values()]
    return any(get_origin(a) is Literal and get_args(a) == (tag,) for a in annotations)
