"""Business time: when an SLA target is due, and how much of its time is used. Opening hours are
local time. An opening begins, and ends, at the first moment at which the local clock shows that
time or a later one. When summer time begins, a time that the clock skips means the moment of the
change. When summer time ends, a time that occurs twice means its first occurrence. The time in
between counts as it elapsed: on those days 00:00 to 24:00 is 23 or 25 hours.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache

Minutes = int
"""Minutes since midnight, by the clock on the wall; 1440 is 24:00."""

HORIZON = timedelta(days=4000)
"""How far ahead a due time is looked for. A bundle is refused if a target could be beyond it."""

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


class BeyondCalendarError(ValueError):
    """A due time lies beyond what the calendar can tell: the horizon, or the year 9999."""


class BusinessCalendar:
    """Opening hours of a week, by weekday (Monday is 0), and the days that are closed.

    Hours are [from, to) in minutes, sorted, without overlap. Times given must be aware; times
    returned are in UTC.
    """

    def __init__(
        self,
        zone: tzinfo,
        week: Mapping[int, tuple[tuple[Minutes, Minutes], ...]],
        closed: frozenset[date] = frozenset(),
    ) -> None:
        self._zone = zone
        self._week = dict(week)
        self._closed = closed
        self._openings = lru_cache(maxsize=4096)(self._openings_of)

    @classmethod
    def round_the_clock(cls) -> "BusinessCalendar":
        """Always open."""
        return cls(UTC, dict.fromkeys(range(7), ((0, 1440),)))

    def due(self, start: datetime, allowed: timedelta) -> datetime:
        """The first moment at which `allowed` business time has passed since `start`.

        Outside hours it begins to count at the next opening; nothing allowed is due there, or at
        once where it is open. Raises BeyondCalendarError.
        """
        left = allowed
        for opens, closes in self._open_from(start.astimezone(UTC)):
            if opens + left < closes or (left and opens + left == closes):
                return opens + left
            left -= closes - opens
        msg = f"no due time within {HORIZON.days} days of {start.isoformat()}"
        raise BeyondCalendarError(msg)

    def used(self, start: datetime, end: datetime) -> timedelta:
        """The business time between two moments; none if the second is not after the first.

        Raises BeyondCalendarError where they are further apart than the horizon.
        """
        begin, until = start.astimezone(UTC), end.astimezone(UTC)
        if until - begin > HORIZON:
            msg = f"more than {HORIZON.days} days between {start.isoformat()} and {end.isoformat()}"
            raise BeyondCalendarError(msg)
        total = timedelta()
        for opens, closes in self._open_from(begin, until):
            total += max(timedelta(), min(closes, until) - opens)
        return total

    def is_open(self, at: datetime) -> bool:
        """Whether that moment is within hours."""
        moment = at.astimezone(UTC)
        return any(opens <= moment < closes for opens, closes in self._open_from(moment, moment))

    def week_length(self) -> timedelta:
        """The hours of a week without holidays, by the clock on the wall."""
        minutes = sum(to - start for hours in self._week.values() for start, to in hours)
        return timedelta(minutes=minutes)

    def _open_from(
        self, begin: datetime, until: datetime | None = None
    ) -> Iterator[tuple[datetime, datetime]]:
        """The rest of each opening from `begin` on, up to the horizon or about `until`. It begins
        one day early, because a clock that is put back across midnight shows the day before again.
        """
        try:
            day = begin.astimezone(self._zone).date()
            end = begin + HORIZON if until is None else until
            last = end.astimezone(self._zone).date() + _DAY
            while day <= last:
                for opens, closes in self._openings(day):
                    if closes > begin:
                        yield max(opens, begin), closes
                day += _DAY
        except OverflowError as error:
            msg = "a time beyond the year 9999"
            raise BeyondCalendarError(msg) from error

    def _openings_of(self, day: date) -> tuple[tuple[datetime, datetime], ...]:
        if day in self._closed:
            return ()
        midnight = datetime.combine(day, time())
        moments = (
            (
                self._first_moment(midnight + timedelta(minutes=start)),
                self._first_moment(midnight + timedelta(minutes=to)),
            )
            for start, to in self._week.get(day.weekday(), ())
        )
        return tuple((opens, closes) for opens, closes in moments if opens < closes)

    def _first_moment(self, wall: datetime) -> datetime:
        """The first moment at which the clock on the wall shows this time or a later one."""
        first = wall.replace(tzinfo=self._zone).astimezone(UTC)
        if first.astimezone(self._zone).replace(tzinfo=None) == wall:
            return first
        before = wall.replace(tzinfo=self._zone, fold=1).astimezone(UTC)
        while first - before > _SECOND:
            middle = before + (first - before) // 2 // _SECOND * _SECOND
            if middle.astimezone(self._zone).replace(tzinfo=None) < wall:
                before = middle
            else:
                first = middle
        return first
