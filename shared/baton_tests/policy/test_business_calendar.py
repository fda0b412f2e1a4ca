"""Business time: by tables for the days that matter, by properties for all others."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from baton.policy.calendar import HORIZON, BeyondCalendarError, BusinessCalendar
from baton.policy.calendars import MAX_HOLIDAYS, WEEKS_AHEAD

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",  # until 2019 put back from Sunday 00:00 to Saturday 23:00
    "America/Havana",  # put back at 01:00, so that 00:00 comes twice; forward at 00:00
    "America/St_Johns",  # until 2011 put back at 00:01, into the day before
    "Australia/Lord_Howe",  # by half an hour
    "Pacific/Apia",  # no 30 December 2011
    "Asia/Kathmandu",
]
OFFICE = BusinessCalendar(BERLIN, dict.fromkeys(range(5), ((9 * 60, 17 * 60),)))
WHOLE_DAYS = BusinessCalendar(BERLIN, dict.fromkeys(range(7), ((0, 1440),)))


def local(text: str, zone: ZoneInfo = BERLIN) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


@pytest.mark.parametrize(
    ("start", "allowed", "due"),
    [
        ("2026-01-14T10:00", "4:00", "2026-01-14T14:00"),  # a Wednesday
        ("2026-01-14T15:00", "4:00", "2026-01-15T11:00"),  # over night
        ("2026-01-16T16:00", "4:00", "2026-01-19T12:00"),  # over the weekend
        ("2026-01-17T12:00", "1:00", "2026-01-19T10:00"),  # from a Saturday
        ("2026-01-14T08:00", "1:00", "2026-01-14T10:00"),  # from before hours
        ("2026-01-14T17:00", "1:00", "2026-01-15T10:00"),  # from the moment of closing
        ("2026-01-14T16:00", "1:00", "2026-01-14T17:00"),  # due at closing, not at next opening
        ("2026-01-14T10:00", "0:00", "2026-01-14T10:00"),
        ("2026-01-14T18:00", "0:00", "2026-01-15T09:00"),
        ("2026-01-12T09:00", "40:00", "2026-01-16T17:00"),
        ("2026-03-27T16:00", "2:00", "2026-03-30T10:00"),  # over the weekend of the clock change
    ],
)
def test_due_counts_hours_only(start: str, allowed: str, due: str) -> None:
    hours, minutes = allowed.split(":")
    duration = timedelta(hours=int(hours), minutes=int(minutes))
    assert OFFICE.due(local(start), duration) == local(due)


def test_holidays_do_not_count() -> None:
    calendar = BusinessCalendar(
        BERLIN, dict.fromkeys(range(5), ((540, 1020),)), frozenset({date(2026, 1, 15)})
    )
    assert calendar.due(local("2026-01-14T16:00"), timedelta(hours=2)) == local("2026-01-16T10:00")


def test_a_pause_at_noon_does_not_count() -> None:
    calendar = BusinessCalendar(BERLIN, {2: ((540, 750), (810, 1080))})
    start = local("2026-01-14T12:00")
    assert calendar.due(start, timedelta(hours=1)) == local("2026-01-14T14:00")
    assert calendar.used(start, local("2026-01-14T13:00")) == timedelta(minutes=30)


@pytest.mark.parametrize(
    ("day", "hours"),
    [("2026-03-28", 24), ("2026-03-29", 23), ("2026-10-24", 24), ("2026-10-25", 25)],
)
def test_a_whole_day_is_as_long_as_it_really_is(day: str, hours: int) -> None:
    start = local(f"{day}T00:00")
    end = datetime.combine(start.date() + timedelta(days=1), time(), BERLIN)
    assert WHOLE_DAYS.used(start, end) == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("day", "hours", "utc_from", "utc_to"),
    [
        # The clock jumps from 02:00 to 03:00, which is 01:00 in UTC.
        ("2026-03-29", (150, 240), "01:00", "02:00"),  # 02:30-04:00: opens with the jump
        ("2026-03-29", (60, 150), "00:00", "01:00"),  # 01:00-02:30: closes with it
        # The clock goes back from 03:00 to 02:00, which is 01:00 in UTC: 02:30 comes twice.
        ("2026-10-25", (150, 240), "00:30", "03:00"),  # opens at the first 02:30
        ("2026-10-25", (60, 150), "23:00", "00:30"),  # closes at the first 02:30
    ],
)
def test_times_that_are_skipped_or_come_twice(
    day: str, hours: tuple[int, int], utc_from: str, utc_to: str
) -> None:
    calendar = BusinessCalendar(BERLIN, {6: (hours,)})
    opens = calendar.due(local(f"{day}T00:00"), timedelta())
    assert f"{opens:%H:%M}" == utc_from
    length = calendar.used(local(f"{day}T00:00"), local(f"{day}T23:00"))
    assert f"{opens + length:%H:%M}" == utc_to


def test_hours_within_the_skipped_hour_do_not_open() -> None:
    calendar = BusinessCalendar(BERLIN, {6: ((120, 180),)})
    skipped = local("2026-03-29T00:00")
    assert calendar.used(skipped, skipped + timedelta(days=1)) == timedelta()
    assert calendar.due(skipped, timedelta(hours=1)) == local("2026-04-05T03:00")


def test_a_day_that_a_country_skipped_has_no_hours() -> None:
    apia = ZoneInfo("Pacific/Apia")
    calendar = BusinessCalendar(apia, dict.fromkeys(range(7), ((540, 1020),)))
    start = local("2011-12-29T16:00", apia)
    assert calendar.due(start, timedelta(hours=2)) == local("2011-12-31T10:00", apia)


def test_round_the_clock_is_plain_time() -> None:
    start = local("2026-03-28T23:59:59.123456")
    due = BusinessCalendar.round_the_clock().due(start, timedelta(days=3, microseconds=1))
    assert due == start.astimezone(UTC) + timedelta(days=3, microseconds=1)


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        ("2026-01-14T08:59:59", False),
        ("2026-01-14T09:00", True),
        ("2026-01-14T16:59:59", True),
        ("2026-01-14T17:00", False),
        ("2026-01-17T12:00", False),
    ],
)
def test_opening_is_within_hours_and_closing_is_not(at: str, *, is_open: bool) -> None:
    assert OFFICE.is_open(local(at)) is is_open


def test_a_calendar_that_never_opens_ends_the_search() -> None:
    with pytest.raises(BeyondCalendarError):
        BusinessCalendar(BERLIN, {}).due(local("2026-01-14T09:00"), timedelta(hours=1))


def test_what_lies_beyond_the_horizon_is_refused() -> None:
    start = local("2026-01-14T09:00")
    with pytest.raises(BeyondCalendarError):
        OFFICE.due(start, timedelta(days=4000))
    with pytest.raises(BeyondCalendarError):
        OFFICE.used(start, start + HORIZON + timedelta(seconds=1))
    with pytest.raises(BeyondCalendarError):
        OFFICE.due(datetime(9999, 12, 31, 20, tzinfo=UTC), timedelta(hours=1))


def test_the_longest_promise_that_a_bundle_may_make_is_due_within_the_horizon() -> None:
    start = local("2026-01-04T09:00")
    holidays = frozenset(start.date() + timedelta(weeks=week) for week in range(MAX_HOLIDAYS))
    calendar = BusinessCalendar(BERLIN, {6: ((540, 600),)}, holidays)
    assert calendar.due(start, calendar.week_length() * WEEKS_AHEAD) < start + HORIZON


@st.composite
def calendars(draw: st.DrawFn) -> BusinessCalendar:
    zone = ZoneInfo(draw(st.sampled_from(ZONES)))
    week = {}
    for day in range(7):
        edges = draw(st.lists(st.integers(0, 96), unique=True, max_size=6).map(sorted))
        edges = [edge * 15 for edge in edges[: len(edges) // 2 * 2]]
        week[day] = tuple(zip(edges[::2], edges[1::2], strict=True))
    week[draw(st.integers(0, 6))] = ((draw(st.sampled_from([0, 15, 120])), 1440),)
    closed = draw(st.frozensets(st.dates(date(2010, 1, 1), date(2027, 1, 1)), max_size=5))
    return BusinessCalendar(zone, week, closed)


# About changes of the clock in the zones above, and anywhen.
NEAR = [
    datetime(2026, 3, 29, 1, tzinfo=UTC),
    datetime(2026, 10, 25, 1, tzinfo=UTC),
    datetime(2018, 2, 18, 2, tzinfo=UTC),
    datetime(2010, 11, 7, 3, tzinfo=UTC),
    datetime(2025, 11, 2, 5, tzinfo=UTC),
    datetime(2025, 3, 9, 5, tzinfo=UTC),
    datetime(2011, 12, 30, 10, tzinfo=UTC),
]
moments = st.one_of(
    st.datetimes(datetime(2010, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.builds(
        lambda near, off: near + timedelta(minutes=off),
        st.sampled_from(NEAR),
        st.integers(-3000, 3000),
    ),
)
durations = st.one_of(
    st.integers(0, 200 * 60).map(lambda minutes: timedelta(minutes=minutes)),
    st.timedeltas(timedelta(), timedelta(hours=200)),
)
lengths = st.timedeltas(timedelta(), timedelta(days=60))


@given(calendars(), moments, durations)
def test_until_it_is_due_exactly_what_is_allowed_is_used(
    calendar: BusinessCalendar, start: datetime, allowed: timedelta
) -> None:
    due = calendar.due(start, allowed)
    assert due >= start
    assert calendar.used(start, due) == allowed


@given(calendars(), moments, durations)
def test_nothing_earlier_would_do(
    calendar: BusinessCalendar, start: datetime, allowed: timedelta
) -> None:
    due = calendar.due(start, allowed)
    if allowed:
        assert calendar.used(start, due - timedelta(microseconds=1)) < allowed
    else:
        assert calendar.is_open(due)


@given(calendars(), moments, lengths, lengths)
def test_time_used_adds_up(
    calendar: BusinessCalendar, start: datetime, first: timedelta, second: timedelta
) -> None:
    middle, end = start + first, start + first + second
    assert calendar.used(start, middle) + calendar.used(middle, end) == calendar.used(start, end)


@given(calendars(), moments, durations, durations)
def test_what_is_allowed_adds_up(
    calendar: BusinessCalendar, start: datetime, first: timedelta, second: timedelta
) -> None:
    later = second + timedelta(microseconds=1)
    assert calendar.due(calendar.due(start, first), later) == calendar.due(start, first + later)


@given(calendars(), moments, lengths, durations, durations)
def test_later_starts_and_longer_promises_are_due_later(
    calendar: BusinessCalendar,
    start: datetime,
    delay: timedelta,
    allowed: timedelta,
    more: timedelta,
) -> None:
    assert calendar.due(start, allowed) <= calendar.due(start + delay, allowed)
    assert calendar.due(start, allowed) <= calendar.due(start, allowed + more)


@given(calendars(), moments, lengths)
def test_never_more_is_used_than_has_passed(
    calendar: BusinessCalendar, start: datetime, length: timedelta
) -> None:
    assert timedelta() <= calendar.used(start, start + length) <= length
    assert calendar.used(start + length, start) == timedelta()


@given(st.sampled_from(ZONES), moments, lengths)
@example("America/Havana", datetime(2025, 11, 1, tzinfo=UTC), timedelta(days=3))
@example("America/St_Johns", datetime(2010, 11, 6, tzinfo=UTC), timedelta(days=3))
@example("Pacific/Apia", datetime(2011, 12, 29, tzinfo=UTC), timedelta(days=3))
def test_whole_days_in_any_zone_leave_nothing_out(
    zone: str, start: datetime, length: timedelta
) -> None:
    calendar = BusinessCalendar(ZoneInfo(zone), dict.fromkeys(range(7), ((0, 1440),)))
    assert calendar.used(start, start + length) == length
    assert calendar.is_open(start)


@given(calendars(), moments)
@settings(max_examples=300)
def test_it_is_open_where_a_second_of_it_is_used(calendar: BusinessCalendar, at: datetime) -> None:
    at = at.replace(microsecond=0)
    used = calendar.used(at, at + timedelta(microseconds=1))
    assert calendar.is_open(at) is (used == timedelta(microseconds=1))


@given(calendars(), st.lists(st.tuples(moments, durations), min_size=2, max_size=6))
def test_the_order_in_which_it_is_asked_makes_no_difference(
    calendar: BusinessCalendar, asked: list[tuple[datetime, timedelta]]
) -> None:
    answers = [calendar.due(start, allowed) for start, allowed in asked]
    again = [calendar.due(start, allowed) for start, allowed in reversed(asked)]
    assert answers == again[::-1]
