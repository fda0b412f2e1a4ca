"""How the circuit ends, whatever its Kafka client does meanwhile."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any, cast

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError

from baton.cloudevents import Message
from ingest.publish.circuit import Circuit

SECOND = timedelta(seconds=1)


class Sender:
    """As aiokafka's: it ends without a word when its end is waited for and that is cancelled."""

    def __init__(self) -> None:
        self.ends = asyncio.Event()

    async def close(self) -> None:
        self.ends.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()


class Accumulator:
    """Of a producer that holds nothing."""

    def __init__(self) -> None:
        self._batches: dict[Any, Any] = {}

    def fail_all(self, error: Exception) -> None:
        pass


class Producer:
    """A client whose Kafka goes away after it has connected."""

    def __init__(self) -> None:
        self._sender = Sender()
        self._message_accumulator = Accumulator()

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        pass

    async def partitions_for(self, topic: str) -> set[int]:
        return {0}

    async def send(self, *given: object, **named: object) -> None:
        raise KafkaConnectionError


async def test_it_ends_when_it_is_cancelled_while_it_waits_for_a_failed_client_to_end() -> None:
    producer = Producer()

    def make() -> Iterator[AIOKafkaProducer]:
        yield cast("AIOKafkaProducer", producer)
        pytest.fail("it went on")

    made = make()
    circuit = Circuit(lambda: next(made), {"t": "t"}, {"t": 1}, SECOND, timedelta(0))
    keeping = asyncio.create_task(circuit.keep())
    await circuit.closed.wait()
    assert await circuit.send_all([(Message("t", b"k", b"v", ()), 0)]) == [False]
    await producer._sender.ends.wait()
    keeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await keeping
