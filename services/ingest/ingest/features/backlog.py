"""Counts rows that wait for a person, for the metrics, and deletes rows after their retention."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from prometheus_client import Gauge

from baton.logs import logger
from ingest.deadline import DATABASE_AWAY

_BETWEEN_LOOKS = timedelta(minutes=1)
_LOG = logger(__name__)


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many entries wait, and since when the oldest."""

    number: int
    oldest: datetime | None


class Waiting(Protocol):
    """A table whose entries wait for somebody."""

    async def backlog(self) -> Backlog:
        """The rows that wait now."""

    async def delete_before(self, moment: datetime) -> None:
        """Remove what is past its retention."""


async def look_after(
    waiting: Waiting,
    retention: timedelta,
    clock: Callable[[], datetime],
    number: Gauge,
    age: Gauge,
) -> None:
    """Once a minute; until cancelled."""
    while True:
        try:
            await waiting.delete_before(clock() - retention)
            backlog = await waiting.backlog()
        except DATABASE_AWAY as error:
            _LOG.warning("waiting rows can't be counted", why=type(error).__name__)
        else:
            number.set(backlog.number)
            since = clock() - backlog.oldest if backlog.oldest else timedelta(0)
            age.set(since.total_seconds())
        await asyncio.sleep(_BETWEEN_LOOKS.total_seconds())
