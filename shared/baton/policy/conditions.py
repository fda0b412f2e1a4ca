"""Conditions of criteria, stages and rules on the facts of a lead.

A condition is true, false or unknown (None), as in SQL. A comparison with a missing field is
unknown. `not` of unknown is unknown. `all` is false as soon as one part is false, and `any` is true
as soon as one part is true. Only `exists` is never unknown. A criterion or rule applies if its
condition is true.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple

from baton.events import Reason, Scalar
from baton.policy.fields import Facts, Field
from baton.policy.values import Value

Truth = bool | None
"""True, false, or unknown (None)."""

_MAX_TEXT_SHOWN = 200
"""Longest text, in characters, that a reason shows in full."""


class Clause(NamedTuple):
    """One comparison and its result. `text` is the comparison in words."""

    field: str
    text: str
    matched: Truth
    value: Scalar


@dataclass(frozen=True, slots=True)
class ConditionResult:
    """The result of a condition, with each of its comparisons in the order of the file."""

    matched: Truth
    clauses: tuple[Clause, ...]

    def reasons(self, code: str, label: str, points: int | None = None) -> tuple[Reason, ...]:
        """The reasons for an event: the whole condition, and after it each clause if there are
        several. Long texts are cut short.
        """
        if len(self.clauses) == 1:
            (single,) = self.clauses
            return (reason(code, label, self.matched, single.field, single.value, points),)
        return (
            reason(code, label, self.matched, points=points),
            *[
                reason(code, clause.text, clause.matched, clause.field, clause.value)
                for clause in self.clauses
            ],
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """Compares a field's value. The result is unknown if the field is missing."""

    field: Field
    text: str
    holds: Callable[[Value], bool]

    def truth(self, facts: Facts) -> Truth:
        """True, false or unknown."""
        value = self.field.value(facts)
        return None if value is None else self.holds(value)

    def explain(self, facts: Facts, clauses: list[Clause]) -> Truth:
        """As `truth`; also adds its clause to `clauses`."""
        value = self.field.value(facts)
        matched = None if value is None else self.holds(value)
        clauses.append(Clause(self.field.path, self.text, matched, _plain(value)))
        return matched


@dataclass(frozen=True, slots=True)
class Existence:
    """Whether a field has a value. The result is never unknown."""

    field: Field
    text: str
    must_exist: bool

    def truth(self, facts: Facts) -> Truth:
        """True or false."""
        return (self.field.value(facts) is not None) is self.must_exist

    def explain(self, facts: Facts, clauses: list[Clause]) -> Truth:
        """As `truth`; also adds its clause to `clauses`."""
        value = self.field.value(facts)
        matched = (value is not None) is self.must_exist
        clauses.append(Clause(self.field.path, self.text, matched, _plain(value)))
        return matched


@dataclass(frozen=True, slots=True)
class All:
    """True if all parts are true, or if there are no parts."""

    parts: Sequence["Expression"]

    def truth(self, facts: Facts) -> Truth:
        """Stops at the first part that decides the result."""
        return _first(self.parts, facts, decides=False)

    def explain(self, facts: Facts, clauses: list[Clause]) -> Truth:
        """Evaluates every part, so that the explanation has every clause."""
        return conjunction([part.explain(facts, clauses) for part in self.parts])


@dataclass(frozen=True, slots=True)
class AnyOf:
    """True if at least one of the parts is true."""

    parts: Sequence["Expression"]

    def truth(self, facts: Facts) -> Truth:
        """Stops at the first part that decides the result."""
        return _first(self.parts, facts, decides=True)

    def explain(self, facts: Facts, clauses: list[Clause]) -> Truth:
        """Evaluates every part, so that the explanation has every clause."""
        return disjunction([part.explain(facts, clauses) for part in self.parts])


@dataclass(frozen=True, slots=True)
class Not:
    """The negation of its part."""

    part: "Expression"

    def truth(self, facts: Facts) -> Truth:
        """The negation of the part's result."""
        return negation(self.part.truth(facts))

    def explain(self, facts: Facts, clauses: list[Clause]) -> Truth:
        """Adds the clauses of the part, with their results before the negation."""
        return negation(self.part.explain(facts, clauses))


Expression = Comparison | Existence | All | AnyOf | Not


@dataclass(frozen=True, slots=True)
class Condition:
    """A checked condition. It is pure: the same facts give the same result."""

    expression: Expression

    def evaluate(self, facts: Facts) -> ConditionResult:
        """The result with all its clauses."""
        clauses: list[Clause] = []
        matched = self.expression.explain(facts, clauses)
        return ConditionResult(matched, tuple(clauses))

    def holds(self, facts: Facts) -> bool:
        """Whether the condition is true. Faster than `evaluate`, because it collects no clauses."""
        return self.expression.truth(facts) is True


ALWAYS = Condition(All(()))
"""The condition of a rule that has none."""


def conjunction(truths: Sequence[Truth]) -> Truth:
    """`and` of three-valued logic (Kleene)."""
    if False in truths:
        return False
    return None if None in truths else True


def disjunction(truths: Sequence[Truth]) -> Truth:
    """`or` of three-valued logic (Kleene)."""
    if True in truths:
        return True
    return None if None in truths else False


def negation(truth: Truth) -> Truth:
    """`not` of three-valued logic (Kleene)."""
    return None if truth is None else not truth


def _first(parts: Sequence[Expression], facts: Facts, *, decides: bool) -> Truth:
    """`decides` if one of the parts has this result.

    Otherwise the result is unknown if a part is unknown, else the negation of `decides`.
    """
    otherwise: Truth = not decides
    for part in parts:
        truth = part.truth(facts)
        if truth is decides:
            return decides
        if truth is None:
            otherwise = None
    return otherwise


def reason(
    code: str,
    label: str,
    matched: Truth,
    field: str | None = None,
    value: Scalar = None,
    points: int | None = None,
) -> Reason:
    """A reason that shows the value; a long text is cut short.

    Most leads have the same few reasons, so equal reasons share one object. Reasons with floats do
    not: 0.0 and -0.0 are the same key of the cache, but different texts.
    """
    if isinstance(value, str) and len(value) > _MAX_TEXT_SHOWN:
        value = f"{value[:_MAX_TEXT_SHOWN]}..."
    make = _reason.__wrapped__ if isinstance(value, float) else _reason
    return make(code, label, matched, field, value, points)


@lru_cache(maxsize=4_096, typed=True)
def _reason(
    code: str, label: str, matched: Truth, field: str | None, value: Scalar, points: int | None
) -> Reason:
    return Reason(code=code, label=label, matched=matched, field=field, value=value, points=points)


def _plain(value: Value | None) -> Scalar:
    return value.isoformat() if isinstance(value, date | datetime) else value
