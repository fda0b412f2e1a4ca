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
    """How long each thing may take. Each can be set by `BATON_TIMES__<NAME>`, in seconds.

    `docs/operations.md` says what an operator sees when one of them runs out.
    """

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    heartbeat: Seconds = _s(3)
    """Between two signs of life to the group."""
    session: Seconds = _s(15)
    """Without a sign of life for so long, a process has left the group."""
    rebalance: Seconds = _s(60)
    """What the group waits for a member to let go of its shards."""
    drain: Seconds = _s(30)
    """In which a process that must let go publishes what it has committed."""
    publish: Seconds = _s(20)
    """In which Kafka acknowledges a send; otherwise the process ends."""
    shutdown: Seconds = _s(45)
    """From SIGTERM to the end of the process."""
    lock: Seconds = _s(2)
    """What a statement waits for a lock."""
    idle_in_transaction: Seconds = _s(5)
    """After which the database ends the session of a frozen process."""
    statement: Seconds = _s(10)
    """What one statement may take."""
    transaction: Seconds = _s(15)
    """What one transaction may take, from PostgreSQL 17."""
    patience: Seconds = _s(60)
    """How long I/O that fails is tried again before the process ends."""
    catch_up: Seconds = _s(300)
    """What an accusing timer waits at most for its shard to have read everything."""
    settle: Seconds = _s(30)
    """What an accusing timer waits for intake's spools: Kafka is back, or its shard was opened."""
    stall: Seconds = _s(90)
    """Without progress though there is work for so long, the process ends."""
    look: Seconds = _s(1)
    """Between two looks at timers, commands, what may be deleted and what was passed over."""
    spool_switch: Seconds = _s(1)
    """What intake waits for Kafka before an event goes to the spool."""
    circuit: Seconds = _s(2)
    """Between two attempts of intake to reach Kafka again."""
    command_wait: Seconds = _s(3)
    """What a request waits for its command before it answers 202."""
    poll: Seconds = _s(0.1)
    """What the broker holds a fetch back for when there is nothing to read."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        for less, factor, more in AT_MOST:
            if getattr(self, less) * factor > getattr(self, more):
                times = f"{factor} x {less}" if factor > 1 else less
                msg = f"the times must keep {times} <= {more}; set BATON_TIMES__{more.upper()}"
                raise ValueError(msg)
        return self
