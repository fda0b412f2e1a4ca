"""Where an event goes: to Kafka, to the spool while Kafka is away, or back to whoever sent it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from enum import StrEnum

from baton import cloudevents, identity
from baton.cloudevents import Event
from baton.events import EventData
from baton.kafka import MAX_RECORD_BYTES
from baton.metrics import IngestMetrics
from ingest.circuit import Circuit, KafkaAwayError
from ingest.patience import DATABASE_AWAY, within
from ingest.store import Addressed, SpoolTable


class State(StrEnum):
    """Where an event is that was taken."""

    PUBLISHED = "published"
    SPOOLED = "spooled"
    QUARANTINED = "quarantined"
    WAITING = "waiting"


class NowhereToPutItError(Exception):
    """Neither Kafka nor PostgreSQL takes the event now: to be sent again later."""


class TooLargeEventError(ValueError):
    """The event would be larger than a record may be: it must be sent with less in it."""


NotTaken = NowhereToPutItError | TooLargeEventError
NOT_TAKEN = (NowhereToPutItError, TooLargeEventError)


class Spool:
    """The spool, and of which shards this process has events in it."""

    def __init__(self, table: SpoolTable, patience: timedelta) -> None:
        self._table = table
        self._patience = patience
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

    async def holds(self, shard: int) -> bool:
        """Whether this process has events of the shard in the spool: later ones must follow.

        Waits while the last of them are handed over.
        """
        while shard in self._shards and not self._open.is_set():
            await self._open.wait()
        return shard in self._shards

    async def add(self, event: Addressed, now: datetime) -> None:
        """Keep an event. Raises one of DATABASE_AWAY; the event may be kept all the same."""
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
        """How many events of any process there are."""
        size = await self._table.size()
        metrics.spool_rows.set(size.rows)
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
            self._shards -= before - (await self._table.size()).shards
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
        ready = [at for at, each in given.items() if not await self._spool.holds(each.shard)]
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
        shard = given.shard
        ways: list[tuple[State, Callable[[], Awaitable[None]]]] = [
            (State.PUBLISHED, lambda: self._circuit.send(given.message, shard)),
            (State.SPOOLED, lambda: self._spool.add(given, self._clock())),
        ]
        for state, take in reversed(ways) if await self._spool.holds(shard) else ways:
            try:
                await take()
            except (KafkaAwayError, *DATABASE_AWAY):
                continue
            if state is State.SPOOLED:
                self._metrics.spooled.inc()
            return state
        raise NowhereToPutItError
