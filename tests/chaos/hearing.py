"""Hears all that is on the topics of leads, as it comes."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from baton import topics
from baton.settings import KafkaSettings

HEARD = (
    topics.LEAD_CAPTURED,
    topics.LEAD_ACTIVITY,
    topics.LEAD_SCORED,
    topics.LEAD_ROUTED,
    topics.LEAD_FOLLOWUP,
    topics.LEAD_SLA,
)
Work = Coroutine[None, None, None]
Hear = Callable[[str, ConsumerRecord], None]
"""Is given the topic's own name, and the record."""


def routed(topic: str, record: ConsumerRecord) -> Mapping[str, Any] | None:
    """The data of an event that gives a lead to a rep; None for other records."""
    if topic != topics.LEAD_ROUTED.name:
        return None
    if (b"baton.lead.routed.v1") not in dict(record.headers).values():
        return None
    try:
        data: Mapping[str, Any] = json.loads(record.value or b"")
    except ValueError:
        return None
    return data


async def hear_all(settings: KafkaSettings, hear: Hear) -> None:
    """Until cancelled, through whatever befalls Kafka."""
    names = {settings.topic_prefix + topic.name: topic.name for topic in HEARD}
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=100,
    )
    await consumer.start()
    try:
        consumer.assign(
            [TopicPartition(name, n) for name in names for n in range(settings.partitions)]
        )
        while True:
            try:
                found = await consumer.getmany(timeout_ms=500)
            except KafkaError:
                await asyncio.sleep(0.2)
                continue
            for place, records in found.items():
                for record in records:
                    hear(names[place.topic], record)
    finally:
        await consumer.stop()
