"""Arrivals of deliveries in this process that are not in the database yet."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Arrival:
    """A source in an hour: bit n of `minutes` says that it was heard in minute n."""

    source: str
    hour: datetime
    minutes: int
    last_at: datetime


class ArrivalLog:
    """Collects arrivals; what is collected is small, however many there are."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._arrivals: dict[tuple[str, datetime], Arrival] = {}

    def count_arrival(self, source: str) -> None:
        """A delivery of a source has come."""
        now = self._clock()
        hour = now.replace(minute=0, second=0, microsecond=0)
        self.put_back([Arrival(source, hour, 1 << now.minute, now)])

    def take_all(self) -> list[Arrival]:
        """All that was heard since the last time."""
        arrivals, self._arrivals = self._arrivals, {}
        return list(arrivals.values())

    def put_back(self, arrivals: Iterable[Arrival]) -> None:
        """Put arrivals back that could not be written to the database."""
        for arrival in arrivals:
            known = self._arrivals.get((arrival.source, arrival.hour), arrival)
            self._arrivals[arrival.source, arrival.hour] = Arrival(
                arrival.source,
                arrival.hour,
                known.minutes | arrival.minutes,
                max(known.last_at, arrival.last_at),
            )
