"""Which silence of a source is unusual: by what was usual at that hour of the week."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.features.quiet_sources.rhythm import LEARNT_FROM, HeardHour, Rhythm, learnt

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
BEGAN = MONDAY - LEARNT_FROM

Arrivals = Callable[[], Iterator[datetime]]


def every(gap: timedelta, until: datetime = MONDAY) -> Iterator[datetime]:
    at = BEGAN
    while at < until:
        yield at
        at += gap


def office_hours() -> Iterator[datetime]:
    """Every ten minutes from eight to six, Monday to Friday."""
    return (at for at in every(timedelta(minutes=10)) if at.weekday() < 5 and 8 <= at.hour < 18)


def hourly_job() -> Iterator[datetime]:
    return every(timedelta(hours=1))


def weekly_newsletter() -> Iterator[datetime]:
    """Half an hour of answers, each Thursday morning."""
    return (
        at for at in every(timedelta(minutes=1)) if at.weekday() == 3 and at.hour == 10 > at.minute
    )


def rare() -> Iterator[datetime]:
    """Every other day."""
    return every(timedelta(days=2, hours=1))


def busy() -> Iterator[datetime]:
    return every(timedelta(minutes=1))


def with_an_outage() -> Iterator[datetime]:
    """Away for all of one Tuesday."""
    return (at for at in office_hours() if at.date() != (MONDAY - timedelta(days=6)).date())


def hours(arrivals: Iterable[datetime]) -> Sequence[HeardHour]:
    def hour(at: datetime) -> datetime:
        return at.replace(minute=0, second=0, microsecond=0)

    return [
        HeardHour(begins_at, sum({1 << at.minute for at in within}))
        for begins_at, within in groupby(sorted(arrivals), key=hour)
    ]


def rhythm(arrivals: Iterable[datetime]) -> Rhythm:
    found = learnt(hours(arrivals))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("arrivals", "day", "silent_from", "until", "unusual"),
    [
        (office_hours, 1, "10:00", "10:25", False),
        (office_hours, 1, "10:00", "10:45", True),
        (office_hours, 1, "17:50", "23:00", False),
        (office_hours, 2, "-6:10", "07:30", False),
        (office_hours, 2, "-6:10", "08:30", False),
        (office_hours, 2, "-6:10", "10:30", True),
        (office_hours, 5, "-6:10", "12:00", False),
        (office_hours, 7, "-54:10", "08:20", False),
        (office_hours, 7, "-54:10", "10:30", True),
        (office_hours, 7, "-54:10", "09:30", False),
        (with_an_outage, 1, "10:00", "10:45", True),
        (hourly_job, 1, "10:00", "12:30", False),
        (hourly_job, 1, "10:00", "13:30", True),
        (weekly_newsletter, 10, "10:10", "18:00", False),
        (weekly_newsletter, 31, "-504:00", "12:00", True),
        (rare, 5, "00:00", "12:00", False),
        (rare, 9, "00:00", "12:00", True),
        (busy, 1, "10:00", "10:12", False),
        (busy, 1, "10:00", "10:16", True),
    ],
)
def test_a_silence_is_unusual_when_it_is_much_longer_than_is_usual_at_its_hour(
    arrivals: Arrivals, day: int, silent_from: str, until: str, *, unusual: bool
) -> None:
    """`day` is that of `until`, counted from a Monday."""
    at = MONDAY + timedelta(days=day) + moment(until)
    began = {weekly_newsletter: MONDAY - timedelta(days=4) + moment("10:09"), rare: MONDAY}
    last = began.get(arrivals, MONDAY + timedelta(days=day) + moment(silent_from))
    assert rhythm(arrivals()).is_unusual(at - last, at) is unusual


def moment(text: str) -> timedelta:
    hours_, minutes = text.split(":")
    sign = -1 if hours_.startswith("-") else 1
    return sign * timedelta(hours=abs(int(hours_)), minutes=int(minutes))


def test_summer_time_makes_no_source_quiet() -> None:
    """An office that opens an hour later, by UTC, than in all the weeks that were learnt."""
    opens = MONDAY + timedelta(days=2, hours=9)
    closed = MONDAY + timedelta(days=1, hours=17, minutes=50)
    assert not rhythm(office_hours()).is_unusual(opens - closed, opens)


@pytest.mark.parametrize(
    "arrivals",
    [
        [],
        [MONDAY],
        list(every(timedelta(minutes=10), until=BEGAN + timedelta(days=13))),
        list(every(timedelta(days=4))),
    ],
    ids=["never heard", "heard once", "for less than two weeks", "hardly ever"],
)
def test_of_a_source_that_is_hardly_known_nothing_is_unusual(arrivals: list[datetime]) -> None:
    assert learnt(hours(arrivals)) is None


@given(
    minutes=st.lists(st.integers(0, 8 * 7 * 24 * 60 - 1), min_size=20, max_size=200, unique=True),
    at=st.integers(0, 7 * 24 - 1),
)
def test_no_silence_that_came_twice_is_unusual_where_it_came(minutes: list[int], at: int) -> None:
    arrivals = sorted(BEGAN + timedelta(minutes=minute) for minute in minutes)
    found = learnt(hours(arrivals))
    if found is None:
        return
    now = MONDAY + timedelta(hours=at)
    usual = found.usual_at(now)
    assert not found.is_unusual(usual, now)
    assert usual <= arrivals[-1] - arrivals[0]
