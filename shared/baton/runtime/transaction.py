"""One transaction: check the fence, load, decide, save, commit. Each event takes effect once."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Generic
from uuid import UUID

import asyncpg
from pydantic import BaseModel

from baton import cloudevents, identity
from baton.cloudevents import Event
from baton.database import DATABASE_ERRORS
from baton.events import EventData, LeadErased, LeadEvent
from baton.kafka import MAX_HEADER_BYTES, MAX_RECORD_BYTES
from baton.logs import logger
from baton.policy.bundle import Bundle
from baton.runtime import dead_letters, erasure, store, waiting
from baton.runtime.batch import Batch, Item
from baton.runtime.dead_letters import Poison
from baton.runtime.errors import (
    BreakerTrippedError,
    CommitUnknownError,
    FenceLostError,
    HaltedError,
    PositionsMovedError,
    PublishError,
    RejoinError,
)
from baton.runtime.inputs import (
    Answer,
    Arm,
    Ask,
    CommandInput,
    Decision,
    EventInput,
    Input,
    Row,
    Shared,
    State,
    TimerInput,
)
from baton.runtime.parts import Service, Surroundings
from baton.runtime.steps import Step
from baton.runtime.store import Fence, LeadRow, OutboxRow, Writes
from baton.runtime.waiting import REPLAY

_LOG = logger(__name__)

_REFUSED_CLASSES = ("22", "23", "54")
"""SQLSTATE classes that mean: this data is refused, and will be again."""


@dataclass(frozen=True, slots=True)
class Committed:
    """What a transaction came to."""

    batch: Batch
    outbox: Sequence[OutboxRow]
    next_due: timedelta | None
    counts: Mapping[tuple[str, str], int]
    """Inputs by their kind and what became of them."""


@dataclass(slots=True)
class _Lead(Generic[State]):
    """A lead while a batch is decided on."""

    state: State | None
    sequences: dict[str, int]
    erased_at: datetime | None
    shard: int
    changed: bool = False


@dataclass(slots=True)
class _Effects:
    """What a batch has come to so far."""

    outbox: list[OutboxRow] = field(default_factory=list)
    noted: list[UUID] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    timers: dict[tuple[UUID, str], tuple[int, Arm, str | None] | None] = field(default_factory=dict)
    commands: list[UUID] = field(default_factory=list)
    answers: list[tuple[UUID, UUID, int, object]] = field(default_factory=list)
    asked: list[tuple[UUID, int, Ask, datetime, str | None]] = field(default_factory=list)
    poisons: list[Poison] = field(default_factory=list)
    replayed: list[UUID] = field(default_factory=list)
    set_again: list[waiting.Armed] = field(default_factory=list)
    """Timers of dead letters that are replayed."""
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)


class PoisonError(Exception):
    """An input can't be applied; the message is the dead letter's reason."""


class Transactor(Generic[State, Shared]):
    """Turns batches into committed effects for one service."""

    def __init__(
        self,
        service: Service[State, Shared],
        around: Surroundings,
        committed: Callable[[Committed], Awaitable[None]],
    ) -> None:
        """`committed` is told of each transaction, before the next one begins."""
        self.service = service.name
        self._own_topics = frozenset(topic.name for topic in service.subscription.topics)
        self._store = service.store
        self._decide = service.decide
        self._settings = around.settings
        self._policies = around.policies
        self._metrics = around.metrics
        self._tracing = around.tracing
        self._committed = committed
        self._leave_out = frozenset(Step(name) for name in around.settings.test_leave_out)

    async def run(self, db: asyncpg.Connection, batch: Batch) -> None:
        """Apply a batch, in one transaction or in several: where its data is refused, or where the
        states of its leads are too large together.

        Raises FenceLostError, PositionsMovedError, PolicyMissingError, BreakerTrippedError,
        CommitUnknownError, and what the database's being away raises; whatever was committed before
        has been handed to `committed`.
        """
        versions = {
            item.given.event.policyversion
            for item in batch.items
            if isinstance(item.given, EventInput) and item.given.event.policyversion is not None
        }
        await self._policies.wait_for(versions, self._settings.times.statement)
        await self._halve(db, batch)

    async def _halve(self, db: asyncpg.Connection, batch: Batch) -> None:
        try:
            await self._attempt(db, batch)
        except Exception as error:
            if not _refused(error) or all(item.fault is not None for item in batch.items):
                raise
            if len(batch.items) == 1 or Step.HALVE in self._leave_out:
                await self._attempt(db, batch.poisoned(_reason(error)))
                return
            self._metrics.retries.labels("halved").inc()
            for half in batch.halves():
                await self._halve(db, half)

    async def _attempt(self, db: asyncpg.Connection, batch: Batch) -> None:
        started = time.perf_counter()
        transaction = db.transaction()
        await transaction.start()
        try:
            done = await self._within(db, batch)
        except BaseException:
            await _roll_back(transaction)
            raise
        early = Step.COMMIT_BEFORE_PUBLISH in self._leave_out
        if early:
            await self._committed(done)
        try:
            await transaction.commit()
        except DATABASE_ERRORS as error:
            if isinstance(error, asyncpg.PostgresError) and _refused(error):
                raise  # the server has said that it did not commit
            if Step.END_ON_UNKNOWN_COMMIT in self._leave_out:
                raise PositionsMovedError from error
            msg = "the outcome of a commit is unknown; the next owner finds it out"
            raise CommitUnknownError(msg) from error
        self._measure(done, time.perf_counter() - started)
        if not early:
            await self._committed(done)

    def _measure(self, done: Committed, seconds: float) -> None:
        self._metrics.batch_inputs.observe(len(done.batch.items))
        self._metrics.batch_seconds.observe(seconds)
        for (kind, outcome), count in done.counts.items():
            self._metrics.inputs.labels(kind, outcome).inc(count)
            if outcome == "poison":
                self._metrics.dead_letters.labels(kind).inc(count)

    async def _within(self, db: asyncpg.Connection, batch: Batch) -> Committed:
        ids = [item.given.id for item in batch.items if item.given is not None]
        lead_ids = list(
            {
                item.given.lead_id
                for item in batch.items
                if item.given is not None and item.fault is None
            }
        )
        fence = await store.fence(
            db,
            list(batch.epochs),
            ids,
            lead_ids,
            self._settings.batch_bytes,
            lock=Step.FENCE_LOCK not in self._leave_out,
            lock_policy=Step.POLICY_LOCK not in self._leave_out,
        )
        self._check(fence, batch)
        nows = self._clocks(fence, batch)
        effects = _Effects()
        batch = await self._without_gone(db, batch)
        if Step.INBOX not in self._leave_out:
            batch = await erasure.told_anew(db, batch, fence.known)
        todo = self._unknown(fence, batch, effects)
        leads = self._leads(fence, todo)
        if todo:
            await self._decide_all(db, fence, nows, todo, leads, effects)
        return await self._save(db, fence, batch, nows, leads, effects)

    def _check(self, fence: Fence, batch: Batch) -> None:
        if fence.tripped and Step.BREAKER not in self._leave_out:
            raise BreakerTrippedError(self.service, None)
        if Step.FENCE not in self._leave_out:
            for shard, epoch in batch.epochs.items():
                if fence.epochs.get(shard) != epoch:
                    msg = f"shard {shard} has epoch {fence.epochs.get(shard)}, not {epoch}"
                    raise FenceLostError(msg)
        if Step.CHECK_POSITIONS not in self._leave_out:
            for partition, begin in batch.begins.items():
                if fence.positions.get(partition, begin) != begin:
                    msg = f"{partition} stands at {fence.positions[partition]}, not at {begin}"
                    raise PositionsMovedError(msg)

    def _clocks(self, fence: Fence, batch: Batch) -> dict[int, datetime]:
        """Now, by shard: the database's clock, or the highest time that the shard's events had."""
        if self._settings.clock == "database":
            return dict.fromkeys(batch.epochs, fence.now)
        beginning = datetime.fromtimestamp(0, tz=fence.now.tzinfo)
        nows = {shard: fence.clocks.get(shard) or beginning for shard in batch.epochs}
        for item in batch.items:
            if isinstance(item.given, EventInput):
                nows[item.shard] = max(
                    nows[item.shard], item.given.event.data.occurred_at.astimezone(UTC)
                )
        return nows

    @staticmethod
    async def _without_gone(db: asyncpg.Connection, batch: Batch) -> Batch:
        """The batch without the timers, commands and dead letters that wait no more.

        They were read before this transaction; since then an event may have cancelled one, or the
        first half of a batch that is repeated may have applied it. No inbox has their ids.
        """
        timers = [_timer_of(item) for item in batch.items]
        commands = [item.command for item in batch.items if item.command is not None]
        letters = [item.replays for item in batch.items if item.replays is not None]
        waiting_for = [timer for timer in timers if timer is not None]
        there = await waiting.still_there(db, waiting_for, commands, letters)

        def is_there(item: Item) -> bool:
            timer = _timer_of(item)
            wanted = {item.command if timer is None else timer.id, item.replays} - {None}
            return wanted <= there

        return replace(batch, items=[item for item in batch.items if is_there(item)])

    def _unknown(self, fence: Fence, batch: Batch, effects: _Effects) -> list[Item]:
        """The items that have not taken effect yet; each id once."""
        todo: list[Item] = []
        seen = set(fence.known) if Step.INBOX not in self._leave_out else set()
        for item in batch.items:
            if item.command is not None:
                effects.commands.append(item.command)
            if item.fault is not None or item.given is None:
                effects.poisons.append(Poison(item, item.fault or "it can't be understood"))
                continue
            if item.given.id in seen:
                effects.counts[item.kind, "duplicate"] += 1
                if item.given.id in fence.known:
                    self._has_taken_effect(item, effects)
                continue
            if Step.INBOX not in self._leave_out:
                seen.add(item.given.id)
            todo.append(item)
        return todo

    @staticmethod
    def _has_taken_effect(item: Item, effects: _Effects) -> None:
        """All of it that a replay of a dead letter can have: its event has come again, mended, its
        lead was forgotten since, or its timer is set again.
        """
        if item.replays is None:
            return
        effects.replayed.append(item.replays)
        if item.command is not None and item.given is not None:
            effects.answers.append((item.command, item.given.lead_id, 200, {}))

    def _leads(self, fence: Fence, todo: Sequence[Item]) -> dict[UUID, _Lead[State]]:
        shards = {item.given.lead_id: item.shard for item in todo if item.given is not None}
        leads: dict[UUID, _Lead[State]] = {}
        for lead_id, shard in shards.items():
            row = fence.leads.get(lead_id)
            if row is None:
                leads[lead_id] = _Lead(None, {}, None, shard)
                continue
            state = None
            if row.state is not None:
                state = self._store.state.model_validate_json(row.state)
            leads[lead_id] = _Lead(state, dict(row.sequences), row.erased_at, shard)
        return leads

    async def _decide_all(
        self,
        db: asyncpg.Connection,
        fence: Fence,
        nows: dict[int, datetime],
        todo: Sequence[Item],
        leads: dict[UUID, _Lead[State]],
        effects: _Effects,
    ) -> None:
        bundles = {
            now: await self._policies.bundle(db, fence.activations, now)
            for now in set(nows.values())
        }
        bundle = bundles[max(bundles)]
        states = {id_: lead.state for id_, lead in leads.items() if lead.state is not None}
        inputs = [item.given for item in todo if item.given is not None]
        shared = await self._store.lock(db, inputs, states, bundle)
        for item in todo:
            now = nows[item.shard]
            rows_before = len(effects.rows)
            try:
                shared = self._apply(item, leads, shared, bundles[now], now, effects)
            except Exception as error:  # noqa: BLE001 - whatever deciding raises is poison
                effects.poisons.append(Poison(item, _reason(error)))
                continue
            data = erasure.erased(item.given)
            if data is not None:
                lead = leads[data.lead_id]
                await self._forget_erased(db, data, lead, shared, effects, rows_before)
        await self._store.save(db, effects.rows, shared)

    def _apply(
        self,
        item: Item,
        leads: dict[UUID, _Lead[State]],
        shared: Shared,
        bundle: Bundle,
        now: datetime,
        effects: _Effects,
    ) -> Shared:
        """Decide on one item; leaves everything as it was where that raises."""
        given = item.given
        assert given is not None  # noqa: S101 - `_unknown` has seen to it
        lead = leads[given.lead_id]
        if self._moved(item, effects):
            return shared
        if erasure.forgotten(given, lead.erased_at):
            effects.counts[item.kind, "forgotten"] += 1
            self._note(item, given, lead, (), effects)
            self._has_taken_effect(item, effects)
            return shared
        if item.arms is not None:
            effects.set_again.append((item.shard, given.lead_id, item.arms, None))
            effects.counts[item.kind, "applied"] += 1
            self._has_taken_effect(item, effects)
            return shared
        if isinstance(given, CommandInput) and given.kind == REPLAY:
            gone = Answer(404, {"title": "There is no such dead letter that waits"})
            effects.answers.append((given.id, given.lead_id, gone.status, gone.body))
            return shared
        with self._tracing.decision(f"{self.service} decide", given.traceparent) as traceparent:
            decision = self._decide(lead.state, shared, given, bundle, now)
            outbox, sequences = self._events(item, decision, lead, bundle, now, traceparent)
            asks = [
                (
                    identity.following_id(given.id, given.time, f"ask:{ask.kind}", ordinal),
                    identity.shard_of(str(ask.lead_id).encode(), self._settings.partitions),
                    ask,
                    now,
                    traceparent,
                )
                for ordinal, ask in enumerate(decision.ask)
            ]
        lead.changed = True
        lead.state = decision.state
        lead.sequences = sequences
        data = erasure.erased(given)
        if data is not None:
            self._erase(data, lead, effects)
        effects.outbox += outbox
        effects.rows += decision.rows
        effects.asked += asks
        self._note(item, given, lead, outbox, effects)
        for name in decision.cancel:
            effects.timers[given.lead_id, name] = None
        for arm in decision.arm:
            effects.timers[given.lead_id, arm.name] = (item.shard, arm, traceparent)
        if item.command is not None:
            answer = decision.answer or Answer(200, {})
            effects.answers.append((item.command, given.lead_id, answer.status, answer.body))
        if item.replays is not None:
            effects.replayed.append(item.replays)
        effects.counts[item.kind, "applied"] += 1
        return shared if decision.shared is None else decision.shared

    @staticmethod
    def _moved(item: Item, effects: _Effects) -> bool:
        """Whether this batch has cancelled or moved the timer before it came to it."""
        timer = _timer_of(item)
        return timer is not None and (timer.lead_id, timer.name) in effects.timers

    def _note(
        self,
        item: Item,
        given: Input,
        lead: _Lead[State],
        outbox: Sequence[OutboxRow],
        effects: _Effects,
    ) -> None:
        if isinstance(given, EventInput):
            effects.noted += erasure.notes(given, lead.erased_at)
        timer = _timer_of(item)
        if timer is not None and Step.DELETE_TIMER not in self._leave_out:
            effects.timers[timer.lead_id, timer.name] = None
        if Step.NOTE_OWN_EVENTS not in self._leave_out:
            effects.noted += [row.event_id for row in outbox if row.topic in self._own_topics]

    @staticmethod
    def _erase(data: LeadErased, lead: _Lead[State], effects: _Effects) -> None:
        """Nothing is kept of what this batch has come to so far for the lead.

        What was not published is not published any more, so a `sequence` may be missing.
        """
        lead.erased_at = data.occurred_at
        key = str(data.lead_id).encode()
        effects.outbox = [row for row in effects.outbox if row.key != key]
        effects.asked = [asked for asked in effects.asked if asked[2].lead_id != data.lead_id]
        effects.answers = [answer for answer in effects.answers if answer[1] != data.lead_id]
        effects.poisons = [
            poison
            for poison in effects.poisons
            if poison.item.given is None or poison.item.given.lead_id != data.lead_id
        ]
        effects.set_again = [armed for armed in effects.set_again if armed[1] != data.lead_id]
        for timer in [timer for timer in effects.timers if timer[0] == data.lead_id]:
            effects.timers[timer] = None

    async def _forget_erased(
        self,
        db: asyncpg.Connection,
        data: LeadErased,
        lead: _Lead[State],
        shared: Shared,
        effects: _Effects,
        rows_before: int,
    ) -> None:
        """Empty the tables of a lead that was just erased; the rows of what begins anew come later.

        Where something does, what is still to be published may be about that, and stays.
        """
        before, effects.rows = effects.rows[:rows_before], effects.rows[rows_before:]
        await self._store.save(db, before, shared)
        await self._store.erase(db, [data.lead_id])
        await store.erase(db, [data.lead_id], data.occurred_at, unpublished=lead.state is None)

    def _events(
        self,
        item: Item,
        decision: Decision[State, Shared],
        lead: _Lead[State],
        bundle: Bundle,
        now: datetime,
        traceparent: str | None,
    ) -> tuple[list[OutboxRow], dict[str, int]]:
        given = item.given
        assert given is not None  # noqa: S101 - as in `_apply`
        sequences = dict(lead.sequences)
        ordinals: dict[str, int] = {}
        rows = []
        for data in decision.events:
            ordinal = ordinals.get(data.event_type, 0)
            ordinals[data.event_type] = ordinal + 1
            event_id = identity.following_id(given.id, given.time, data.event_type, ordinal)
            subject = str(data.lead_id) if isinstance(data, LeadEvent) else str(given.lead_id)
            topic = data.topic.name
            sequences[topic] = sequences.get(topic, 0) + 1
            event: Event[EventData] = Event(
                id=event_id,
                source=f"/baton/{self.service}",
                time=now,
                subject=subject,
                data=data,
                sequence=sequences[topic],
                traceparent=traceparent,
                policyversion=bundle.hash,
            )
            rows.append(_outbox_row(item.shard, event))
        return rows, sequences

    async def _save(
        self,
        db: asyncpg.Connection,
        fence: Fence,
        batch: Batch,
        nows: dict[int, datetime],
        leads: dict[UUID, _Lead[State]],
        effects: _Effects,
    ) -> Committed:
        if effects.poisons:
            await self._bury(db, fence.now, effects)
        if effects.replayed:
            await dead_letters.replayed(db, effects.replayed, fence.now)
        gone = [key for key, value in effects.timers.items() if value is None]
        armed = [
            (shard, lead_id, arm, traceparent)
            for (lead_id, _), value in effects.timers.items()
            if value is not None
            for shard, arm, traceparent in (value,)
        ]
        await waiting.write_timers(db, gone, armed, effects.set_again)
        keep_commands = Step.DELETE_COMMAND in self._leave_out
        await waiting.write_commands(
            db,
            self.service,
            [] if keep_commands else effects.commands,
            effects.answers,  # type: ignore[arg-type]  # answers' bodies are JSON values
            effects.asked,
        )
        if self._settings.clock == "events":
            await store.move_clocks(db, nows)
        moved = {p: end for p, end in batch.ends.items() if end != batch.begins.get(p)}
        writes = Writes(
            leads={
                lead_id: (
                    lead.shard,
                    LeadRow(_json(lead.state), lead.sequences, lead.erased_at),
                )
                for lead_id, lead in leads.items()
                if lead.changed and (lead.state is not None or lead.sequences or lead.erased_at)
            },
            noted=effects.noted,
            positions=moved,
            published=batch.published,
            outbox=effects.outbox,
        )
        ids = await store.record(db, fence.inbox, writes)
        outbox = [replace(row, id=id_) for row, id_ in zip(effects.outbox, ids, strict=True)]
        waits = [arm.due_at - nows[shard] for shard, _, arm, _ in (*armed, *effects.set_again)]
        return Committed(batch, outbox, min(waits, default=None), effects.counts)

    async def _bury(self, db: asyncpg.Connection, now: datetime, effects: _Effects) -> None:
        """Keep what is poison, tell of it, and stop the service where it is too much."""
        await dead_letters.write(db, effects.poisons, now)
        for poison in effects.poisons:
            kind = poison.item.kind
            effects.counts[kind, "poison"] += 1
            data = dead_letters.announcement(self.service, poison, now)
            id_ = dead_letters.announcement_id(self.service, data.dead_letter_id)
            effects.outbox.append(
                _outbox_row(poison.item.shard, self._untold(id_, str(id_), data, now))
            )
            timer = _timer_of(poison.item)
            if timer is not None:
                effects.timers.setdefault((timer.lead_id, timer.name), None)
            if poison.item.command is not None and poison.item.given is not None:
                answer = (
                    500,
                    {"title": "It became a dead letter", "dead_letter": str(data.dead_letter_id)},
                )
                effects.answers.append((poison.item.command, poison.item.given.lead_id, *answer))
            _LOG.error(
                "an input became a dead letter",
                kind=kind,
                dead_letter=str(data.dead_letter_id),
                lead=None if poison.item.given is None else str(poison.item.given.lead_id),
                topic=data.origin_topic,
                reason=poison.reason.split(":", maxsplit=1)[0],
            )
        if Step.BREAKER in self._leave_out:
            return
        tripped = await dead_letters.trip(
            db,
            self.service,
            self._settings.breaker_dead_letters,
            timedelta(seconds=self._settings.breaker_seconds),
            now,
        )
        if tripped is not None:
            id_ = identity.named_id("breaker", self.service, now.isoformat())
            shard = effects.poisons[0].item.shard
            event = self._untold(id_, self.service, tripped, now)
            effects.outbox.append(_outbox_row(shard, event))

    def _untold(self, id_: UUID, subject: str, data: EventData, now: datetime) -> Event[EventData]:
        """An event that is not about a lead: it takes no sequence."""
        return Event(id_, f"/baton/{self.service}", now, subject, data)


def _timer_of(item: Item) -> TimerInput | None:
    """The timer that an item is the firing of."""
    return item.given if isinstance(item.given, TimerInput) else None


def _refused(error: Exception) -> bool:
    """Whether it is the data, and not a server or the shard, that a batch failed for.

    What asyncpg can't even send is a ValueError beside being an InterfaceError.
    """
    if isinstance(error, asyncpg.PostgresError):
        return (error.sqlstate or "")[:2] in _REFUSED_CLASSES
    if isinstance(error, ValueError):
        return True
    ends_or_repeats = (RejoinError, HaltedError, CommitUnknownError, PublishError)
    return not isinstance(error, (*DATABASE_ERRORS, *ends_or_repeats))


def _outbox_row(shard: int, event: Event[EventData]) -> OutboxRow:
    message = cloudevents.encode(event)
    if len(message.value) > MAX_RECORD_BYTES:
        msg = f"{event.data.event_type} would have {len(message.value)} bytes, over the bound"
        raise PoisonError(msg)
    headers = sum(len(name) + len(value) for name, value in message.headers)
    if headers > MAX_HEADER_BYTES:
        # Its trace context comes from outside, as long as its sender liked.
        msg = f"{event.data.event_type} would have headers of {headers} bytes, over the bound"
        raise PoisonError(msg)
    return OutboxRow(shard, event.id, message.topic, message.key, message.headers, message.value)


def _json(state: BaseModel | None) -> str | None:
    return None if state is None else state.model_dump_json()


def _reason(error: Exception) -> str:
    if isinstance(error, asyncpg.PostgresError):
        return f"the database refuses it: {error.sqlstate} {error}"
    return f"{type(error).__name__}: {error}"


async def _roll_back(transaction: asyncpg.transaction.Transaction) -> None:
    try:
        await asyncio.shield(transaction.rollback())
    except DATABASE_ERRORS as error:
        _LOG.warning("a transaction could not be rolled back", error=type(error).__name__)
