"""The gate of accusing timers, where Kafka does not answer."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from baton.runtime.inputs import TimerInput
from baton.runtime.shard_opener import Shard
from baton.runtime.timer_gate import TimerGate
from baton.runtime.timers import DueTimer
from baton.subjects import Subject
from tests.runtime.harness import QUICK

PLACE = TopicPartition("t", 0)
TIMES = QUICK.model_copy(
    update={
        "statement": timedelta(seconds=0.01),
        "settle": timedelta(minutes=1),
        "catch_up": timedelta(minutes=5),
    }
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


class Steady:
    """The process's steady clock, in seconds."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def steady(monkeypatch: pytest.MonkeyPatch) -> Steady:
    made = Steady()
    monkeypatch.setattr("baton.runtime.timer_gate.time", made)
    return made


@pytest.fixture
def timer() -> DueTimer:
    subject = Subject.lead(uuid4())
    return DueTimer(0, TimerInput(uuid4(), subject, "t", datetime.now(UTC), accuses=True))


async def opens(gate: TimerGate, kafka: Any, timer: DueTimer, *, read: int) -> bool:
    """Whether the timer may fire once Kafka was asked, by a shard that has read so much."""
    await gate.ask(kafka, {0: {"t": PLACE}}, [timer])
    may_fire, complete = gate.opens(timer, Shard(0, 1, {"t": read}))
    assert may_fire == complete
    return may_fire


async def test_a_timer_accuses_once_all_is_read_that_kafka_had_after_it_was_due(
    steady: Steady, timer: DueTimer
) -> None:
    gate, kafka = TimerGate(TIMES), Answering(end=0)
    assert not await opens(gate, kafka, timer, read=0)
    # An answer that intake was given in time may be on its way to Kafka for a moment.
    steady.now += TIMES.spool_switch.total_seconds()
    kafka.end = 1
    assert not await opens(gate, kafka, timer, read=0)
    assert await opens(gate, kafka, timer, read=1)


async def test_after_an_absence_of_kafka_spools_settle_before_a_timer_accuses(
    steady: Steady, timer: DueTimer
) -> None:
    gate, kafka, silent = TimerGate(TIMES), Answering(end=0), cast(AIOKafkaConsumer, Silent())
    assert not await opens(gate, kafka, timer, read=0)
    steady.now += 30
    assert await gate.ends(silent, [PLACE]) is None
    assert not await opens(gate, kafka, timer, read=0)
    steady.now += TIMES.settle.total_seconds()
    kafka.end = 1  # what a spool has forwarded stands behind every end that was told before
    assert not await opens(gate, kafka, timer, read=0)
    assert await opens(gate, kafka, timer, read=1)


async def test_who_has_just_got_a_shard_has_not_seen_whether_kafka_was_away(
    steady: Steady, timer: DueTimer
) -> None:
    gate, kafka = TimerGate(TIMES), Answering(end=0)
    gate.opened([0])
    steady.now += TIMES.settle.total_seconds() - 1
    assert not await opens(gate, kafka, timer, read=0)
    steady.now += 1
    assert await opens(gate, kafka, timer, read=0)


async def test_what_was_due_long_ago_waits_no_more_for_what_is_on_its_way(
    steady: Steady, timer: DueTimer
) -> None:
    assert await opens(
        TimerGate(TIMES), Answering(), replace(timer, due_ago=TIMES.catch_up), read=0
    )


async def test_a_shard_that_changes_hands_again_and_again_puts_off_no_judgement_for_ever(
    steady: Steady, timer: DueTimer
) -> None:
    gate, shard, kafka = (
        TimerGate(TIMES),
        Shard(0, 1, {"t": 0}),
        cast(AIOKafkaConsumer, Answering()),
    )
    began = steady.now
    while steady.now < began + TIMES.catch_up.total_seconds():
        gate.opened([0])
        await gate.ask(kafka, {0: {"t": PLACE}}, [timer])
        assert gate.opens(timer, shard) == (False, False)
        steady.now += TIMES.settle.total_seconds() / 2
        gate.let_go()
    gate.opened([0])
    await gate.ask(kafka, {0: {"t": PLACE}}, [timer])
    assert gate.opens(timer, shard) == (True, False)


async def test_kafka_is_asked_often_enough_to_see_any_absence_that_fills_a_spool() -> None:
    gate = TimerGate(TIMES)
    assert gate.asks_every(accuses_soon=True) < TIMES.spool_switch.total_seconds()
    assert gate.asks_every(accuses_soon=False) > TIMES.look.total_seconds()


async def test_a_timer_that_falls_out_of_the_page_goes_on_waiting(
    steady: Steady, timer: DueTimer
) -> None:
    gate, kafka = TimerGate(TIMES), cast(AIOKafkaConsumer, Answering(end=1))
    older = replace(timer, input=replace(timer.input, due_at=timer.input.due_at - TIMES.look))
    places = {0: {"t": PLACE}}
    await gate.ask(kafka, places, [older, timer])
    steady.now += TIMES.catch_up.total_seconds() / 2
    await gate.ask(kafka, places, [older])  # a smaller page
    steady.now += TIMES.catch_up.total_seconds() / 2
    await gate.ask(kafka, places, [older, timer])
    assert gate.opens(timer, Shard(0, 1, {"t": 0})) == (True, False)


async def test_a_shard_that_is_opened_again_puts_off_no_judgement_of_another(
    steady: Steady, timer: DueTimer
) -> None:
    gate, kafka = TimerGate(TIMES), Answering(end=0)
    gate.opened([1])
    steady.now += TIMES.spool_switch.total_seconds()
    assert await opens(gate, kafka, replace(timer, due_ago=TIMES.catch_up), read=0)
    of_another = replace(timer, shard=1)
    await gate.ask(cast(AIOKafkaConsumer, kafka), {1: {"t": PLACE}}, [of_another])
    assert gate.opens(of_another, Shard(1, 1, {"t": 0})) == (False, False)
