"""Business seconds of a clock, by the calendar that it started with."""

from collections.abc import Mapping
from datetime import datetime

from baton.policy.bundle import Bundle
from baton.policy.calendar import HORIZON, BusinessCalendar
from sla_monitor.domain.state import Clock


class Hours:
    """The calendars of clocks. A clock uses the calendar of its own bundle. If this release cannot
    read that bundle, it uses the calendar of that name in the bundle in force. If there is none,
    every hour counts, so that facts can still be applied. The due time itself is stored in the
    clock.
    """

    def __init__(self, bundles: Mapping[str, Bundle], in_force: Bundle) -> None:
        self._bundles = bundles
        self._in_force = in_force

    def used(self, clock: Clock, start: datetime, end: datetime) -> int:
        """Whole business seconds between two moments, as far as a calendar tells."""
        until = min(end, start + HORIZON)
        return int(self._calendar(clock).used(start, until).total_seconds())

    def _calendar(self, clock: Clock) -> BusinessCalendar:
        bundle = self._bundles.get(clock.bundle, self._in_force)
        if clock.calendar not in bundle.calendars:
            return BusinessCalendar.round_the_clock()
        return bundle.calendar(clock.calendar)
