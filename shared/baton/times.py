"""The one table of times, with the inequalities that hold between them."""

from datetime import timedelta
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator


def _number(value: object) -> object:
    """Text that is a number, as the environment has it, would else be read as days."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


Seconds = Annotated[timedelta, BeforeValidator(_number)]
"""A duration that a setting gives in seconds, or as ISO 8601 has it (PT1.5S)."""


def _s(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


AT_MOST = (
    ("heartbeat", 3, "session"),
    ("session", 1, "rebalance"),
    ("publish", 1, "drain"),
    ("drain", 1, "rebalance"),
    ("drain", 1, "shutdown"),
    ("lock", 1, "idle_in_transaction"),
    ("idle_in_transaction", 1, "statement"),
    ("statement", 1, "transaction"),
    ("transaction", 1, "drain"),
    ("rebalance", 1, "stall"),
    ("poll", 1, "heartbeat"),
    ("settle", 1, "catch_up"),
)
"""So many times the first is at most the last."""


class Times(BaseModel):
    """All time limits and intervals. Each can be set by `BATON_TIMES__<NAME>`, in seconds.

    `docs/operations.md` says what an operator sees when one of them runs out.
    """

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    heartbeat: Seconds = _s(3)
    """Interval of heartbeats to the Kafka consumer group."""
    session: Seconds = _s(15)
    """Time without a heartbeat after which the group drops a process."""
    rebalance: Seconds = _s(60)
    """Time for a process to give up its shards when the group rebalances."""
    drain: Seconds = _s(30)
    """Time for a process that gives up shards to publish its committed events."""
    publish: Seconds = _s(20)
    """Time for Kafka to acknowledge a send; after it the process ends."""
    shutdown: Seconds = _s(45)
    """From SIGTERM to the end of the process."""
    lock: Seconds = _s(2)
    """Time that a statement waits for a lock."""
    idle_in_transaction: Seconds = _s(5)
    """Time after which PostgreSQL ends the session of a process that is frozen in a transaction."""
    statement: Seconds = _s(10)
    """Time limit of one statement."""
    transaction: Seconds = _s(15)
    """Time limit of one transaction, from PostgreSQL 17."""
    patience: Seconds = _s(60)
    """Time for which failed I/O is repeated before the process ends."""
    catch_up: Seconds = _s(300)
    """The longest wait of a breach timer for its shard to read all facts from before the due time.
    """
    settle: Seconds = _s(30)
    """Wait of a breach timer for ingest's spools to become empty, after an outage of Kafka or the
    opening of its shard.
    """
    stall: Seconds = _s(90)
    """Time without progress, although there is work, after which the process ends."""
    look: Seconds = _s(1)
    """Interval of looking for due timers and commands, and of deleting published outbox rows."""
    spool_switch: Seconds = _s(1)
    """Time that ingest waits for Kafka before it writes an event to the spool."""
    circuit: Seconds = _s(2)
    """Interval of ingest's attempts to reach Kafka again."""
    command_wait: Seconds = _s(3)
    """Time that a request waits for the answer to its command before it returns 202."""
    poll: Seconds = _s(0.1)
    """Time that the broker delays the answer to a fetch while there are no records."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        for less, factor, more in AT_MOST:
            if getattr(self, less) * factor > getattr(self, more):
                times = f"{factor} x {less}" if factor > 1 else less
                msg = f"the times must keep {times} <= {more}; set BATON_TIMES__{more.upper()}"
                raise ValueError(msg)
        return self
