"""What was measured: single figures, the floor beside each, what was aimed at."""

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict


class NothingFoundError(Exception):
    """Something went wrong on the way, so that a figure would say nothing."""


class Unit(StrEnum):
    """What a figure counts."""

    EVENTS_A_SECOND = "events/s"
    LEADS_A_SECOND = "leads/s"
    TIMERS_A_SECOND = "timers/s"
    INPUTS_A_SECOND = "inputs/s"
    SECONDS = "s"
    MS = "ms"
    MS_CPU = "ms CPU"
    MICROSECONDS_CPU = "µs CPU"
    BYTES = "bytes"
    MEGABYTES = "MB"
    PERCENT = "%"
    TRANSACTIONS = "transactions"


class Figure(BaseModel):
    """One measurement of one repetition; `what` is measured is unique in its scenario.

    `floor` is the `what` of the figure that it stands on.
    """

    model_config = ConfigDict(frozen=True)

    what: str
    unit: Unit
    value: float
    floor: str | None = None


def percentiles(what: str, seconds: Sequence[float], floor: str | None = None) -> Iterator[Figure]:
    """The middle one of some times, and those that 5 % and 1 % are longer than."""
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    for percent in (50, 95, 99):
        yield Figure(
            what=f"{what}: p{percent}",
            unit=Unit.MS,
            value=cuts[percent - 1] * 1000,
            floor=floor and f"{floor}: p{percent}",
        )


@dataclass(frozen=True, slots=True)
class Aim:
    """A bound that a figure is meant to keep, or that of how many times its floor it is."""

    at_least: float | None = None
    less_than: float | None = None
    at_least_floors: float | None = None
    less_than_floors: float | None = None

    def __str__(self) -> str:
        if self.at_least is not None:
            return f"≥ {self.at_least:,}"
        if self.less_than is not None:
            return f"< {self.less_than:,}"
        if self.at_least_floors is not None:
            return f"≥ {self.at_least_floors:,} x floor"
        return f"< {self.less_than_floors:,} x floor"

    @property
    def counts_floors(self) -> bool:
        """Whether it bounds how many times its floor a figure is, and not the figure."""
        return self.at_least_floors is not None or self.less_than_floors is not None

    def missed_by(self, value: float, times_floor: float | None) -> float:
        """How much more or less it would have to be; nothing or less where the aim is met."""
        if self.at_least is not None:
            return self.at_least - value
        if self.less_than is not None:
            return value - self.less_than
        if self.at_least_floors is not None and times_floor is not None:
            return self.at_least_floors - times_floor
        if self.less_than_floors is not None and times_floor is not None:
            return times_floor - self.less_than_floors
        raise ValueError("an aim needs a bound, and one of floors a floor")


class Spread(BaseModel):
    """A figure over its repetitions; `floor` is the `what` of the one that it stands on."""

    model_config = ConfigDict(frozen=True)

    what: str
    unit: Unit
    values: tuple[float, ...]
    floor: str | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.values)


def spreads(figures: Iterable[Figure]) -> Sequence[Spread]:
    """In the order in which each came first."""
    found: dict[str, list[Figure]] = {}
    for figure in figures:
        found.setdefault(figure.what, []).append(figure)
    return [
        Spread(
            what=what, unit=same[0].unit, floor=same[0].floor, values=tuple(f.value for f in same)
        )
        for what, same in found.items()
    ]


class Measured(BaseModel):
    """A scenario: on what, when, how large, and its figures.

    The machine's load, from when it began and from when it ended, says whether the bench had it for
    itself.
    """

    model_config = ConfigDict(frozen=True)

    scenario: str
    began_at: AwareDatetime
    seconds: float
    load_before: float
    load_after: float
    machine: Mapping[str, str]
    sizes: Mapping[str, int]
    spreads: tuple[Spread, ...]


class Run(BaseModel):
    """Scenarios that were measured, as a JSON file has them."""

    model_config = ConfigDict(frozen=True)

    scenarios: tuple[Measured, ...]

    def with_newer(self, measured: Iterable[Measured]) -> "Run":
        """With these in the place of older ones of the same scenario, or behind them."""
        newest = {each.scenario: each for each in (*self.scenarios, *measured)}
        return Run(scenarios=tuple(newest.values()))
