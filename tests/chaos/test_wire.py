"""The wire leaves alone what it has put on a topic itself."""

import asyncio
import random
from dataclasses import dataclass
from typing import cast

import pytest
from aiokafka import AIOKafkaProducer, ConsumerRecord

from baton.settings import KafkaSettings
from tests.chaos.checker.seen import Seen
from tests.chaos.wire import Wire
from tests.e2e.records import activity, message, new_lead


@dataclass(frozen=True)
class Put:
    """What a producer and a consumer both tell of a record."""

    partition: int
    offset: int
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


class Log:
    """A topic whose readers have a record before its writer has been told so."""

    def __init__(self) -> None:
        self.wire: Wire | None = None
        self.records: list[Put] = []  # but for the first, which others have put
        self.hearing: list[asyncio.Task[None]] = []

    async def send_and_wait(
        self,
        topic: str,
        value: bytes,
        key: bytes,
        headers: list[tuple[str, bytes]],
        partition: int,
    ) -> Put:
        record = Put(partition, len(self.records) + 1, key, value, headers)
        self.records.append(record)
        self.hear(topic, record)
        for _ in range(10):
            await asyncio.sleep(0)
        return record

    def hear(self, topic: str, record: Put) -> None:
        assert self.wire is not None
        heard = cast("ConsumerRecord[bytes, bytes]", record)
        self.hearing.append(asyncio.create_task(self.wire.disturb(topic, heard)))


@pytest.mark.parametrize("seed", range(20))
async def test_neither_a_copy_nor_a_spoilt_record_is_disturbed_again(seed: int) -> None:
    log, seen = Log(), Seen(seed=seed)
    settings = KafkaSettings(kafka_bootstrap_servers="none", topic_prefix="")
    producer = cast("AIOKafkaProducer", log)
    chance = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    log.wire = Wire(settings, producer, seen, chance, pauses=0)
    lead_id = new_lead()
    sent = message(activity(lead_id), lead_id)
    log.hear(sent.topic, Put(0, 0, sent.key, sent.value, list(sent.headers)))
    for _ in range(100):
        await asyncio.sleep(0)
    assert len(log.records) == 1
    assert len(seen.spoilt) <= 1
