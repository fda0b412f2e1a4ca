"""Sends events to Kafka as long as it answers in time. If it does not, refuses each send at once
until Kafka answers again; the publisher then uses the spool.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import RecordMetadata

from baton.cloudevents import Message
from baton.kafka import MAX_RECORD_BYTES
from baton.logs import logger
from ingest.supervision import is_cancelled

_LOG = logger(__name__)


class KafkaAwayError(Exception):
    """Kafka did not acknowledge in time; it may have the event all the same."""


class Circuit:
    """Holds one producer, and replaces it after a failure. As in an electric circuit, `closed`
    means that events flow. aiokafka's idempotent producer never gives up by itself. The deadline
    ends the producer, so that it does not send events later which were put into the spool.
    """

    def __init__(
        self,
        make: Callable[[], AIOKafkaProducer],
        names: Mapping[str, str],
        partitions: Mapping[str, int],
        deadline: timedelta,
        pause: timedelta,
    ) -> None:
        """`names` has the names of the topics in this deployment, by topic; `partitions` their
        numbers of partitions.

        `deadline`: for a send; `pause`: between two attempts to reach Kafka again.
        """
        self._make = make
        self._names = names
        self._partitions = partitions
        self._deadline = deadline.total_seconds()
        self._pause = pause.total_seconds()
        self._producer: AIOKafkaProducer | None = None
        self._opened = asyncio.Event()
        self.closed = asyncio.Event()
        """Set while events can go to Kafka."""

    async def send(self, message: Message, shard: int) -> None:
        """Returns when Kafka has the event. Raises KafkaAwayError, at once while it is away."""
        (sent,) = await self.send_all([(message, shard)])
        if not sent:
            raise KafkaAwayError

    def refusal(self, message: Message, shard: int) -> str | None:
        """The reason why an event can never be sent, or None if a send can be tried."""
        if message.topic not in self._names:
            return f"this release writes no topic {message.topic}"
        if not 0 <= shard < self._partitions[message.topic]:
            return f"{message.topic} has no partition {shard}"
        if len(message.value) > MAX_RECORD_BYTES:
            return f"an event is larger than {MAX_RECORD_BYTES} bytes"
        return None

    async def send_all(self, messages: Sequence[tuple[Message, int]]) -> list[bool]:
        """Send in this order; says of each whether Kafka has it. Raises nothing."""
        producer = self._producer
        if producer is None or not messages:
            return [False] * len(messages)
        pending: list[asyncio.Future[RecordMetadata]] = []
        why = "not acknowledged"
        try:
            async with asyncio.timeout(self._deadline):
                for message, shard in messages:
                    sending = await producer.send(
                        self._names[message.topic],
                        message.value,
                        key=message.key,
                        partition=shard,
                        headers=list(message.headers),
                    )
                    pending.append(sending)
                await asyncio.wait(pending)
        except (KafkaError, OSError, TimeoutError) as error:
            why = type(error).__name__
        sent = [_acknowledged(future) for future in pending]
        sent += [False] * (len(messages) - len(sent))
        if not all(sent):
            self._open(producer, why)
        return sent

    def _open(self, producer: AIOKafkaProducer, why: str) -> None:
        if self._producer is producer:
            _LOG.warning("Kafka is away; events go to the spool", why=why)
            self._producer = None
            self.closed.clear()
            self._opened.set()

    async def keep(self) -> None:
        """Have a producer whenever Kafka is there; runs until it is cancelled."""
        while True:
            producer = self._make()
            try:
                if await self._reach(producer):
                    await self._opened.wait()
            finally:
                self._producer = None
                self.closed.clear()
                await abandon(producer)
            if is_cancelled():
                # aiokafka's sender takes a cancellation that comes while we wait for its end as its
                # own, so that none reaches us.
                raise asyncio.CancelledError
            await asyncio.sleep(self._pause)

    async def _reach(self, producer: AIOKafkaProducer) -> bool:
        try:
            async with asyncio.timeout(10 * self._deadline):
                await producer.start()
                for topic, name in self._names.items():
                    found, want = len(await producer.partitions_for(name)), self._partitions[topic]
                    if found != want:
                        _LOG.error(
                            "a topic has the wrong number of partitions, events go to the spool",
                            topic=name,
                            found=found,
                            want=want,
                        )
                        return False
        except (KafkaError, OSError, TimeoutError) as error:
            _LOG.warning("Kafka can't be reached", why=type(error).__name__)
            return False
        self._opened.clear()
        self._producer = producer
        self.closed.set()
        _LOG.info("Kafka takes events")
        return True


def _acknowledged(future: "asyncio.Future[RecordMetadata]") -> bool:
    """Whether Kafka has it; what is still open by now is given up on."""
    return not future.cancel() and not future.cancelled() and future.exception() is None


async def abandon(producer: AIOKafkaProducer) -> None:
    """End a producer without waiting for what it holds; `stop` alone waits for that for ever.

    It takes as long as the request that is under way, `request_timeout_ms` at most.
    """
    await producer._sender.close()  # noqa: SLF001 - the library has no way to give up
    accumulator = producer._message_accumulator  # noqa: SLF001 - as above
    batches_held = [batch for batches in accumulator._batches.values() for batch in batches]  # noqa: SLF001
    accumulator.fail_all(KafkaAwayError())
    for batch in batches_held:
        # Nobody waits for it to be drained, and asyncio logs an exception that nobody has seen.
        batch._drain_waiter.exception()  # noqa: SLF001
    await producer.stop()
