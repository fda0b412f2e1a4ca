"""What was measured: single figures, the floor beside each, what was aimed at."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class Unit(StrEnum):
    """What a figure counts."""

    EVENTS_A_SECOND = "events/s"
    MS_CPU = "ms CPU"
    MICROSECONDS_CPU = "µs CPU"
    BYTES = "bytes"
    PERCENT = "%"


class Figure(BaseModel):
    """One measurement of one repetition; `what` is measured is unique in its scenario."""

    model_config = ConfigDict(frozen=True)

    what: str
    unit: Unit
    value: float


@dataclass(frozen=True, slots=True)
class Aim:
    """A bound that a figure is meant to keep, from below or from above."""

    at_least: float | None = None
    less_than: float | None = None

    def __str__(self) -> str:
        sign, bound = ("≥", self.at_least) if self.less_than is None else ("<", self.less_than)
        return f"{sign} {bound:,}"


class Spread(BaseModel):
    """A figure over its repetitions."""

    model_config = ConfigDict(frozen=True)

    what: str
    unit: Unit
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.values)


def spreads(figures: Iterable[Figure]) -> Sequence[Spread]:
    """In the order in which each came first."""
    values: dict[tuple[str, Unit], list[float]] = {}
    for figure in figures:
        values.setdefault((figure.what, figure.unit), []).append(figure.value)
    return [Spread(what=w, unit=u, values=tuple(found)) for (w, u), found in values.items()]


class Measured(BaseModel):
    """A scenario: its figures, and how busy the machine was when it began and when it ended."""

    model_config = ConfigDict(frozen=True)

    scenario: str
    load_before: float
    load_after: float
    spreads: tuple[Spread, ...]


class Run(BaseModel):
    """All of `make bench`, as its JSON file has it."""

    model_config = ConfigDict(frozen=True)

    began_at: str
    machine: Mapping[str, str]
    sizes: Mapping[str, int]
    scenarios: tuple[Measured, ...]
