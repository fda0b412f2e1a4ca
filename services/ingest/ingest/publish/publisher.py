"""Where an event goes: to Kafka, or to the spool while Kafka is away."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum

from baton import cloudevents, identity
from baton.cloudevents import Event
from baton.events import EventData
from baton.kafka import MAX_RECORD_BYTES
from ingest.deadline import DATABASE_AWAY
from ingest.errors import IntakeError, StorageAwayError, TooLargeError
from ingest.metrics import IngestMetrics
from ingest.publish.circuit import Circuit, KafkaAwayError
from ingest.publish.spool import Spool, SpoolFullError
from ingest.publish.spool_store import Addressed


class State(StrEnum):
    """Where an event is that was taken."""

    PUBLISHED = "published"
    SPOOLED = "spooled"
    QUARANTINED = "quarantined"
    FETCHING = "fetching"
    WAITING = "waiting"


def addressed(event: Event[EventData], shards: int) -> Addressed:
    """Where an event goes, as bytes. Raises TooLargeError."""
    message = cloudevents.encode(event)
    if len(message.value) > MAX_RECORD_BYTES:
        raise TooLargeError(f"the event has {len(message.value)} bytes, over the bound")
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
        Raises StorageAwayError and TooLargeError.
        """
        return await self._put(addressed(event, self._shards))

    async def publish_all(self, events: Sequence[Event[EventData]]) -> list[State | IntakeError]:
        """As `publish` for each, in their order; Kafka is asked once for all of them."""
        put: dict[int, State | IntakeError] = {}
        messages: dict[int, Addressed] = {}
        for place, event in enumerate(events):
            try:
                messages[place] = addressed(event, self._shards)
            except TooLargeError as error:
                put[place] = error
        handed_over = await self._spool.handed_over(
            {message.shard for message in messages.values()}
        )
        ready = [
            at
            for at, message in messages.items()
            if not (handed_over and self._spool.holds(message.shard))
        ]
        if ready:
            sent = await self._circuit.send_all(
                [(messages[n].message, messages[n].shard) for n in ready]
            )
            put |= {at: State.PUBLISHED for at, there in zip(ready, sent, strict=True) if there}
        left = [at for at in messages if at not in put]
        put |= zip(
            left, await asyncio.gather(*(self._tried(messages[n]) for n in left)), strict=True
        )
        return [put[place] for place in range(len(events))]

    async def _tried(self, message: Addressed) -> State | IntakeError:
        try:
            return await self._put(message)
        except StorageAwayError as error:
            return error

    async def _put(self, message: Addressed) -> State:
        for state in await self._ways(message.shard):
            try:
                if state is State.PUBLISHED:
                    await self._circuit.send(message.message, message.shard)
                else:
                    await self._spool.add(message, self._clock())
            except (KafkaAwayError, SpoolFullError, *DATABASE_AWAY):
                continue
            if state is State.SPOOLED:
                self._metrics.spooled.inc()
            return state
        raise StorageAwayError

    async def _ways(self, shard: int) -> Sequence[State]:
        """The destinations to try, in this order."""
        if not await self._spool.handed_over((shard,)):
            return (State.PUBLISHED,)
        if self._spool.holds(shard):
            return (State.SPOOLED, State.PUBLISHED)
        return (State.PUBLISHED, State.SPOOLED)
