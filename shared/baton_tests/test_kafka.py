"""What of aiokafka Baton must put right."""

import asyncio
from datetime import timedelta

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError

from baton import kafka

SOON = timedelta(seconds=0.05)


class Leaving(AIOKafkaConsumer):  # type: ignore[misc]  # untyped
    """A consumer that leaves in a way of its own."""

    def __init__(self, way: BaseException | float) -> None:
        super().__init__(bootstrap_servers="127.0.0.1:1")
        self._closed = True
        self._way = way

    async def stop(self) -> None:
        if isinstance(self._way, float):
            await asyncio.sleep(self._way)
            return
        raise self._way


@pytest.mark.parametrize(
    "way",
    # uvloop says RuntimeError where a connection is lost already.
    [asyncio.CancelledError(), KafkaConnectionError(), RuntimeError(), 0.0, 60.0],
)
async def test_a_client_that_can_not_leave_in_order_holds_nobody_up_and_cancels_nobody(
    way: BaseException | float,
) -> None:
    await kafka.stop_client(Leaving(way), SOON)


async def test_a_producer_that_never_reached_kafka_leaves_too() -> None:
    producer = AIOKafkaProducer(bootstrap_servers="127.0.0.1:1")
    with pytest.raises(KafkaConnectionError):
        await producer.start()
    await kafka.stop_client(producer, SOON)
