"""What is on the topics, read by nobody's group, and records written as anybody might."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TypeVar
from uuid import UUID

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition

from baton import cloudevents, identity, kafka, topics
from baton.cloudevents import Event, Message
from baton.events import DeadLetter, EventData, LeadEvent
from baton.settings import KafkaSettings
from baton.topics import Topic

D = TypeVar("D", bound=EventData)
Found = TypeVar("Found")

PATIENCE = 90.0
"""How long anything may take, on a machine that is busy with something else."""

READ = [topic for topic in topics.ALL if topic is not topics.POLICY]


@dataclass(frozen=True)
class Record:
    """A record as it stands on a topic; `event` is None where it is none."""

    topic: str
    partition: int
    message: Message
    event: Event[EventData] | None


class Wire:
    """The records of all topics, in the order of each partition, since this began to read."""

    def __init__(
        self, settings: KafkaSettings, consumer: AIOKafkaConsumer, producer: AIOKafkaProducer
    ) -> None:
        self._settings = settings
        self._consumer = consumer
        self._producer = producer
        self._changed = asyncio.Condition()
        self.records: list[Record] = []

    async def read(self) -> None:
        """Until cancelled."""
        names = {kafka.topic_name(self._settings, topic): topic.name for topic in READ}
        while True:
            found = await self._consumer.getmany(timeout_ms=500)
            async with self._changed:
                for place, records in found.items():
                    self.records += [_record(names[place.topic], each) for each in records]
                self._changed.notify_all()

    async def until(self, look: Callable[[], Found]) -> Found:
        """What `look` finds, once it finds something."""
        async with asyncio.timeout(PATIENCE), self._changed:
            while not (found := look()):
                await self._changed.wait()
        return found

    def events(self, *kinds: type[D], lead: UUID | None = None) -> list[Event[D]]:
        """Those of these types, each id once, as first seen."""
        seen: dict[UUID, Event[D]] = {}
        for record in self.records:
            event = record.event
            if event is None or not isinstance(event.data, kinds):
                continue
            if lead is None or (isinstance(event.data, LeadEvent) and event.data.lead_id == lead):
                seen.setdefault(event.id, replace(event, data=event.data))  # type: ignore[arg-type]  # narrowed by isinstance
        return list(seen.values())

    async def event(
        self,
        kind: type[D],
        lead: UUID,
        where: Callable[[D], object] = lambda _: True,
    ) -> Event[D]:
        """The first of a lead that is so, once it is there."""

        def look() -> Event[D] | None:
            return next((e for e in self.events(kind, lead=lead) if where(e.data)), None)

        found = await self.until(look)
        assert found is not None
        return found

    def letters(self, dead_letter_id: UUID) -> list[DeadLetter]:
        """Every record of the topic `dead-letter` about one, copies included."""
        found = (r.event.data for r in self.records if r.event is not None)
        return [
            data
            for data in found
            if isinstance(data, DeadLetter) and data.dead_letter_id == dead_letter_id
        ]

    def message(self, event_id: UUID) -> Message:
        """An event's record as it was written."""
        return next(r.message for r in self.records if r.event and r.event.id == event_id)

    async def put(self, message: Message, partition: int | None = None) -> tuple[int, int]:
        """Write a record, to the partition of its key if none is named; returns where it is.

        That is its partition and its offset.
        """
        topic = next(topic for topic in topics.ALL if topic.name == message.topic)
        if partition is None:
            partition = identity.shard_of(message.key, self._settings.partitions)
        sent = await self._producer.send_and_wait(
            kafka.topic_name(self._settings, topic),
            value=message.value,
            key=message.key,
            headers=list(message.headers),
            partition=partition,
        )
        return partition, sent.offset


@asynccontextmanager
async def open_wire(settings: KafkaSettings, *, from_the_beginning: bool) -> AsyncIterator[Wire]:
    """Reads from now on, or all that the topics have."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        enable_auto_commit=False,
        fetch_max_wait_ms=50,
        max_partition_fetch_bytes=2 * kafka.MAX_RECORD_BYTES,
    )
    producer = kafka.producer(settings)
    await asyncio.gather(consumer.start(), producer.start())
    consumer.assign(list(_places(settings, READ)))
    if from_the_beginning:
        await consumer.seek_to_beginning()
    else:
        await consumer.seek_to_end()
    wire = Wire(settings, consumer, producer)
    reading = asyncio.create_task(wire.read())
    try:
        yield wire
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await asyncio.gather(consumer.stop(), producer.stop())


def _places(settings: KafkaSettings, read: Sequence[Topic]) -> Iterable[TopicPartition]:
    for topic in read:
        for number in range(kafka.partition_count(settings, topic)):
            yield TopicPartition(kafka.topic_name(settings, topic), number)


def _record(topic: str, record: "ConsumerRecord[bytes, bytes]") -> Record:
    try:
        event = cloudevents.decode(record.key, record.value, record.headers)
    except (cloudevents.NotDecodableError, cloudevents.UnknownTypeError):
        event = None
    message = Message(topic, record.key or b"", record.value or b"", record.headers)
    return Record(topic, record.partition, message, event)
