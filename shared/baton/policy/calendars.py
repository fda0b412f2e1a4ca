"""calendars.yaml: when the teams work."""

import re
from collections.abc import Collection, Mapping
from enum import StrEnum
from functools import cache, cached_property
from itertools import pairwise
from typing import Annotated, NamedTuple, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from baton.policy.calendar import BusinessCalendar, Minutes
from baton.policy.model import Day, Flag, Id, NotEmpty, PolicyModel, Text, distinct
from baton.policy.problems import did_you_mean
from baton.policy.section import Section

WEEKS_AHEAD = 52
"""The allowed time of a target must be shorter than the opening hours of its calendar in this
number of weeks.
"""

MAX_HOLIDAYS = 400
"""With this bound and that of `WEEKS_AHEAD`, what is due is always within `calendar.HORIZON`."""

_HOURS = re.compile(r"(\d\d):([0-5]\d)-(\d\d):([0-5]\d)", re.ASCII)
_MIDNIGHT = 24 * 60


class Weekday(StrEnum):
    """Days of the week; Monday is the first."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


class Hours(NamedTuple):
    """Opening hours, in minutes since midnight by the clock on the wall."""

    opens: Minutes
    closes: Minutes


def _hours(data: object) -> Hours:
    match = _HOURS.fullmatch(data) if isinstance(data, str) else None
    if match is None:
        msg = "must be hours such as 09:00-17:30"
        raise ValueError(msg)
    hour, minute, to_hour, to_minute = (int(digits) for digits in match.groups())
    hours = Hours(hour * 60 + minute, to_hour * 60 + to_minute)
    if hours.closes > _MIDNIGHT:
        msg = "must end at 24:00 at the latest"
        raise ValueError(msg)
    if hours.opens >= hours.closes:
        msg = "must end after they begin; what goes past midnight is two hours, until 24:00 and on"
        raise ValueError(msg)
    return hours


def _in_order(day: tuple[Hours, ...]) -> tuple[Hours, ...]:
    if any(later.opens < earlier.closes for earlier, later in pairwise(day)):
        msg = "must be in order and must not overlap"
        raise ValueError(msg)
    return day


@cache
def _zones() -> frozenset[str]:
    """Names of places, which mean the same on every machine (`localtime` does not)."""
    return frozenset(name for name in available_timezones() if "/" in name or name == "UTC")


def _zone(name: str) -> str:
    if name not in _zones():
        msg = f"unknown time zone '{name}'{did_you_mean(name, _zones())}"
        raise ValueError(msg)
    return name


TimeZone = Annotated[str, Field(strict=True), AfterValidator(_zone)]


DayHours = Annotated[
    tuple[Annotated[Hours, BeforeValidator(_hours)], ...], AfterValidator(_in_order)
]


class Holiday(PolicyModel):
    """A day on which nobody works."""

    date: Day
    label: Text


def _distinct_days(holidays: tuple[Holiday, ...]) -> tuple[Holiday, ...]:
    return distinct(holidays, lambda holiday: holiday.date, "date")


class Calendar(PolicyModel):
    """A week of opening hours in a time zone, or `always` open."""

    time_zone: TimeZone = "UTC"
    always: Flag = False
    hours: dict[Weekday, DayHours] = Field(default_factory=dict)
    holidays: Annotated[
        tuple[Holiday, ...], Field(max_length=MAX_HOLIDAYS), AfterValidator(_distinct_days)
    ] = ()

    @model_validator(mode="after")
    def _opens(self) -> Self:
        if self.always and self.model_fields_set - {"always"}:
            msg = "is always open: it can have no time_zone, hours or holidays"
            raise ValueError(msg)
        if not self.always and "time_zone" not in self.model_fields_set:
            msg = "needs a time_zone, such as Europe/Berlin"
            raise ValueError(msg)
        if not self.always and not any(self.hours.values()):
            msg = "never opens: it needs hours on one weekday at least, or `always: true`"
            raise ValueError(msg)
        return self

    def business_calendar(self) -> BusinessCalendar:
        """The calendar to reckon with."""
        if self.always:
            return BusinessCalendar.round_the_clock()
        return BusinessCalendar(
            ZoneInfo(self.time_zone),
            {i: self.hours.get(weekday, ()) for i, weekday in enumerate(Weekday)},
            frozenset(holiday.date for holiday in self.holidays),
        )


class Calendars(PolicyModel):
    """All of calendars.yaml."""

    calendars: Annotated[dict[Id, Calendar], NotEmpty]

    @cached_property
    def business_calendars(self) -> Mapping[str, BusinessCalendar]:
        """The calendars to reckon with, by name."""
        return {name: entry.business_calendar() for name, entry in self.calendars.items()}


def _names(calendars: Calendars) -> Mapping[str, Collection[str]]:
    return {"calendar": list(calendars.calendars)}


CALENDARS = Section("calendars.yaml", Calendars, names=_names)
