"""From the YAML of a condition to the condition, with every fault in it.

all: [...]        any: [...]        not: {...}
{field: company.employees, at_least: 50, less: 500}
"""

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field as dataclass_field

from baton.policy.conditions import (
    ALWAYS,
    All,
    AnyOf,
    Comparison,
    Condition,
    Existence,
    Expression,
    Not,
)
from baton.policy.document import Data
from baton.policy.fields import Field, Fields, UnknownFieldError
from baton.policy.patterns import Pattern, PatternError
from baton.policy.problems import Fault, FaultsError, Place, did_you_mean
from baton.policy.values import Value, ValueKind, WrongKindError, comparable, typed

Holds = Callable[[Value], bool]

_EQUALITIES = {"equals": "is", "not_equals": "is not"}
_ORDERINGS = {
    "less": "is less than",
    "at_most": "is at most",
    "more": "is more than",
    "at_least": "is at least",
}
_SEARCHES = {"contains": "contains", "matches": "matches"}
OPERATORS = (*_EQUALITIES, *_ORDERINGS, "in", *_SEARCHES, "exists")
_MAX_VALUES_SHOWN = 20
"""Values of a list that a clause says; it must stay short enough to be a reason's label."""

COMBINATIONS = ("all", "any", "not")


def compiled(data: Data, fields: Fields) -> Condition:
    """The condition that `data` writes. Raises FaultsError with all that is wrong in it."""
    compiler = _Compiler(fields)
    condition = Condition(compiler.expression(data, ()))
    if compiler.faults:
        raise FaultsError(compiler.faults)
    return condition


@dataclass(slots=True)
class _Compiler:
    fields: Fields
    faults: list[Fault] = dataclass_field(default_factory=list)

    def expression(self, data: Data, place: Place) -> Expression:
        if not isinstance(data, dict):
            return self._fault(place, "must be a condition: all, any, not, or field and comparison")
        if "field" in data:
            return self._leaf(data, place)
        if len(data) != 1:
            keys = ", ".join(data) or "nothing"
            return self._fault(place, f"must be one of all, any, not or field; here is {keys}")
        ((name, inner),) = data.items()
        if name == "not":
            return Not(self.expression(inner, (*place, name)))
        if name in COMBINATIONS:
            parts = self._parts(inner, (*place, name))
            return All(parts) if name == "all" else AnyOf(parts)
        hint = did_you_mean(name, (*COMBINATIONS, "field"))
        return self._fault((*place, name), f"unknown key '{name}'{hint}")

    def _parts(self, data: Data, place: Place) -> tuple[Expression, ...]:
        if not isinstance(data, list) or not data:
            self._fault(place, "must be a list of at least one condition")
            return ()
        return tuple(self.expression(item, (*place, i)) for i, item in enumerate(data))

    def _leaf(self, data: dict[str, Data], place: Place) -> Expression:
        field = self._field(data["field"], (*place, "field"))
        operators = [key for key in data if key != "field"]
        if not operators:
            return self._fault(place, f"needs a comparison: one of {', '.join(OPERATORS)}")
        parts: list[Expression] = []
        for operator in operators:
            here = (*place, operator)
            if operator not in OPERATORS:
                hint = did_you_mean(operator, OPERATORS)
                self._fault(here, f"unknown comparison '{operator}'{hint}")
            elif field is not None:
                parts.append(self._operation(field, operator, data[operator], here))
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _field(self, path: Data, place: Place) -> Field | None:
        if not isinstance(path, str):
            self._fault(place, "must be the name of a field")
            return None
        try:
            return self.fields.look_up(path)
        except UnknownFieldError as error:
            self._fault(place, str(error))
            return None

    def _operation(self, field: Field, operator: str, operand: Data, place: Place) -> Expression:
        if operator == "exists":
            if not isinstance(operand, bool):
                return self._fault(place, "must be true or false")
            words = "exists" if operand else "does not exist"
            return Existence(field, f"{field.path} {words}", operand)
        try:
            holds, words = _comparison(field, operator, operand)
        except FaultsError as error:
            self.faults += [Fault((*place, *f.place), f.reason) for f in error.faults]
            return ALWAYS.expression
        return Comparison(field, f"{field.path} {words}", holds)

    def _fault(self, place: Place, reason: str) -> Expression:
        self.faults.append(Fault(place, reason))
        return ALWAYS.expression


def _comparison(field: Field, operator: str, operand: Data) -> tuple[Holds, str]:
    if operator in _EQUALITIES:
        operand_value = _operand(field, operand)
        description = f"{_EQUALITIES[operator]} {_shown(operand)}"
        return (
            _equal(operand_value) if operator == "equals" else _unequal(operand_value)
        ), description
    if operator == "in":
        return _among(field, operand)
    if operator in _ORDERINGS:
        if not field.kind.ordered:
            raise _fault(f"'{field.path}' is {field.kind.words} and has no order")
        bound = _operand(field, operand)
        return _ordering(operator, bound), f"{_ORDERINGS[operator]} {_shown(operand)}"
    if field.kind is not ValueKind.TEXT:
        raise _fault(f"'{field.path}' is {field.kind.words}; '{operator}' is for text")
    if not isinstance(operand, str) or not operand.strip():
        raise _fault("must be text")
    return _search(operator, operand), f"{_SEARCHES[operator]} {_shown(operand)}"


def _operand(field: Field, operand: Data) -> Value:
    try:
        value = typed(field.kind, operand)
    except WrongKindError as error:
        quotes = "; put it in quotes" if _lacks_quotes(field, operand) else ""
        raise _fault(f"'{field.path}' {error}{quotes}") from error
    if value is None:
        raise _fault("nothing to compare with; to ask whether it is missing, use exists: false")
    if field.choices and isinstance(value, str):
        return _choice(field, value)
    return comparable(value) if isinstance(value, str) else value


def _lacks_quotes(field: Field, operand: Data) -> bool:
    return field.kind is ValueKind.TEXT and isinstance(operand, int | float)


def _choice(field: Field, value: str) -> str:
    known = {comparable(choice): choice for choice in field.choices}
    if comparable(value) not in known:
        hint = did_you_mean(value, field.choices) or f": it is one of {', '.join(field.choices)}"
        raise _fault(f"'{field.path}' is never '{value}'{hint}")
    return comparable(value)


def _among(field: Field, operand: Data) -> tuple[Holds, str]:
    if not isinstance(operand, list) or not operand:
        raise _fault("must be a list of at least one value")
    faults: list[Fault] = []
    operands: set[Value] = set()
    for i, item in enumerate(operand):
        try:
            operands.add(_operand(field, item))
        except FaultsError as error:
            faults += [Fault((i, *f.place), f.reason) for f in error.faults]
    if faults:
        raise FaultsError(faults)
    values = frozenset(operands)
    shown = ", ".join(_shown(item) for item in operand[:_MAX_VALUES_SHOWN])
    rest = ", ..." if len(operand) > _MAX_VALUES_SHOWN else ""
    return (lambda value: _key(value) in values), f"is one of {shown}{rest}"


def _shown(operand: Data) -> str:
    return str(operand).lower() if isinstance(operand, bool) else str(operand)[:200]


def _key(value: Value) -> Value:
    return comparable(value) if isinstance(value, str) else value


def _equal(expected: Value) -> Holds:
    return lambda value: _key(value) == expected


def _unequal(excluded: Value) -> Holds:
    return lambda value: _key(value) != excluded


def _ordering(operator: str, bound: Value) -> Holds:
    """Both are of the field's kind, which `Field.value` and `_operand` see to."""
    match operator:
        case "less":
            return lambda value: value < bound  # type: ignore[operator]
        case "at_most":
            return lambda value: value <= bound  # type: ignore[operator]
        case "more":
            return lambda value: value > bound  # type: ignore[operator]
        case _:
            return lambda value: value >= bound  # type: ignore[operator]


def _search(operator: str, operand: str) -> Holds:
    if operator == "contains":
        needle = comparable(operand)
        return lambda value: needle in comparable(str(value))
    try:
        pattern = Pattern(operand)
    except PatternError as error:
        raise _fault(f"not a regular expression that RE2 reads: {error}") from error
    return lambda value: pattern.found_in(str(value))


def _fault(reason: str) -> FaultsError:
    return FaultsError([Fault((), reason)])
