"""Where an event goes: to Kafka, to the spool while Kafka is away, or back to whoever sent it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from baton import cloudevents, identity
from baton.cloudevents import Event
from baton.events import EventData
from baton.kafka import MAX_RECORD_BYTES
from ingest.deadline import DATABASE_AWAY, within
from ingest.metrics import IngestMetrics
from ingest.publish.circuit import Circuit, KafkaAwayError
from ingest.publish.spool_store import Addressed, SpoolSize, SpoolTable

_BETWEEN_COUNTS = timedelta(seconds=10)


class State(StrEnum):
    """Where an event is that was taken."""

    PUBLISHED = "published"
    SPOOLED = "spooled"
    QUARANTINED = "quarantined"
    FETCHING = "fetching"
    WAITING = "waiting"


class NowhereToPutItError(Exception):
    """Neither Kafka nor PostgreSQL takes the event now: to be sent again later."""


class TooLargeEventError(ValueError):
    """The event would be larger than a record may be: it must be sent with less in it."""


NotTaken = NowhereToPutItError | TooLargeEventError
NOT_TAKEN = (NowhereToPutItError, TooLargeEventError)


class SpoolFullError(Exception):
    """The spool has as much as it may; nothing is added until some of it has been forwarded."""


@dataclass(frozen=True, slots=True)
class SpoolBounds:
    """The most that may be in the spool, of all processes together."""

    rows: int
    bytes: int

    def allow(self, size: SpoolSize) -> bool:
        return size.rows < self.rows and size.bytes < self.bytes


class Spool:
    """The spool, and of which shards this process has events in it."""

    def __init__(self, table: SpoolTable, patience: timedelta, bounds: SpoolBounds) -> None:
        self._table = table
        self._patience = patience
        self._bounds = bounds
        self._count_from = datetime.min.replace(tzinfo=UTC)
        self.full = False
        self._shards: set[int] = set()
        self._adding = 0
        self._nothing_added = asyncio.Event()
        self._nothing_added.set()
        self._open = asyncio.Event()
        self._open.set()
        self.filled = asyncio.Event()
        """Set when there is something to forward."""

    @property
    def used(self) -> bool:
        """Whether any of this process's shards goes through the spool."""
        return bool(self._shards)

    def holds(self, shard: int) -> bool:
        """Whether this process has events of the shard in the spool: later ones must follow."""
        return shard in self._shards

    async def handed_over(self, shards: Collection[int]) -> bool:
        """Wait while the last events of these shards are handed over.

        False where that takes too long: the database hangs, and Kafka alone is left to be tried.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._patience.total_seconds()):
                while not self._open.is_set() and not self._shards.isdisjoint(shards):
                    await self._open.wait()
                return True
        return False

    async def add(self, event: Addressed, now: datetime) -> None:
        """Keep an event.

        Raises SpoolFullError, and one of DATABASE_AWAY: then the event may be kept all the same.
        """
        if self.full:
            raise SpoolFullError
        self._shards.add(event.shard)
        self._adding += 1
        self._nothing_added.clear()
        try:
            await within(self._patience, self._table.add([event], now))
        finally:
            self._adding -= 1
            if not self._adding:
                self._nothing_added.set()
        self.filled.set()

    async def look(self, metrics: IngestMetrics, now: datetime) -> int:
        """How many events of any process there are, at most; whether it is full is known then."""
        size = await self._table.size()
        if self._bounds.allow(size):
            self.full = False
        elif now >= self._count_from:
            size = await self._table.counted()
            self._count_from = now + _BETWEEN_COUNTS
            self.full = not self._bounds.allow(size)
        metrics.spool_rows.set(size.rows)
        metrics.spool_bytes.set(size.bytes)
        metrics.spool_age.set(0 if size.oldest is None else (now - size.oldest).total_seconds())
        return size.rows

    @asynccontextmanager
    async def handing_over(self) -> AsyncIterator[None]:
        """For the time of the block, events that would follow others through the spool wait.

        At its end, those shards are let go of which nothing is left; without such a moment, a
        shard that is never quiet would go through the spool for ever.
        """
        self._open.clear()
        try:
            await self._nothing_added.wait()
            before = set(self._shards)
            yield
            self._shards -= before - await self._table.shards()
        finally:
            self._open.set()


def addressed(event: Event[EventData], shards: int) -> Addressed:
    """Where an event goes, as bytes. Raises TooLargeEventError."""
    message = cloudevents.encode(event)
    if len(message.value) > MAX_RECORD_BYTES:
        raise TooLargeEventError(f"the event has {len(message.value)} bytes, over the bound")
    partitions = shards if event.data.topic.sharded else 1
    return Addressed(event.id, identity.shard_of(message.key, partitions), message)


class Publisher:
    """Takes events for Kafka, as long as Kafka or PostgreSQL is there."""

    def __init__(
        self,
        circuit: Circuit,
        spool: Spool,
        shards: int,
        clock: Callable[[], datetime],
        metrics: IngestMetrics,
    ) -> None:
        self._circuit = circuit
        self._spool = spool
        self._shards = shards
        self._clock = clock
        self._metrics = metrics

    async def publish(self, event: Event[EventData]) -> State:
        """Returns when Kafka or the spool has the event.

        While this process has events of a shard in the spool, that shard's events follow them
        through it. Where the database is away too, being taken comes before being in order.
        Raises NowhereToPutItError and TooLargeEventError.
        """
        return await self._put(addressed(event, self._shards))

    async def publish_all(self, events: Sequence[Event[EventData]]) -> list[State | NotTaken]:
        """As `publish` for each, in their order; Kafka is asked once for all of them."""
        put: dict[int, State | NotTaken] = {}
        given: dict[int, Addressed] = {}
        for place, event in enumerate(events):
            try:
                given[place] = addressed(event, self._shards)
            except TooLargeEventError as error:
                put[place] = error
        handed_over = await self._spool.handed_over({each.shard for each in given.values()})
        ready = [
            at for at, each in given.items() if not (handed_over and self._spool.holds(each.shard))
        ]
        if ready:
            sent = await self._circuit.send_all([(given[n].message, given[n].shard) for n in ready])
            put |= {at: State.PUBLISHED for at, there in zip(ready, sent, strict=True) if there}
        left = [at for at in given if at not in put]
        put |= zip(left, await asyncio.gather(*(self._tried(given[n]) for n in left)), strict=True)
        return [put[place] for place in range(len(events))]

    async def _tried(self, given: Addressed) -> State | NowhereToPutItError:
        try:
            return await self._put(given)
        except NowhereToPutItError as error:
            return error

    async def _put(self, given: Addressed) -> State:
        for state in await self._ways(given.shard):
            try:
                if state is State.PUBLISHED:
                    await self._circuit.send(given.message, given.shard)
                else:
                    await self._spool.add(given, self._clock())
            except (KafkaAwayError, SpoolFullError, *DATABASE_AWAY):
                continue
            if state is State.SPOOLED:
                self._metrics.spooled.inc()
            return state
        raise NowhereToPutItError

    async def _ways(self, shard: int) -> Sequence[State]:
        """What to try, in this order; all of it before the sender gives up."""
        if not await self._spool.handed_over((shard,)):
            return (State.PUBLISHED,)
        if self._spool.holds(shard):
            return (State.SPOOLED, State.PUBLISHED)
        return (State.PUBLISHED, State.SPOOLED)
