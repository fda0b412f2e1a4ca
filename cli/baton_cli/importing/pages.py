"""A file in batches: as much as goes out at a time, and where the file goes on behind it."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from baton_cli.importing.deliveries import Deliveries, Delivery
from baton_cli.importing.lines import Lines, Place
from baton_cli.importing.rows import Broken, Format

_MOST_BYTES = 1_048_576


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows one after the other; `place` is where the next page begins."""

    deliveries: list[Delivery]
    broken: list[Broken]
    place: Place

    @property
    def rows(self) -> int:
        return len(self.deliveries) + len(self.broken)


def pages(lines: Lines, format_: Format, deliveries: Deliveries, most_rows: int) -> Iterator[Page]:
    """The rows from where `lines` stands on; each page ends where a row ends."""
    good: list[Delivery] = []
    broken: list[Broken] = []
    size = 0
    for line in chain(lines, [None]):
        rows = format_.end() if line is None else format_.read(line)
        for delivery in deliveries.of(rows):
            if isinstance(delivery, Broken):
                broken.append(delivery)
            else:
                good.append(delivery)
                size += len(delivery.body)
        full = len(good) + len(broken) >= most_rows or size >= _MOST_BYTES
        if line is None or (full and format_.between):
            yield Page(good, broken, lines.place)
            good, broken, size = [], [], 0
