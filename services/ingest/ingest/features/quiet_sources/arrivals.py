"""What this process has heard of each source and not yet written down."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Heard:
    """A source in an hour: bit n of `minutes` says that it was heard in minute n."""

    source: str
    hour: datetime
    minutes: int
    last_at: datetime


class Hearing:
    """Collects arrivals; what is collected is small, however many there are."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._heard: dict[tuple[str, datetime], Heard] = {}

    def came(self, source: str) -> None:
        """A delivery of a source has come."""
        now = self._clock()
        hour = now.replace(minute=0, second=0, microsecond=0)
        self.put_back([Heard(source, hour, 1 << now.minute, now)])

    def taken(self) -> list[Heard]:
        """All that was heard since the last time."""
        heard, self._heard = self._heard, {}
        return list(heard.values())

    def put_back(self, heard: Iterable[Heard]) -> None:
        """What was taken and could not be written down."""
        for each in heard:
            known = self._heard.get((each.source, each.hour), each)
            self._heard[each.source, each.hour] = Heard(
                each.source,
                each.hour,
                known.minutes | each.minutes,
                max(known.last_at, each.last_at),
            )
