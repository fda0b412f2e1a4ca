"""What the wire does to records: copies come again, late; and some are spoilt."""

import asyncio
import random
from collections import defaultdict
from dataclasses import dataclass, field, replace
from uuid import uuid4

from aiokafka import AIOKafkaProducer, ConsumerRecord

from baton import cloudevents
from baton.cloudevents import Message
from baton.settings import KafkaSettings
from tests.chaos.checker.seen import Seen, Spoilt
from tests.e2e.spoiling import SPOILT_SMALL, with_header

_COPIED = 0.04
_LATEST = 6.0
_SPOILT_BY_TOPIC = 4
_SPOILT = 0.01


@dataclass
class Wire:
    """`seen` learns of what was spoilt. It is `pauses` times as late as it otherwise would be."""

    settings: KafkaSettings
    producer: AIOKafkaProducer
    seen: Seen
    chance: random.Random
    pauses: float
    # Held while something is put, so that what comes back of it is known as its own.
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _own: set[tuple[str, int, int]] = field(default_factory=set)
    _spoilt: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    def wants(self) -> bool:
        """Whether something is to be done with a record; by chance."""
        return self.chance.random() < _COPIED + _SPOILT

    async def disturb(self, topic: str, record: "ConsumerRecord[bytes, bytes]") -> None:
        """Copy a record, or put one beside it that looks like it and can't be read."""
        await asyncio.sleep(self.chance.uniform(0, _LATEST * self.pauses))
        message = Message(topic, record.key or b"", record.value or b"", record.headers)
        spoil = self.chance.random() < _SPOILT / (_COPIED + _SPOILT)
        async with self._turn:
            if (topic, record.partition, record.offset) in self._own:
                return
            if spoil and self._spoilt[topic] < _SPOILT_BY_TOPIC:
                self._spoilt[topic] += 1
                await self._spoil(message, record.partition)
            else:
                await self._put(message, record.partition)

    async def _spoil(self, message: Message, partition: int) -> None:
        another = with_header(message, "ce_id", str(uuid4()).encode())
        spoilt = self.chance.choice(SPOILT_SMALL)(replace(another, headers=another.headers))
        offset = await self._put(spoilt, partition)
        type_name = cloudevents.event_type(message.headers) or ""
        self.seen.spoilt.append(
            Spoilt(topic=message.topic, partition=partition, offset=offset, type=type_name)
        )

    async def _put(self, message: Message, partition: int) -> int:
        """Returns the offset, however long Kafka is away meanwhile."""
        sent = await self.producer.send_and_wait(
            self.settings.topic_prefix + message.topic,
            value=message.value,
            key=message.key,
            headers=list(message.headers),
            partition=partition,
        )
        offset: int = sent.offset
        self._own.add((message.topic, partition, offset))
        return offset
