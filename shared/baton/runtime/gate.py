"""Holds accusing timers back until the shard has read everything published before they were due:
the follow-up that meets the promise may still be unread in Kafka.
"""

import time
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from baton.kafka import bounded
from baton.runtime.opening import Shard
from baton.runtime.timers import DueTimer
from baton.times import Times

_ASK_EVERY = 10.0
_REMEMBERED = 3_600.0
"""How long, in seconds, it is remembered since when timers of a shard of others have waited."""


@dataclass(slots=True)
class _Ends:
    """The end offsets of a shard, asked for at `asked` (the process's steady clock)."""

    offsets: dict[str, int]
    asked_at: float


@dataclass(slots=True)
class Gate:
    """Lets an accusing timer through once its shard has read every topic up to an end offset that
    was asked for after what intake had taken by the timer's time was in Kafka.
    """

    times: Times
    _ends: dict[int, _Ends] = field(default_factory=dict)
    _waits_since: dict[tuple[int, datetime], float] = field(default_factory=dict)
    """Since when each accusing timer has waited here."""
    _due_at: dict[tuple[int, datetime], float] = field(default_factory=dict)
    """When each was due, by the process's steady clock, as far as the shard's clock can say."""
    _settles_at: float = 0.0
    _settles_by_shard: dict[int, float] = field(default_factory=dict)

    def kafka_was_away(self) -> None:
        """From its return on, intake's spools have a time to empty themselves."""
        self._settles_at = time.monotonic() + self.times.settle.total_seconds()

    def opened(self, shards: Collection[int]) -> None:
        """These shards were opened: their timers wait until intake's spools have settled.

        Kafka was not watched for them before, and may just be back: an absence often ends
        processes, and a process that starts again must not accuse for what it missed.
        """
        settles_at = time.monotonic() + self.times.settle.total_seconds()
        self._settles_by_shard |= dict.fromkeys(shards, settles_at)

    def asks_every(self, *, accuses_soon: bool) -> float:
        """How often, in seconds, Kafka must be asked, so that no absence of it passes unseen.

        One that is shorter than `spool_switch` has put nothing into a spool. It only matters where
        a timer accuses before the spools have settled.
        """
        half_a_switch = self.times.spool_switch.total_seconds() / 2
        return min(_ASK_EVERY, half_a_switch) if accuses_soon else _ASK_EVERY

    async def ends(
        self, consumer: AIOKafkaConsumer, places: Collection[TopicPartition]
    ) -> dict[TopicPartition, int] | None:
        """The end offsets that Kafka has; None where it does not answer.

        aiokafka sits out a short absence of Kafka's and then answers. Intake does not: what it was
        sent meanwhile, from `spool_switch` on, is in its spool.
        """
        asked_at = time.monotonic()
        try:
            async with bounded(self.times.statement):
                offsets: dict[TopicPartition, int] = await consumer.end_offsets(list(places))
        except (KafkaError, OSError):
            self.kafka_was_away()
            return None
        if time.monotonic() - asked_at > self.times.spool_switch.total_seconds():
            self.kafka_was_away()
        return offsets

    async def ask(
        self,
        consumer: AIOKafkaConsumer,
        partitions: dict[int, dict[str, TopicPartition]],
        due: list[DueTimer],
    ) -> None:
        """Ask for the end offsets of shards with accusing timers that nobody asked for yet.

        All of `due` was found due before this call, so what Kafka answers is from after that.
        """
        now = time.monotonic()
        accusing = {
            (t.shard, t.input.due_at): t.due_ago.total_seconds() for t in due if t.input.accuses
        }
        remembered = self._remembered(accusing, partitions, now)
        self._waits_since = remembered | {key: self._waits_since.get(key, now) for key in accusing}
        self._due_at = {key: self._due_at.get(key, now - ago) for key, ago in accusing.items()}
        needed = set()
        for (shard, _), due_at in self._due_at.items():
            ends, told_from = self._ends.get(shard), self._all_there(shard, due_at)
            if told_from <= now and (ends is None or ends.asked_at < told_from):
                needed.add(shard)
        if not needed:
            return
        places = [tp for shard in needed for tp in partitions[shard].values()]
        offsets = await self.ends(consumer, places)
        if offsets is None:
            return
        for shard in needed:
            read_to = {topic: offsets[tp] for topic, tp in partitions[shard].items()}
            self._ends[shard] = _Ends(read_to, now)

    def _remembered(
        self, accusing: Collection[tuple[int, datetime]], open_shards: Collection[int], now: float
    ) -> dict[tuple[int, datetime], float]:
        """Since when timers have waited that are not among those that were read now.

        A page has the oldest of each shard, so timers behind it still wait. Those before its end
        have fired or were cancelled. Of shards that are not open nothing was read.
        """
        last: dict[int, datetime] = {}
        for shard, due_at in accusing:
            last[shard] = max(due_at, last.get(shard, due_at))
        return {
            (shard, due_at): since
            for (shard, due_at), since in self._waits_since.items()
            if (shard in last and due_at > last[shard])
            or (shard not in open_shards and now - since < _REMEMBERED)
        }

    def opens(self, timer: DueTimer, shard: Shard) -> tuple[bool, bool]:
        """Whether the timer may fire now, and whether the facts are complete then."""
        now = time.monotonic()
        key = (timer.shard, timer.input.due_at)
        since = self._waits_since.get(key, now)
        ends = self._ends.get(timer.shard)
        if (
            ends is not None
            and ends.asked_at >= self._all_there(timer.shard, self._due_at.get(key, now))
            and all(shard.positions[topic] >= end for topic, end in ends.offsets.items())
        ):
            return True, True
        if now - since >= self.times.catch_up.total_seconds():
            return True, False
        return False, False

    def _all_there(self, shard: int, due_at: float) -> float:
        """From when on Kafka has what intake had taken by a timer's time, where Kafka is there.

        Intake puts an event into Kafka within `spool_switch`, or into a spool, which has emptied
        itself once spools have settled.
        """
        return max(
            due_at + self.times.spool_switch.total_seconds(),
            self._settles_at,
            self._settles_by_shard.get(shard, 0.0),
        )

    def let_go(self) -> None:
        """The shards are no longer this process's. What waited for them goes on doing so where they
        come back: shards that change hands again and again must not put off a judgement for ever.
        """
        self._ends.clear()
        self._settles_by_shard.clear()
