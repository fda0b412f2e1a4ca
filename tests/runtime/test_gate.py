"""The gate of accusing timers, where Kafka does not answer."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from aiokafka import TopicPartition
from harness import QUICK

from baton.runtime.gate import Gate
from baton.runtime.inputs import TimerInput
from baton.runtime.shards import Shard
from baton.runtime.waiting import DueTimer

PLACE = TopicPartition("t", 0)
TIMES = QUICK.model_copy(
    update={"statement": timedelta(seconds=0.01), "settle": timedelta(seconds=60)}
)


class Silent:
    """A consumer while Kafka is away: aiokafka goes on trying."""

    async def end_offsets(self, _: list[TopicPartition]) -> dict[TopicPartition, int]:
        await asyncio.Event().wait()
        raise AssertionError


class Answering:
    def __init__(self, end: int = 0) -> None:
        self.end = end

    async def end_offsets(self, _: list[TopicPartition]) -> dict[TopicPartition, int]:
        return {PLACE: self.end}


async def test_after_an_absence_of_kafka_spools_settle_before_a_timer_accuses() -> None:
    gate = Gate(TIMES)
    timer = DueTimer(0, TimerInput(uuid4(), uuid4(), "t", datetime.now(UTC)), accuses=True)
    silent: Any = Silent()
    answering: Any = Answering()
    async with asyncio.timeout(5):
        await gate.ask(silent, {0: {"t": PLACE}}, [timer])
    await gate.ask(answering, {0: {"t": PLACE}}, [timer])
    assert gate.opens(timer, Shard(0, 1, {"t": 0})) == (False, False)


async def test_what_a_spool_forwarded_before_it_settled_is_read_before_a_timer_accuses() -> None:
    gate = Gate(TIMES.model_copy(update={"settle": timedelta()}))
    timer = DueTimer(0, TimerInput(uuid4(), uuid4(), "t", datetime.now(UTC)), accuses=True)
    kafka: Any = Answering(end=0)
    await gate.ask(kafka, {0: {"t": PLACE}}, [timer])
    gate.kafka_was_away()
    assert gate.opens(timer, Shard(0, 1, {"t": 0})) == (False, False)
    kafka.end = 1
    await gate.ask(kafka, {0: {"t": PLACE}}, [timer])
    assert gate.opens(timer, Shard(0, 1, {"t": 0})) == (False, False)
    assert gate.opens(timer, Shard(0, 1, {"t": 1})) == (True, True)


async def test_kafka_is_asked_often_enough_to_see_any_absence_that_fills_a_spool() -> None:
    gate = Gate(TIMES)
    assert gate.asks_every(accuses_soon=True) < TIMES.spool_switch.total_seconds()
    assert gate.asks_every(accuses_soon=False) > TIMES.look.total_seconds()
