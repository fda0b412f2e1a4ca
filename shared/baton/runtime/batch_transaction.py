"""The database transaction of a batch: checks that the process still owns the shards, loads states,
decides, saves the effects and commits.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Generic
from uuid import UUID

import asyncpg

from baton.database import DATABASE_ERRORS
from baton.logs import logger
from baton.policy.bundle import Bundle
from baton.runtime import erasure, poison
from baton.runtime.activation_commands import ActivationCommands
from baton.runtime.activations import Activation
from baton.runtime.batch import Batch, Item
from baton.runtime.deciding import Deciding
from baton.runtime.decisions import Shared, State
from baton.runtime.dependencies import Dependencies, Service
from baton.runtime.effects import Activated, Effects, SubjectInBatch
from baton.runtime.errors import (
    BreakerTrippedError,
    CommitUnknownError,
    FenceLostError,
    NewerVersionError,
    NotLockedError,
    PolicyMissingError,
    PositionsMovedError,
    SharedRow,
)
from baton.runtime.fence import FENCE, Fence, fence, in_inbox
from baton.runtime.inputs import EventInput
from baton.runtime.pending_work import still_pending
from baton.runtime.saving import Committed, Saving
from baton.subjects import Subject

_LOG = logger(__name__)
_LOCK_ATTEMPTS = 5
"""So often a batch is tried, each time with the shared rows that it missed before."""


class BatchTransaction(Generic[State, Shared]):
    """Turns batches into committed effects for one service."""

    fence_statement = FENCE

    def __init__(
        self,
        service: Service[State, Shared],
        dependencies: Dependencies,
        deciding: Deciding[State, Shared],
        saving: Saving[State, Shared],
        committed: Callable[[Committed], Awaitable[None]],
    ) -> None:
        """`committed` gets the result of each transaction, before the next one begins."""
        self._service = service
        self._settings = dependencies.settings
        self._policies = dependencies.policies
        self._metrics = dependencies.metrics
        self._deciding = deciding
        self._saving = saving
        self._hand_over = committed
        self._activation_commands = None
        if service.subjects is not None:
            self._activation_commands = ActivationCommands(
                service.subjects, service.kind_versions, dependencies.settings.partitions
            )

    async def run(self, db: asyncpg.Connection, batch: Batch) -> None:
        """Apply a batch in one transaction. If PostgreSQL refuses its data, or if the states of its
        subjects are too large together, the batch is halved and applied in several.

        Raises FenceLostError, PositionsMovedError, PolicyMissingError, BreakerTrippedError,
        CommitUnknownError, NewerVersionError, and what a database that is away raises; what was
        committed before has been handed to `committed`.
        """
        versions = {
            item.input.event.policyversion
            for item in batch.items
            if isinstance(item.input, EventInput) and item.input.event.policyversion is not None
        }
        await self._policies.wait_for(versions, self._settings.times.statement)
        await self._run_halved(db, batch)

    async def _run_halved(self, db: asyncpg.Connection, batch: Batch) -> None:
        try:
            await self._run_locked(db, batch)
        except Exception as error:
            is_data_error = poison.is_data_error(error)
            if not is_data_error or all(item.fault is not None for item in batch.items):
                raise
            if not self._can_halve(batch):
                await self._attempt(db, batch.poisoned(poison.reason(error)), frozenset())
                return
            self._metrics.retries.labels("halved").inc()
            for half in batch.halves():
                await self._run_halved(db, half)

    @staticmethod
    def _can_halve(batch: Batch) -> bool:
        return len(batch.items) > 1

    async def _run_locked(self, db: asyncpg.Connection, batch: Batch) -> None:
        """Attempt a batch, each time with the shared rows that a decision of it missed before.

        Only a new transaction may lock them: the order of locks holds for all of its rows.
        """
        missed: frozenset[SharedRow] = frozenset()
        for number in range(1, _LOCK_ATTEMPTS + 1):
            try:
                await self._attempt(db, batch, missed)
            except NotLockedError as error:
                if number == _LOCK_ATTEMPTS:
                    raise
                missed |= error.rows
                self._metrics.retries.labels("not locked").inc()
            else:
                return

    async def _attempt(
        self, db: asyncpg.Connection, batch: Batch, missed: Collection[SharedRow]
    ) -> None:
        started = time.perf_counter()
        transaction = db.transaction()
        await transaction.start()
        try:
            done = await self._apply(db, batch, missed)
        except BaseException:
            await _roll_back(transaction)
            raise
        await self._conclude(transaction, done, started)

    async def _conclude(
        self, transaction: asyncpg.transaction.Transaction, done: Committed, started: float
    ) -> None:
        await self._commit(transaction)
        self._measure(done, time.perf_counter() - started)
        await self._hand_over(done)

    async def _commit(self, transaction: asyncpg.transaction.Transaction) -> None:
        try:
            await transaction.commit()
        except DATABASE_ERRORS as error:
            if isinstance(error, asyncpg.PostgresError) and poison.is_data_error(error):
                raise  # the server has said that it did not commit
            raise self._unknown_outcome() from error

    @staticmethod
    def _unknown_outcome() -> Exception:
        return CommitUnknownError("the outcome of a commit is unknown; the next owner finds it out")

    def _measure(self, done: Committed, seconds: float) -> None:
        self._metrics.batch_inputs.observe(len(done.batch.items))
        self._metrics.batch_seconds.observe(seconds)
        for (kind, outcome), count in done.counts.items():
            self._metrics.inputs.labels(kind, outcome).inc(count)
            if outcome == "poison":
                self._metrics.dead_letters.labels(kind).inc(count)

    async def _apply(
        self, db: asyncpg.Connection, batch: Batch, missed: Collection[SharedRow]
    ) -> Committed:
        """The statements of the transaction, from the fence to the last write."""
        found = await self._fence(db, batch)
        self._check_breaker(found)
        self._check_epochs(found, batch)
        self._check_positions(found, batch)
        nows = self._nows(found, batch)
        in_force = await self._in_force(db, found, batch, nows)
        items = await self._rename(db, await still_pending(db, batch.items), found)
        effects: Effects[State, Any] = Effects({}, None)
        todo = self._deciding.pick(items, self._known(found), effects)
        if todo:
            effects.subjects = self._load(found, todo)
            bundles = {shard: bundle for shard, (_, bundle) in in_force.items()}
            effects.shared = await self._lock(db, todo, effects, bundles, nows, missed)
            self._deciding.decide(todo, bundles, nows, effects)
        effects.activations = {shard: activation for shard, (activation, _) in in_force.items()}
        effects.activated = self._activated(found, in_force, nows)
        return await self._saving.save(db, found, batch, nows, effects)

    async def _fence(self, db: asyncpg.Connection, batch: Batch) -> Fence:
        inputs = [item.input for item in batch.items if item.input is not None]
        subjects = {
            item.input.subject
            for item in batch.items
            if item.input is not None and item.fault is None
        }
        return await fence(
            db,
            list(batch.epochs),
            [cause.id for cause in inputs],
            list(subjects),
            self._settings.batch_bytes,
            self.fence_statement,
        )

    def _check_breaker(self, found: Fence) -> None:
        if found.tripped:
            raise BreakerTrippedError(self._service.name, None)

    @staticmethod
    def _check_epochs(found: Fence, batch: Batch) -> None:
        for shard, epoch in batch.epochs.items():
            if found.epochs.get(shard) != epoch:
                msg = f"shard {shard} has epoch {found.epochs.get(shard)}, not {epoch}"
                raise FenceLostError(msg)

    @staticmethod
    def _check_positions(found: Fence, batch: Batch) -> None:
        for place, begin in batch.begins.items():
            if found.positions.get(place, begin) != begin:
                msg = f"{place} stands at {found.positions[place]}, not at {begin}"
                raise PositionsMovedError(msg)

    def _nows(self, found: Fence, batch: Batch) -> dict[int, datetime]:
        """Now, by shard: the database's clock, or the highest time that the shard's events had."""
        if self._settings.clock == "database":
            return dict.fromkeys(batch.epochs, found.now)
        beginning = datetime.fromtimestamp(0, tz=found.now.tzinfo)
        nows = {shard: found.clocks.get(shard) or beginning for shard in batch.epochs}
        for item in batch.items:
            if isinstance(item.input, EventInput):
                occurred_at = item.input.event.data.occurred_at.astimezone(UTC)
                nows[item.shard] = max(nows[item.shard], occurred_at)
        return nows

    async def _in_force(
        self, db: asyncpg.Connection, found: Fence, batch: Batch, nows: Mapping[int, datetime]
    ) -> dict[int, tuple[Activation, Bundle]]:
        """The activation in force and its bundle, by shard; a batch may need none."""
        if not batch.items and self._activation_commands is None:
            return {}
        by_time = {
            now: (
                self._policies.activation(found.activations, now),
                await self._policies.bundle(db, found.activations, now),
            )
            for now in set(nows.values())
        }
        return {shard: by_time[now] for shard, now in nows.items()}

    def _load(self, found: Fence, todo: Sequence[Item]) -> dict[Subject, SubjectInBatch[State]]:
        """The subjects of these items. Raises NewerVersionError."""
        shards = {item.input.subject: item.shard for item in todo if item.input is not None}
        return {subject: self._load_one(found, subject, shard) for subject, shard in shards.items()}

    def _load_one(self, found: Fence, subject: Subject, shard: int) -> SubjectInBatch[State]:
        row = found.subjects.get(subject)
        if row is None:
            return SubjectInBatch(shard)
        if row.version > self._service.version:
            name = f"the state of {subject.kind} {subject.id}"
            raise NewerVersionError(shard, name, row.version, self._service.version)
        state: Any = None
        if row.state is not None:
            state = self._service.store.states[subject.kind].model_validate_json(row.state)
        return SubjectInBatch(
            shard,
            state,
            row.sequences,
            row.erased_at,
            row.version,
            row.activated,
            stored=True,
        )

    async def _rename(
        self,
        db: asyncpg.Connection,
        items: Sequence[Item],
        found: Fence,
    ) -> Sequence[Item]:
        """The items, with new ids for events whose ids are in the inbox from before an erasure (see
        `erasure.new_ids`).
        """
        tombstones = {
            subject: row.erased_at
            for subject, row in found.subjects.items()
            if row.erased_at is not None
        }
        names = erasure.new_ids(items, self._known(found), tombstones)
        if not names:
            return items
        copies = await in_inbox(db, names.values())
        return list(
            erasure.rename(items, {old: new for old, new in names.items() if new not in copies})
        )

    @staticmethod
    def _known(found: Fence) -> Collection[UUID]:
        """The ids of inputs that took effect before."""
        return found.known

    async def _lock(
        self,
        db: asyncpg.Connection,
        todo: Sequence[Item],
        effects: Effects[State, Shared],
        bundles: Mapping[int, Bundle],
        nows: Mapping[int, datetime],
        missed: Collection[SharedRow],
    ) -> Shared:
        """Lock the shared rows that the items may need under the newest bundle. A row that only an
        older bundle needs is not locked; its decision raises NotLockedError and the next attempt
        locks it.
        """
        states = {
            subject: row.state for subject, row in effects.subjects.items() if row.state is not None
        }
        newest = max(nows, key=lambda shard: nows[shard])
        inputs = [item.input for item in todo if item.input is not None]
        return await self._service.store.lock(db, inputs, states, bundles[newest], missed)

    def _activated(
        self,
        found: Fence,
        in_force: Mapping[int, tuple[Activation, Bundle]],
        nows: Mapping[int, datetime],
    ) -> Activated:
        if self._activation_commands is None:
            return Activated()
        try:
            return self._activation_commands.due(found.activated, in_force, nows)
        except Exception as error:
            msg = f"the subjects of the bundle in force can't be named: {poison.reason(error)}"
            raise PolicyMissingError(msg) from error


async def _roll_back(transaction: asyncpg.transaction.Transaction) -> None:
    try:
        await asyncio.shield(transaction.rollback())
    except DATABASE_ERRORS as error:
        _LOG.warning("a transaction could not be rolled back", error=type(error).__name__)
