"""Inputs that can't be applied: which errors make one, and what a batch does about it."""

from datetime import datetime
from uuid import UUID

import asyncpg
from pydantic import JsonValue

from baton import cloudevents, identity
from baton.cloudevents import Event
from baton.database import DATABASE_ERRORS
from baton.events import EventData
from baton.kafka import MAX_HEADER_BYTES, MAX_RECORD_BYTES
from baton.logs import logger
from baton.runtime import dead_letters
from baton.runtime.decisions import Answer, RunnerOutcome, Shared, State
from baton.runtime.effects import CommandAnswer, Effects, OutboxRow
from baton.runtime.errors import (
    CommitUnknownError,
    HaltedError,
    PublishError,
    RejoinError,
    ShardFaultError,
)

_LOG = logger(__name__)
_REFUSED_CLASSES = ("22", "23", "54")
"""SQLSTATE classes that mean: this data is refused, and will be again."""


class PoisonError(Exception):
    """An input can't be applied; the message is the dead letter's reason."""


def is_data_error(error: Exception) -> bool:
    """Whether a batch failed for its data, and not for a server or a shard.

    For a value that it cannot send, asyncpg raises an error that is both an InterfaceError and a
    ValueError.
    """
    if isinstance(error, asyncpg.PostgresError):
        return (error.sqlstate or "")[:2] in _REFUSED_CLASSES
    if isinstance(error, ValueError):
        return True
    others = (RejoinError, HaltedError, ShardFaultError, CommitUnknownError, PublishError)
    return not isinstance(error, (*DATABASE_ERRORS, *others))


def reason(error: Exception) -> str:
    """The reason that a dead letter has."""
    if isinstance(error, asyncpg.PostgresError):
        return f"the database refuses it: {error.sqlstate} {error}"
    return f"{type(error).__name__}: {error}"


def outbox_row(shard: int, event: Event[EventData]) -> OutboxRow:
    """The row of an event. Raises PoisonError where Kafka would not take the event for its size."""
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


def announce(effects: Effects[State, Shared], service: str, now: datetime) -> None:
    """Add what follows from the batch's poisons: their events, their answers, and no timers.

    The dead letters themselves are not written by this.
    """
    for poison in effects.poisons:
        item = poison.item
        effects.counts[item.kind, "poison"] += 1
        data = dead_letters.announcement(service, poison, now)
        id_ = dead_letters.announcement_id(service, data.dead_letter_id)
        effects.outbox.append(operations_row(service, item.shard, id_, str(id_), data, now))
        if item.timer is not None:
            effects.timers.setdefault((item.timer.subject, item.timer.name), None)
        if item.command is not None and item.input is not None:
            body: JsonValue = {"dead_letter": str(data.dead_letter_id)}
            answer = Answer(RunnerOutcome.DEAD_LETTER, body)
            effects.answers.append(CommandAnswer(item.command, item.input.subject, answer))
        subject = None if item.input is None else item.input.subject
        _LOG.error(
            "an input became a dead letter",
            kind=item.kind,
            dead_letter=str(data.dead_letter_id),
            subject=None if subject is None else f"{subject.kind} {subject.id}",
            topic=data.origin_topic,
            reason=poison.reason.split(":", maxsplit=1)[0],
        )


def breaker_row(service: str, shard: int, data: EventData, now: datetime) -> OutboxRow:
    """The event of a breaker that has just tripped."""
    id_ = identity.named_id("breaker", service, now.isoformat())
    return operations_row(service, shard, id_, service, data, now)


def operations_row(
    service: str, shard: int, id_: UUID, subject: str, data: EventData, now: datetime
) -> OutboxRow:
    """An event that is about no subject of a shard: it takes no sequence."""
    return outbox_row(shard, Event(id_, f"/baton/{service}", now, subject, data))
