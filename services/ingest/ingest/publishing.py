"""Where an event goes: to Kafka, to the spool while Kafka is away, or back to whoever sent it."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from baton import cloudevents, identity
from baton.cloudevents import Event, Message
from baton.events import EventData
from baton.kafka import MAX_RECORD_BYTES
from baton.metrics import IngestMetrics
from ingest.circuit import Circuit, KafkaAwayError
from ingest.patience import DATABASE_AWAY, within
from ingest.store import SpoolTable


class State(StrEnum):
    """Where an event is that was taken."""

    PUBLISHED = "published"
    SPOOLED = "spooled"


class NowhereToPutItError(Exception):
    """Neither Kafka nor PostgreSQL takes the event now: to be sent again later."""


class TooLargeEventError(ValueError):
    """The event would be larger than a record may be: it must be sent with less in it."""


class Spool:
    """The spool, and of which shards this process has events in it."""

    def __init__(self, table: SpoolTable, patience: timedelta) -> None:
        self._table = table
        self._patience = patience
        self._marked: set[int] = set()
        self._adds: Counter[int] = Counter()
        self._adding: Counter[int] = Counter()
        self.filled = asyncio.Event()
        """Set when there is something to forward."""

    def holds(self, shard: int) -> bool:
        """Whether this process has events of the shard in the spool: later ones must follow."""
        return shard in self._marked

    async def add(self, event_id: UUID, shard: int, message: Message, now: datetime) -> None:
        """Keep an event. Raises one of DATABASE_AWAY; the event may be kept all the same."""
        self._marked.add(shard)
        self._adds[shard] += 1
        self._adding[shard] += 1
        try:
            await within(self._patience, self._table.add(event_id, shard, message, now))
        finally:
            self._adding[shard] -= 1
        self.filled.set()

    async def look(self, metrics: IngestMetrics, now: datetime) -> bool:
        """Let go of shards whose events have all been forwarded; says whether any are left."""
        marked, adds = set(self._marked), self._adds.copy()
        size = await self._table.size()
        for shard in marked - size.shards:
            if self._adds[shard] == adds[shard] and not self._adding[shard]:
                self._marked.discard(shard)
        metrics.spool_rows.set(size.rows)
        metrics.spool_age.set(0 if size.oldest is None else (now - size.oldest).total_seconds())
        return size.rows > 0


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
        message = cloudevents.encode(event)
        if len(message.value) > MAX_RECORD_BYTES:
            raise TooLargeEventError(f"the event has {len(message.value)} bytes, over the bound")
        shard = identity.shard_of(message.key, self._shards)
        ways: list[tuple[State, Callable[[], Awaitable[None]]]] = [
            (State.PUBLISHED, lambda: self._circuit.send(message, shard)),
            (State.SPOOLED, lambda: self._spool.add(event.id, shard, message, self._clock())),
        ]
        for state, take in reversed(ways) if self._spool.holds(shard) else ways:
            try:
                await take()
            except (KafkaAwayError, *DATABASE_AWAY):
                continue
            if state is State.SPOOLED:
                self._metrics.spooled.inc()
            return state
        raise NowhereToPutItError
