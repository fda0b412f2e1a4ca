"""Times and durations as people read them: in the zone of the machine that they sit at."""

from datetime import datetime, timedelta

_DAY = timedelta(days=1)


def moment(time: datetime) -> str:
    """A time by itself: `2026-10-01 09:00:00 CEST`."""
    return f"{time.astimezone():%Y-%m-%d %H:%M:%S %Z}"


def moment_in_zone(time: datetime) -> str:
    """As `moment`, where a heading names the zone."""
    return f"{time.astimezone():%Y-%m-%d %H:%M:%S}"


def zone() -> str:
    """The name of the machine's time zone now."""
    return f"{datetime.now().astimezone():%Z}"


def moment_near(time: datetime, to: datetime) -> str:
    """A time as it is written beside another one: without the date if that is the same."""
    there, here = time.astimezone(), to.astimezone()
    return f"{there:%H:%M:%S}" if there.date() == here.date() else f"{there:%Y-%m-%d %H:%M:%S}"


def duration(time: timedelta) -> str:
    """The two largest units that it has: `2 h 5 min`, `40 s`. Below a second, `0 s`."""
    seconds = int(time.total_seconds())
    parts = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        number, seconds = divmod(seconds, size)
        if number:
            parts.append(f"{number} {unit}")
    return " ".join(parts[:2]) or "0 s"
