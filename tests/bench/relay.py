"""A hop of the bare chain: what comes on one topic goes to another, with aiokafka and nothing else.

`python -m tests.bench.relay FROM TO`
"""

import asyncio
import sys

import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from baton import kafka
from baton.settings import KafkaSettings
from baton.times import Times

_MOST = 500


async def relay(settings: KafkaSettings, source: str, target: str) -> None:
    """Until the process is ended. It waits for each poll's acknowledgements, as a service must."""
    producer: AIOKafkaProducer = kafka.producer(settings)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=int(Times().poll.total_seconds() * 1000),
    )
    await producer.start()
    await consumer.start()
    consumer.assign([TopicPartition(source, number) for number in range(settings.partitions)])
    while True:
        polled = await consumer.getmany(timeout_ms=1_000, max_records=_MOST)
        sends = [
            await producer.send(
                target,
                record.value,
                key=record.key,
                partition=record.partition,
                headers=list(record.headers),
            )
            for records in polled.values()
            for record in records
        ]
        await asyncio.gather(*sends)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(relay(KafkaSettings(), *sys.argv[1:]))
