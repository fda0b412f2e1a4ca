"""The pace of bulk: what a batch may send while those who read it, and live leads, must keep up."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from aiokafka.errors import KafkaError

from baton.logs import logger
from ingest.metrics import IngestMetrics

_LOOK_S = 0.25
"""Between two looks at the groups, which note as often how far they are."""

_OVER_S = 2.0
"""How fast a group reads is measured over so many seconds."""

_IDLE_S = 5.0
"""After so long without a batch nobody looks any more."""

_ANSWER_S = 5.0
"""The time limit for Kafka's answer about the groups' positions."""

_WHERE_NOBODY_READS = 1_000_000
_HELD_S = 1.0
_LOG = logger(__name__)


@dataclass(frozen=True, slots=True)
class Standing:
    """Of a group: how many records it has read, and how many wait for it."""

    read: int
    waiting: int


class Groups(Protocol):
    """The consumer groups that read the published events."""

    async def stand(self) -> Mapping[str, Standing]:
        """Each by its name. Raises an error of Kafka's."""


Connect = Callable[[], AbstractAsyncContextManager[Groups]]


class Room:
    """How much bulk there is room for.

    As much may wait for a group as it reads within a time; so a live lead, which comes behind it,
    waits no longer than that for the group. A group that has nothing to do gets a step, and reads
    it; the next time it may be more.
    """

    def __init__(self, within: float, step: int) -> None:
        """`within` in seconds, `step` in records."""
        self._within = within
        self._step = step
        self._standings: deque[tuple[float, Mapping[str, Standing]]] = deque()

    def at(self, now: float, stand: Mapping[str, Standing]) -> int:
        """How many records may be sent; `now` is of a steady clock, in seconds."""
        while len(self._standings) > 1 and now - self._standings[1][0] >= _OVER_S:
            self._standings.popleft()
        self._standings.append((now, stand))
        rooms = (self._window(group) - standing.waiting for group, standing in stand.items())
        return max(0, min(rooms, default=_WHERE_NOBODY_READS))

    def _window(self, group: str) -> int:
        began, first = self._standings[0]
        ended, last = self._standings[-1]
        if group not in first or ended == began:
            return self._step
        rate = (last[group].read - first[group].read) / (ended - began)
        return max(self._step, int(rate * self._within))


class Pace:
    """Slows all batches down together when the consumer groups are behind. Single deliveries are
    never slowed down. While Kafka does not report the groups' positions, batches wait after their
    first step, because the spool's room is for single leads.
    """

    def __init__(self, within: timedelta, step: int, metrics: IngestMetrics) -> None:
        """`within`: how long what batches have sent may take a group; `step`: see `Room`."""
        self._within = within.total_seconds()
        self._step = self._room = step
        self._metrics = metrics
        self._turn = asyncio.Lock()
        self._is_needed = asyncio.Event()
        self._looked = asyncio.Event()

    async def take(self, records: int) -> None:
        """Returns when so many may be sent; who asked first is first."""
        async with self._turn:
            self._is_needed.set()
            since = time.monotonic()
            while self._room <= 0:
                self._looked.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_HELD_S):
                        await self._looked.wait()
                now = time.monotonic()
                self._metrics.bulk_held.inc(now - since)
                since = now
            self._room -= records

    async def keep(self, connect: Connect) -> None:
        """Look at the groups while there are batches; until cancelled."""
        while True:
            await self._is_needed.wait()
            try:
                async with connect() as groups:
                    await self._look(groups)
            except (KafkaError, OSError, TimeoutError) as error:
                _LOG.warning(
                    "uploads of batches wait until Kafka reports the services' lag",
                    why=type(error).__name__,
                )
                await asyncio.sleep(_HELD_S)

    async def _look(self, groups: Groups) -> None:
        """Until no batch has come for a while."""
        room = Room(self._within, self._step)
        wanted_at = time.monotonic()
        while time.monotonic() - wanted_at < _IDLE_S:
            if self._is_needed.is_set() or self._turn.locked():
                wanted_at = time.monotonic()
                self._is_needed.clear()
            async with asyncio.timeout(_ANSWER_S):
                stand = await groups.stand()
            for group, standing in stand.items():
                self._metrics.bulk_lag.labels(group).set(standing.waiting)
            self._room = room.at(time.monotonic(), stand)
            self._looked.set()
            await asyncio.sleep(_LOOK_S)
        self._room = self._step
