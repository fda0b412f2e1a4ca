"""The steps of the runner's protocol, each with the subclasses that leave it out."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import asyncpg
from aiokafka import TopicPartition

from baton.policy.bundle import Bundle
from baton.runtime.batch import Batch, Item, Reader, Record
from baton.runtime.batch_transaction import BatchTransaction
from baton.runtime.dead_letters import Breaker
from baton.runtime.deciding import Deciding
from baton.runtime.due_work import DueWork
from baton.runtime.effects import Effects, OutboxRow
from baton.runtime.errors import FenceLostError, PositionsMovedError, UnknownEventTypeError
from baton.runtime.fence import FENCE, Fence
from baton.runtime.group_session import GroupSession
from baton.runtime.parts import RunnerParts
from baton.runtime.polling import Polling
from baton.runtime.publisher import Publisher
from baton.runtime.runner import Runner
from baton.runtime.saving import Committed, Saving
from baton.runtime.shard_opener import Shard, ShardOpener
from baton.runtime.shard_work import ShardWork
from baton.runtime.timer_gate import TimerGate
from baton.runtime.timers import DueTimer


class Step(StrEnum):
    """A step of the protocol."""

    COMPLETE_ASSIGNMENT = "complete-assignment"
    RAISE_EPOCH = "raise-epoch"
    RAISE_BEFORE_DRAIN = "raise-before-drain"
    END_BLOCKING_SESSIONS = "end-blocking-sessions"
    CONFIRM = "confirm"
    DRAIN = "drain"
    SEEK = "seek"
    CHECK_RANGE = "check-range"
    FENCE = "fence"
    FENCE_LOCK = "fence-lock"
    REJOIN = "rejoin"
    CHECK_POSITIONS = "check-positions"
    POLICY_LOCK = "policy-lock"
    INBOX = "inbox"
    NOTE_OWN_EVENTS = "note-own-events"
    DELETE_TIMER = "delete-timer"
    DELETE_COMMAND = "delete-command"
    TIMER_GATE = "timer-gate"
    SETTLE = "settle"
    END_ON_UNKNOWN_COMMIT = "end-on-unknown-commit"
    COMMIT_BEFORE_PUBLISH = "commit-before-publish"
    ONE_LINE = "one-line"
    PUBLISH_DEADLINE = "publish-deadline"
    DELETE_PUBLISHED = "delete-published"
    FORGET_REVOKED = "forget-revoked"
    HALVE = "halve"
    CHECK_PARTITION = "check-partition"
    STOP_ON_UNKNOWN_TYPE = "stop-on-unknown-type"
    BREAKER = "breaker"


# --- opening a shard


class _AnyAssignment(ShardOpener):
    def _check_complete(self, numbers: Sequence[int], have: Collection[TopicPartition]) -> None:
        pass


class _SameEpoch(ShardOpener):
    raise_by = 0


class _DrainFirst(ShardOpener):
    async def open(self, number: int) -> Shard:
        await super()._drain(number)
        return await super().open(number)

    async def _drain(self, number: int) -> None:
        pass


class _NoEndedSessions(ShardOpener):
    async def _end_blocking(self, number: int, pid: int) -> None:
        pass


class _Unconfirmed(ShardOpener):
    async def _confirm(self, shard: Shard) -> None:
        pass


class _Undrained(ShardOpener):
    async def _drain(self, number: int) -> None:
        pass


class _NoSeek(ShardOpener):
    def _seek(self, shard: Shard) -> None:
        pass


class _AnyRange(ShardOpener):
    @staticmethod
    def _check_range(number: int, topic: str, at: int, log: tuple[int, int]) -> None:
        pass


# --- a batch


class _NoFence(BatchTransaction[Any, Any]):
    @staticmethod
    def _check_epochs(found: Fence, batch: Batch) -> None:
        pass


class _UnlockedFence(BatchTransaction[Any, Any]):
    fence_statement = FENCE.replace("{for_share}", "")


class _UnlockedPolicy(BatchTransaction[Any, Any]):
    fence_statement = FENCE.replace("{for_share_policy}", "")


class _AnyPosition(BatchTransaction[Any, Any]):
    @staticmethod
    def _check_positions(found: Fence, batch: Batch) -> None:
        pass


class _NoInbox(BatchTransaction[Any, Any]):
    @staticmethod
    def _known(found: Fence) -> Collection[UUID]:
        return ()


class _EachItem(Deciding[Any, Any]):
    def pick(
        self, items: Sequence[Item], known: Collection[UUID], effects: Effects[Any, Any]
    ) -> list[Item]:
        todo: list[Item] = []
        for item in items:
            todo += super().pick([item], (), effects)
        return todo


class _ForgetOwnEvents(Deciding[Any, Any]):
    def _own_events(self, outbox: Sequence[OutboxRow]) -> list[UUID]:
        return []


class _KeepTimers(Deciding[Any, Any]):
    def _decide_one(
        self, item: Item, bundle: Bundle, now: datetime, effects: Effects[Any, Any]
    ) -> None:
        """Keep the row of a timer that fired, also where the decision cancels it."""
        super()._decide_one(item, bundle, now, effects)
        if item.timer is not None:
            name = (item.timer.subject, item.timer.name)
            if effects.timers.get(name) is None:
                effects.timers.pop(name, None)


class _KeepCommands(Deciding[Any, Any]):
    def pick(
        self, items: Sequence[Item], known: Collection[UUID], effects: Effects[Any, Any]
    ) -> list[Item]:
        todo = super().pick(items, known, effects)
        effects.commands_done.clear()
        return todo


class _GoOnAfterUnknownCommit(BatchTransaction[Any, Any]):
    @staticmethod
    def _unknown_outcome() -> Exception:
        return PositionsMovedError("the outcome of a commit is unknown")


class _PublishFirst(BatchTransaction[Any, Any]):
    async def _conclude(
        self, transaction: asyncpg.transaction.Transaction, done: Committed, started: float
    ) -> None:
        await self._hand_over(done)
        await self._commit(transaction)


class _Whole(BatchTransaction[Any, Any]):
    @staticmethod
    def _can_halve(batch: Batch) -> bool:
        return False


class _AnyPartition(Reader):
    def belongs(self, record: Record) -> bool:
        return True


class _PassUnknownTypes(ShardWork[Any, Any]):
    def _read(self, records: Sequence[Record]) -> list[Item]:
        try:
            return super()._read(records)
        except UnknownEventTypeError:
            return []


class _Stay(ShardWork[Any, Any]):
    async def _repeat(self, db: asyncpg.Connection, batch: Batch) -> None:
        try:
            await super()._repeat(db, batch)
        except FenceLostError:
            for (number, topic), end in batch.ends.items():
                self._shards.open[number].positions[topic] = end


class _AnyBegin(ShardWork[Any, Any]):
    def _check_begin(self, record: Record) -> None:
        pass


# --- timers


class _OpenGate(DueWork):
    def _opens(self, timer: DueTimer, shard: Shard) -> tuple[bool, bool]:
        return True, True


class _NoSettling(TimerGate):
    def opened(self, shards: Collection[int]) -> None:
        pass


# --- publishing


class _SendApart(Publisher):
    async def send(self, rows: Sequence[OutboxRow]) -> None:
        """Each row by itself, those behind a failed one too."""
        sends = (super(_SendApart, self).send([row]) for row in rows)
        await asyncio.gather(*sends, return_exceptions=True)


class _NoDeadline(Publisher):
    def _deadline(self) -> float | None:
        return None


class _KeepPublished(Publisher):
    def published_upto(self, shards: Sequence[int]) -> dict[int, int]:
        return {}


# --- leaving


class _KeepRevokedPolled(Polling):
    def forget(self) -> None:
        pass

    def _still_open(self, number: int) -> bool:
        return True


class _KeepRevoked(GroupSession[Any, Any]):
    def _forget_shards(self) -> None:
        open_shards = dict(self._shards.open)
        super()._forget_shards()
        self._shards.open = open_shards


# --- the breaker


class _NoBreakerInBatch(BatchTransaction[Any, Any]):
    def _check_breaker(self, found: Fence) -> None:
        pass


class _NoTrip(Saving[Any, Any]):
    async def _trip(self, *_: object) -> None:
        pass


class _NoBreakerInSession(GroupSession[Any, Any]):
    async def _check_breaker(self, db: asyncpg.Connection) -> None:
        pass


class _NoBreakerInRunner(Runner[Any, Any]):
    def _check_breaker(self, breaker: Breaker) -> None:
        pass


_SUBCLASSES: Mapping[Step, Sequence[type]] = {
    Step.COMPLETE_ASSIGNMENT: (_AnyAssignment,),
    Step.RAISE_EPOCH: (_SameEpoch,),
    Step.RAISE_BEFORE_DRAIN: (_DrainFirst,),
    Step.END_BLOCKING_SESSIONS: (_NoEndedSessions,),
    Step.CONFIRM: (_Unconfirmed,),
    Step.DRAIN: (_Undrained,),
    Step.SEEK: (_NoSeek, _AnyBegin),
    Step.CHECK_RANGE: (_AnyRange,),
    Step.FENCE: (_NoFence,),
    Step.FENCE_LOCK: (_UnlockedFence,),
    Step.REJOIN: (_Stay,),
    Step.CHECK_POSITIONS: (_AnyPosition,),
    Step.POLICY_LOCK: (_UnlockedPolicy,),
    Step.INBOX: (_NoInbox, _EachItem),
    Step.NOTE_OWN_EVENTS: (_ForgetOwnEvents,),
    Step.DELETE_TIMER: (_KeepTimers,),
    Step.DELETE_COMMAND: (_KeepCommands,),
    Step.TIMER_GATE: (_OpenGate,),
    Step.SETTLE: (_NoSettling,),
    Step.END_ON_UNKNOWN_COMMIT: (_GoOnAfterUnknownCommit,),
    Step.COMMIT_BEFORE_PUBLISH: (_PublishFirst,),
    Step.ONE_LINE: (_SendApart,),
    Step.PUBLISH_DEADLINE: (_NoDeadline,),
    Step.DELETE_PUBLISHED: (_KeepPublished,),
    Step.FORGET_REVOKED: (_KeepRevokedPolled, _KeepRevoked),
    Step.HALVE: (_Whole,),
    Step.CHECK_PARTITION: (_AnyPartition,),
    Step.STOP_ON_UNKNOWN_TYPE: (_PassUnknownTypes,),
    Step.BREAKER: (_NoBreakerInBatch, _NoTrip, _NoBreakerInSession, _NoBreakerInRunner),
}


def runner_without(steps: Collection[str]) -> type[Runner[Any, Any]]:
    """A runner that leaves these steps out."""
    subclasses = [each for step in steps for each in _SUBCLASSES[Step(step)]]

    def without(part: type[Any]) -> type[Any]:
        own = tuple(each for each in subclasses if issubclass(each, part))
        return type(part.__name__, own, {}) if own else part

    parts = {each.name: without(each.default) for each in fields(RunnerParts)}  # type: ignore[arg-type]  # each is a class
    made = {"parts": RunnerParts(**parts), "session": without(GroupSession)}
    return type("Runner", (without(Runner),), made)
