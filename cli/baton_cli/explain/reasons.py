"""Reasons as the services give them, in words."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from baton.events import Reason
from baton.values import Json

_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Criterion:
    """A rule or criterion with all that it asked. `clauses` is empty where that was one thing."""

    reason: Reason
    clauses: tuple[Reason, ...]

    @property
    def on(self) -> str | None:
        """The fields that decided, each once with its value. If there are several, only those with
        the same result as the whole condition.
        """
        compared = [reason for reason in (self.reason, *self.clauses) if reason.field is not None]
        alike = [reason for reason in compared if reason.matched == self.reason.matched]
        return ", ".join(dict.fromkeys(_on(reason) for reason in alike or compared)) or None

    @property
    def missing(self) -> Sequence[str]:
        """The fields that had no value where one was asked for."""
        reasons = (self.reason, *self.clauses)
        return [reason.field for reason in reasons if reason.field and reason.matched is None]


def criteria(reasons: Iterable[Reason]) -> Sequence[Criterion]:
    """Reasons of the same code that follow each other are one criterion and its clauses."""
    found: list[list[Reason]] = []
    for reason in reasons:
        if found and found[-1][0].code == reason.code:
            found[-1].append(reason)
        else:
            found.append([reason])
    return [Criterion(first, tuple(clauses)) for first, *clauses in found]


def words(code: str) -> str:
    """A code such as `meeting_booked` as people say it."""
    return code.replace("_", " ")


def _on(reason: Reason) -> str:
    if reason.field == "activities":
        number = reason.value
        return "1 activity" if number == 1 else f"{number} activities"
    return f"{reason.field} is {_value(reason.value)}"


def _value(value: Json) -> str:
    match value:
        case None:
            return "missing"
        case bool():
            return "true" if value else "false"
        case str() if len(value) > _SHOWN:
            return f"{value[:_SHOWN]}…"
        case _:
            return str(value)
