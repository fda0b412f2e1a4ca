"""Holds breach timers back until the shard has read all facts from before the due time. Otherwise
the rep would be accused although the follow-up is in Kafka or in ingest's spool and only unread. A
breach timer is a timer that was set with `accuses`.
"""

import time
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from baton.kafka import time_limit
from baton.runtime.shard_opener import Shard
from baton.runtime.timers import DueTimer
from baton.times import Times

_ASK_EVERY = 10.0
_REMEMBERED = 3_600.0
"""Seconds for which the process remembers when timers of a shard began to wait, after the shard
went to another process.
"""


@dataclass(slots=True)
class _Ends:
    """The end offsets of a shard, read at `asked_at` (on the process's steady clock)."""

    offsets: dict[str, int]
    asked_at: float


@dataclass(slots=True)
class TimerGate:
    """Lets a breach timer fire once its shard has read every fact from before the due time. It
    waits until the facts that ingest accepted by the due time are in Kafka. Then it asks for the
    end offsets of the shard's partitions, and waits until the shard has read up to them.
    """

    times: Times
    _ends: dict[int, _Ends] = field(default_factory=dict)
    _waits_since: dict[tuple[int, datetime], float] = field(default_factory=dict)
    """The time at which each breach timer began to wait in this process."""
    _due_at: dict[tuple[int, datetime], float] = field(default_factory=dict)
    """The due time of each timer on the process's steady clock."""
    _settles_at: float = 0.0
    _settles_by_shard: dict[int, float] = field(default_factory=dict)

    def kafka_was_away(self) -> None:
        """Kafka answers again after an outage: wait `settle` from now on, so that ingest's spools
        become empty.
        """
        self._settles_at = time.monotonic() + self.times.settle.total_seconds()

    def opened(self, shards: Collection[int]) -> None:
        """These shards were opened: their breach timers wait until ingest's spools are empty. An
        outage of Kafka often ends processes too, so a process that starts may not know that Kafka
        has only just come back.
        """
        settles_at = time.monotonic() + self.times.settle.total_seconds()
        self._settles_by_shard |= dict.fromkeys(shards, settles_at)

    def asks_every(self, *, accuses_soon: bool) -> float:
        """Seconds between two requests to Kafka, so that no outage of Kafka goes unnoticed. An
        outage that is shorter than `spool_switch` has put nothing into a spool. Outages matter only
        for breach timers that are due before the spools have settled.
        """
        half_a_switch = self.times.spool_switch.total_seconds() / 2
        return min(_ASK_EVERY, half_a_switch) if accuses_soon else _ASK_EVERY

    async def ends(
        self, consumer: AIOKafkaConsumer, places: Collection[TopicPartition]
    ) -> dict[TopicPartition, int] | None:
        """The end offsets that Kafka has; None where it does not answer.

        A slow answer counts as an outage too: aiokafka waits through a short outage, but ingest
        puts events into its spool after `spool_switch`.
        """
        asked_at = time.monotonic()
        try:
            async with time_limit(self.times.statement):
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
        """Ask Kafka for the end offsets of the shards whose breach timers need them.

        All timers of `due` were due before this call, so the offsets are newer than their due
        times.
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
            ends, complete_from = self._ends.get(shard), self._complete_from(shard, due_at)
            if complete_from <= now and (ends is None or ends.asked_at < complete_from):
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
        """The waiting times of timers that are not in the page that was read now. A page has the
        oldest timers of each open shard. A timer beyond the page still waits; a timer before its
        end that is missing has fired or was cancelled.
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
            and ends.asked_at >= self._complete_from(timer.shard, self._due_at.get(key, now))
            and all(shard.positions[topic] >= end for topic, end in ends.offsets.items())
        ):
            return True, True
        if now - since >= self.times.catch_up.total_seconds():
            return True, False
        return False, False

    def _complete_from(self, shard: int, due_at: float) -> float:
        """The time from which Kafka has all facts that ingest accepted by the due time, if Kafka
        answers.

        Ingest puts an event into Kafka within `spool_switch`, or else into a spool, which is empty
        after `settle`.
        """
        return max(
            due_at + self.times.spool_switch.total_seconds(),
            self._settles_at,
            self._settles_by_shard.get(shard, 0.0),
        )

    def let_go(self) -> None:
        """The shards went to another process. If they come back, their timers go on waiting from
        the same time: shards that move again and again must not delay a judgement for ever.
        """
        self._ends.clear()
        self._settles_by_shard.clear()
