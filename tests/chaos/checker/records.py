"""The records of a deployment's topics, as any reader finds them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

TOPICS = (
    "lead-captured",
    "lead-activity",
    "lead-scored",
    "lead-routed",
    "lead-followup",
    "lead-sla",
    "lead-identity",
    "dead-letter",
    "operations",
)


@dataclass(frozen=True, slots=True)
class Found:
    """A record that is an event, by the published contract."""

    topic: str
    partition: int
    offset: int
    id: UUID
    type: str
    lead_id: UUID | None
    sequence: int | None
    content: tuple[bytes, tuple[tuple[str, bytes | None], ...]]
    """Value and headers: the same for all copies of an event."""
    data: Mapping[str, Any]
    written_at: datetime
    """When it was given to Kafka; of `lead-followup` by the broker's own clock."""

    @property
    def kind(self) -> str:
        """The type without what all have in common."""
        return self.type.removeprefix("baton.").rpartition(".")[0]


async def read_all(bootstrap: str, prefix: str) -> list[Found]:
    """All events, by partition in the order of the log, copies included; no spoilt records."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        places = [p for topic in TOPICS for p in await _places(consumer, prefix + topic)]
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        found: dict[TopicPartition, list[ConsumerRecord[bytes, bytes]]] = {p: [] for p in places}
        # Not the last record's offset: one may be a marker, which nobody is given.
        while any([await consumer.position(place) < ends[place] for place in places]):
            for place, records in (await consumer.getmany(timeout_ms=1000)).items():
                found[place] += records
    finally:
        await consumer.stop()
    return [
        event
        for place, records in found.items()
        for event in _events(place.topic.removeprefix(prefix), records)
    ]


async def _places(consumer: AIOKafkaConsumer, topic: str) -> Sequence[TopicPartition]:
    cluster = await consumer._client.fetch_all_metadata()
    return [TopicPartition(topic, n) for n in sorted(cluster.partitions_for_topic(topic) or ())]


def _events(topic: str, records: Sequence["ConsumerRecord[bytes, bytes]"]) -> Iterator[Found]:
    for record in records:
        event = _event(topic, record)
        if event is not None:
            yield event


def _event(topic: str, record: "ConsumerRecord[bytes, bytes]") -> Found | None:
    headers = dict(record.headers)
    try:
        data = json.loads(record.value or b"")
        id_ = UUID((headers["ce_id"] or b"").decode())
        type_name = (headers["ce_type"] or b"").decode()
        subject = (headers["ce_subject"] or b"").decode()
        whole = bool(headers["ce_time"]) and record.key == subject.encode()
        lead_id = UUID(data["lead_id"]) if topic.startswith("lead-") else None
    except (KeyError, TypeError, ValueError):
        return None
    if not whole or (lead_id is not None and str(lead_id) != subject):
        return None
    told = headers.get("ce_sequence")
    return Found(
        topic=topic,
        partition=record.partition,
        offset=record.offset,
        id=id_,
        type=type_name,
        lead_id=lead_id,
        sequence=None if told is None else int(told),
        content=(record.value or b"", tuple(sorted(record.headers))),
        data=data,
        written_at=datetime.fromtimestamp(record.timestamp / 1000, UTC),
    )
