"""Deciding on a batch: a pure step from its inputs and the states of its subjects to effects."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Generic
from uuid import UUID

from baton import identity
from baton.cloudevents import Event
from baton.events import SubjectEvent
from baton.policy.bundle import Bundle
from baton.runtime import erasure, poison
from baton.runtime.batch import Item
from baton.runtime.decisions import Answer, Decision, RunnerOutcome, Shared, State
from baton.runtime.dependencies import Service
from baton.runtime.effects import (
    ArmedTimer,
    AskedCommand,
    CommandAnswer,
    Effects,
    Erasure,
    OutboxRow,
    Poison,
    SubjectInBatch,
)
from baton.runtime.errors import NotLockedError, SharedRow
from baton.runtime.inputs import ACTIVATION, REPLAY, CommandInput, EventInput, Input
from baton.subjects import Subject
from baton.tracing import Tracing

_APPLIED = Answer(RunnerOutcome.APPLIED)


class Deciding(Generic[State, Shared]):
    """Decides on the items of a batch, in their order. It does no I/O.

    `pick` comes first; between the two steps the caller locks the shared rows that the picked items
    need.
    """

    def __init__(self, service: Service[State, Shared], tracing: Tracing, shards: int) -> None:
        self._service = service
        self._own_topics = frozenset(topic.name for topic in service.subscription.topics)
        self._tracing = tracing
        self._shards = shards

    def pick(
        self, items: Sequence[Item], known: Collection[UUID], effects: Effects[State, Shared]
    ) -> list[Item]:
        """The items to decide on: each id once, and none that the inbox `known` has.

        The effects of the others are added to `effects`.
        """
        todo: list[Item] = []
        applied = set(known)
        for item in items:
            if item.command is not None:
                effects.commands_done.append(item.command)
            if item.fault is not None or item.input is None:
                effects.poisons.append(Poison(item, item.fault or "it can't be understood"))
                continue
            if item.input.id in applied:
                effects.counts[item.kind, "duplicate"] += 1
                if item.input.id in known:
                    self._end_replay(item, item.input, effects)
                continue
            applied.add(item.input.id)
            todo.append(item)
        return todo

    def decide(
        self,
        todo: Sequence[Item],
        bundles: Mapping[int, Bundle],
        nows: Mapping[int, datetime],
        effects: Effects[State, Shared],
    ) -> None:
        """Add the effects of the items to `effects`. Bundles and times are by shard.

        An item whose decision raises becomes a poison and changes nothing else. Raises
        NotLockedError with the shared rows that any of the items missed.
        """
        missed: set[SharedRow] = set()
        for item in todo:
            try:
                self._decide_one(item, bundles[item.shard], nows[item.shard], effects)
            except NotLockedError as error:
                missed |= error.rows
            except Exception as error:  # noqa: BLE001 - whatever a decision raises is poison
                effects.poisons.append(Poison(item, poison.reason(error)))
        if missed:
            raise NotLockedError(missed)

    def _decide_one(
        self, item: Item, bundle: Bundle, now: datetime, effects: Effects[State, Shared]
    ) -> None:
        """Decide on one item; leaves `effects` as it was where that raises."""
        cause = item.input
        assert cause is not None  # noqa: S101 - `pick` has seen to it
        subject = effects.subjects[cause.subject]
        if self._moved(item, effects):
            return
        if erasure.forgotten(cause, subject.erased_at):
            effects.counts[item.kind, "forgotten"] += 1
            self._mark_applied(item, cause, subject, (), effects)
            self._end_replay(item, cause, effects)
            return
        if item.arms is not None:
            # A timer of a dead letter is set again, so that its gate applies to it.
            effects.rearmed.append(ArmedTimer(item.shard, cause.subject, item.arms, None))
            effects.counts[item.kind, "applied"] += 1
            self._end_replay(item, cause, effects)
            return
        if isinstance(cause, CommandInput) and cause.kind == REPLAY:
            gone = Answer(RunnerOutcome.NO_SUCH_DEAD_LETTER)
            effects.answers.append(CommandAnswer(cause.id, cause.subject, gone))
            return
        name = f"{self._service.name} decide"
        with self._tracing.decision(name, cause.traceparent) as traceparent:
            decision = self._service.decide(subject.state, effects.shared, cause, bundle, now)
            outbox, sequences = self._outbox(
                item, cause, decision, subject, bundle, now, traceparent
            )
            commands = self._commands(cause, decision, now, traceparent)
            version = self._version(cause, subject, decision)
        # From here on nothing raises.
        rows_before = len(effects.rows)
        subject.changed, subject.state, subject.sequences = True, decision.state, sequences
        subject.version = version
        self._note_activation(cause, subject)
        self._erase(cause, subject, rows_before, effects)
        if decision.shared is not None:
            effects.shared = decision.shared
        effects.outbox += outbox
        effects.rows += decision.rows
        effects.commands += commands
        self._mark_applied(item, cause, subject, outbox, effects)
        for name in decision.cancel:
            effects.timers[cause.subject, name] = None
        for arm in decision.arm:
            armed = ArmedTimer(item.shard, cause.subject, arm, traceparent)
            effects.timers[cause.subject, arm.name] = armed
        if item.command is not None:
            answer = decision.answer or _APPLIED
            effects.answers.append(CommandAnswer(item.command, cause.subject, answer))
        if item.replays is not None:
            effects.replayed.append(item.replays)
        effects.counts[item.kind, "applied"] += 1

    @staticmethod
    def _note_activation(cause: Input, subject: SubjectInBatch[State]) -> None:
        if (
            isinstance(cause, CommandInput)
            and cause.kind == ACTIVATION
            and isinstance(cause.body, dict)
        ):
            subject.activated = UUID(str(cause.body["activation_id"]))

    @staticmethod
    def _moved(item: Item, effects: Effects[State, Shared]) -> bool:
        """Whether this batch has cancelled or moved the timer before it came to it."""
        timer = item.timer
        return timer is not None and (timer.subject, timer.name) in effects.timers

    @staticmethod
    def _end_replay(item: Item, cause: Input, effects: Effects[State, Shared]) -> None:
        """Mark a replayed dead letter as done, as far as it can be.

        Its event has taken effect since, its subject was erased, or its timer is set again.
        """
        if item.replays is None:
            return
        effects.replayed.append(item.replays)
        if item.command is not None:
            effects.answers.append(CommandAnswer(item.command, cause.subject, _APPLIED))

    def _mark_applied(
        self,
        item: Item,
        cause: Input,
        subject: SubjectInBatch[State],
        outbox: Sequence[OutboxRow],
        effects: Effects[State, Shared],
    ) -> None:
        """Record that the input was applied, and that the service's own events need not be applied
        when it reads them.
        """
        if isinstance(cause, EventInput):
            effects.inbox += erasure.inbox_ids(cause, subject.erased_at)
        self._remove_fired(item, effects)
        effects.inbox += self._own_events(outbox)

    @staticmethod
    def _remove_fired(item: Item, effects: Effects[State, Shared]) -> None:
        if item.timer is not None:
            effects.timers[item.timer.subject, item.timer.name] = None

    def _own_events(self, outbox: Sequence[OutboxRow]) -> list[UUID]:
        """The ids of events on topics that the service itself reads."""
        return [row.event_id for row in outbox if row.topic in self._own_topics]

    @staticmethod
    def _erase(
        cause: Input,
        subject: SubjectInBatch[State],
        rows_before: int,
        effects: Effects[State, Shared],
    ) -> None:
        data = erasure.erased(cause)
        if data is None:
            return
        subject.erased_at = data.occurred_at
        erasure.prune(effects, cause.subject)
        effects.erasures.append(
            Erasure(cause.subject, data.occurred_at, rows_before, unpublished=subject.state is None)
        )

    def _version(
        self, cause: Input, subject: SubjectInBatch[State], decision: Decision[State, Shared]
    ) -> int:
        """The version of the subject's row: it never goes down while the subject is kept.

        So a release that does not know a timer of the subject does not read its state either, and
        can't cancel that timer.
        """
        versions = [arm.version for arm in decision.arm]
        if decision.state is not None:
            versions.append(self._service.store.version(decision.state))
        before = 1 if erasure.erased(cause) is not None else subject.version
        return max([before, *versions])

    def _commands(
        self,
        cause: Input,
        decision: Decision[State, Shared],
        now: datetime,
        traceparent: str | None,
    ) -> list[AskedCommand]:
        return [
            AskedCommand(
                identity.following_id(cause.id, cause.time, f"ask:{ask.kind}", ordinal),
                ask.subject.shard(self._shards),
                ask,
                now,
                traceparent,
            )
            for ordinal, ask in enumerate(decision.ask)
        ]

    def _outbox(
        self,
        item: Item,
        cause: Input,
        decision: Decision[State, Shared],
        subject: SubjectInBatch[State],
        bundle: Bundle,
        now: datetime,
        traceparent: str | None,
    ) -> tuple[list[OutboxRow], Mapping[str, int]]:
        sequences = dict(subject.sequences)
        ordinals: dict[str, int] = {}
        rows = []
        for data in decision.events:
            _check_subject(data, cause.subject)
            ordinal = ordinals.get(data.event_type, 0)
            ordinals[data.event_type] = ordinal + 1
            topic = data.topic.name
            sequences[topic] = sequences.get(topic, 0) + 1
            event = Event(
                id=identity.following_id(cause.id, cause.time, data.event_type, ordinal),
                source=f"/baton/{self._service.name}",
                time=now,
                subject=str(cause.subject.id),
                data=data,
                sequence=sequences[topic],
                traceparent=traceparent,
                policyversion=bundle.hash,
            )
            rows.append(poison.outbox_row(item.shard, event))
        return rows, sequences


def _check_subject(data: object, subject: Subject) -> None:
    """A decision may not publish about another subject: its order and sequence would be broken."""
    if isinstance(data, SubjectEvent) and data.about != subject:
        msg = f"a decision on {subject} can't publish an event about {data.about}"
        raise ValueError(msg)
