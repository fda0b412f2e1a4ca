"""Conditions of criteria, stages and rules on the facts of a lead.

Answers are three-valued, as in SQL: a comparison with a missing field is unknown (None), `not`
unknown is unknown, `all` is false as soon as one part is, `any` true as soon as one part is. Only
`exists` is never unknown. A criterion or rule applies where the answer is true.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple

from baton.events import Reason, Scalar
from baton.policy.fields import Facts, Field
from baton.policy.values import Value

Answer = bool | None

_SHOWN = 200
"""Characters of a text that reasons show."""


class Clause(NamedTuple):
    """One comparison, as it was answered: on what field and value, and in words what it asks."""

    field: str
    asks: str
    matched: Answer
    value: Scalar


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a condition, with each of its comparisons in the order of the file."""

    matched: Answer
    clauses: tuple[Clause, ...]

    def reasons(self, code: str, label: str, points: int | None = None) -> tuple[Reason, ...]:
        """For an event: the answer as a whole, and after it each clause where there are several.

        Long texts are cut short.
        """
        if len(self.clauses) == 1:
            (single,) = self.clauses
            return (reason(code, label, self.matched, single.field, single.value, points),)
        return (
            reason(code, label, self.matched, points=points),
            *[
                reason(code, clause.asks, clause.matched, clause.field, clause.value)
                for clause in self.clauses
            ],
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """Compares a field's value; unknown where it is missing."""

    field: Field
    asks: str
    holds: Callable[[Value], bool]

    def alone(self, facts: Facts) -> Answer:
        """True, false or unknown."""
        value = self.field.value(facts)
        return None if value is None else self.holds(value)

    def answer(self, facts: Facts, clauses: list[Clause]) -> Answer:
        """As `alone`; adds its clause."""
        value = self.field.value(facts)
        matched = None if value is None else self.holds(value)
        clauses.append(Clause(self.field.path, self.asks, matched, _plain(value)))
        return matched


@dataclass(frozen=True, slots=True)
class Existence:
    """Asks whether a field has a value; never unknown."""

    field: Field
    asks: str
    must_exist: bool

    def alone(self, facts: Facts) -> Answer:
        """True or false."""
        return (self.field.value(facts) is not None) is self.must_exist

    def answer(self, facts: Facts, clauses: list[Clause]) -> Answer:
        """As `alone`; adds its clause."""
        value = self.field.value(facts)
        matched = (value is not None) is self.must_exist
        clauses.append(Clause(self.field.path, self.asks, matched, _plain(value)))
        return matched


@dataclass(frozen=True, slots=True)
class All:
    """True if all parts are; of no parts, too."""

    parts: Sequence["Part"]

    def alone(self, facts: Facts) -> Answer:
        """Asks no more parts than it takes."""
        return _first(self.parts, facts, decides=False)

    def answer(self, facts: Facts, clauses: list[Clause]) -> Answer:
        """Asks every part, so that every clause is there to explain."""
        return conjunction([part.answer(facts, clauses) for part in self.parts])


@dataclass(frozen=True, slots=True)
class AnyOf:
    """True if one of the parts is."""

    parts: Sequence["Part"]

    def alone(self, facts: Facts) -> Answer:
        """Asks no more parts than it takes."""
        return _first(self.parts, facts, decides=True)

    def answer(self, facts: Facts, clauses: list[Clause]) -> Answer:
        """Asks every part, so that every clause is there to explain."""
        return disjunction([part.answer(facts, clauses) for part in self.parts])


@dataclass(frozen=True, slots=True)
class Not:
    """The contrary."""

    part: "Part"

    def alone(self, facts: Facts) -> Answer:
        """Asks its part."""
        return negation(self.part.alone(facts))

    def answer(self, facts: Facts, clauses: list[Clause]) -> Answer:
        """The clauses are those of the part, as they were answered there."""
        return negation(self.part.answer(facts, clauses))


Part = Comparison | Existence | All | AnyOf | Not


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition, checked and ready. Pure: the same facts give the same outcome."""

    part: Part

    def evaluate(self, facts: Facts) -> Outcome:
        """The answer with all its clauses."""
        clauses: list[Clause] = []
        matched = self.part.answer(facts, clauses)
        return Outcome(matched, tuple(clauses))

    def holds(self, facts: Facts) -> bool:
        """Whether it matches, as `evaluate` says; quicker, since it need not say why."""
        return self.part.alone(facts) is True


ALWAYS = Condition(All(()))
"""The condition of a rule that has none."""


def conjunction(answers: Sequence[Answer]) -> Answer:
    """Kleene's `and`."""
    if False in answers:
        return False
    return None if None in answers else True


def disjunction(answers: Sequence[Answer]) -> Answer:
    """Kleene's `or`."""
    if True in answers:
        return True
    return None if None in answers else False


def negation(answer: Answer) -> Answer:
    """Kleene's `not`."""
    return None if answer is None else not answer


def _first(parts: Sequence[Part], facts: Facts, *, decides: bool) -> Answer:
    """The answer that decides, if a part gives it; else unknown if one is, else the contrary."""
    otherwise: Answer = not decides
    for part in parts:
        answer = part.alone(facts)
        if answer is decides:
            return decides
        if answer is None:
            otherwise = None
    return otherwise


def reason(
    code: str,
    label: str,
    matched: Answer,
    field: str | None = None,
    value: Scalar = None,
    points: int | None = None,
) -> Reason:
    """A reason that shows the value, a long text cut short.

    Most leads give the same few answers, so reasons are shared between them. Floats are left out:
    0.0 and -0.0 are the same key, but not the same text.
    """
    if isinstance(value, str) and len(value) > _SHOWN:
        value = f"{value[:_SHOWN]}..."
    make = _reason.__wrapped__ if isinstance(value, float) else _reason
    return make(code, label, matched, field, value, points)


@lru_cache(maxsize=4_096, typed=True)
def _reason(
    code: str, label: str, matched: Answer, field: str | None, value: Scalar, points: int | None
) -> Reason:
    return Reason(code=code, label=label, matched=matched, field=field, value=value, points=points)


def _plain(value: Value | None) -> Scalar:
    return value.isoformat() if isinstance(value, date | datetime) else value
