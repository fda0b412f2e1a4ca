"""A source's rhythm: how long it is usually silent at each hour of the week. Pure.

Learnt from the arrivals of the past weeks. A silence is measured by those that there were at the
same hour of other weeks, so nights and weekends are no news, and neither is a rare sender.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

LEARNT_FROM = timedelta(weeks=8)
"""So far back arrivals are looked at."""

SHORTEST = timedelta(minutes=15)
"""No silence that is shorter is unusual."""

_KNOWN_AFTER = timedelta(weeks=2)
_FEWEST_MINUTES = 20
_WEEKS_OF_WHICH_ONE_MAY_BE_ODD = 4
_TIMES_THE_USUAL = 3

_HOUR = timedelta(hours=1)
_MINUTE = timedelta(minutes=1)
_HOURS_OF_A_WEEK = 7 * 24
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class HeardHour:
    """An hour in which a source was heard: bit n of `minutes` says that it was in minute n."""

    begins_at: datetime
    minutes: int


@dataclass(frozen=True, slots=True)
class Rhythm:
    """The longest silence that is usual in each hour of the week (UTC), beginning with 1970's."""

    usual: Sequence[timedelta]

    def usual_at(self, now: datetime) -> timedelta:
        """That of the hour and of its neighbours.

        An office opens some minutes earlier or later, and, with summer time, an hour.
        """
        hour = _hour_of(now)
        return max(self.usual[(hour + near) % _HOURS_OF_A_WEEK] for near in (-1, 0, 1))

    def is_unusual(self, silence: timedelta, now: datetime) -> bool:
        """Whether a source that has been silent for so long has gone quiet."""
        return silence > max(SHORTEST, _TIMES_THE_USUAL * self.usual_at(now))


def learnt(hours: Sequence[HeardHour]) -> Rhythm | None:
    """The rhythm that these hours, in their order, show.

    None where too little is known of it: less than two weeks, or hardly an arrival in them.
    """
    minutes = list(_heard_minutes(hours))
    if len(minutes) < _FEWEST_MINUTES or (minutes[-1] - minutes[0]) * _MINUTE < _KNOWN_AFTER:
        return None
    weeks: list[list[int]] = [[] for _ in range(_HOURS_OF_A_WEEK)]
    for hour, longest in enumerate(_longest_silences(minutes), start=minutes[0] // 60):
        weeks[hour % _HOURS_OF_A_WEEK].append(longest)
    return Rhythm(tuple(_usual(silences) * _MINUTE for silences in weeks))


def _usual(silences: Sequence[int]) -> int:
    """Of several weeks one may have been odd: an outage, a holiday."""
    longest_first = sorted(silences, reverse=True)
    return longest_first[len(silences) >= _WEEKS_OF_WHICH_ONE_MAY_BE_ODD]


def _longest_silences(minutes: Sequence[int]) -> Sequence[int]:
    """For each hour from the first arrival to the last: the longest silence that touches it."""
    first = minutes[0] // 60
    longest = [0] * (minutes[-1] // 60 - first + 1)
    for before, after in pairwise(minutes):
        for hour in range(before // 60 - first, after // 60 - first + 1):
            longest[hour] = max(longest[hour], after - before)
    return longest


def _heard_minutes(hours: Sequence[HeardHour]) -> Iterator[int]:
    """Each minute in which the source was heard, since 1970."""
    for hour in hours:
        begins = _hour_of(hour.begins_at) * 60
        yield from (begins + minute for minute in range(60) if hour.minutes >> minute & 1)


def _hour_of(moment: datetime) -> int:
    return (moment - _EPOCH) // _HOUR
