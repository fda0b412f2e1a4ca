"""When clients may send: usually always."""

import asyncio
from dataclasses import dataclass, field


def _set() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@dataclass(frozen=True, slots=True)
class Pace:
    """Whoever delivers something waits for `delivering`, reps for `commanding`."""

    delivering: asyncio.Event = field(default_factory=_set)
    commanding: asyncio.Event = field(default_factory=_set)

    def hush(self) -> None:
        """From now on nobody sends."""
        self.delivering.clear()
        self.commanding.clear()

    def resume(self) -> None:
        """From now on everybody does."""
        self.delivering.set()
        self.commanding.set()
