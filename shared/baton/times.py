"""The one table of times, with the inequalities that hold between them."""

from datetime import timedelta
from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator


def _s(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


class Times(BaseModel):
    """How long each thing may take. Each can be set by `BATON_TIMES__<NAME>`, in seconds.

    `docs/operations.md` says what an operator sees when one of them runs out.
    """

    model_config = ConfigDict(frozen=True)

    heartbeat: timedelta = _s(3)
    """Between two signs of life to the group."""
    session: timedelta = _s(15)
    """Without a sign of life for so long, a process has left the group."""
    rebalance: timedelta = _s(60)
    """What the group waits for a member to let go of its shards."""
    drain: timedelta = _s(30)
    """In which a process that must let go publishes what it has committed."""
    publish: timedelta = _s(20)
    """In which Kafka acknowledges a send; otherwise the process ends."""
    shutdown: timedelta = _s(45)
    """From SIGTERM to the end of the process."""
    lock: timedelta = _s(2)
    """What a statement waits for a lock."""
    idle_in_transaction: timedelta = _s(5)
    """After which the database ends the session of a frozen process."""
    statement: timedelta = _s(10)
    """What one statement may take."""
    transaction: timedelta = _s(15)
    """What one transaction may take, from PostgreSQL 17."""
    patience: timedelta = _s(60)
    """How long I/O that fails is tried again before the process ends."""
    catch_up: timedelta = _s(300)
    """What an accusing timer waits at most for its shard to have read everything."""
    settle: timedelta = _s(30)
    """After Kafka was away: what an accusing timer waits for intake's spools."""
    stall: timedelta = _s(90)
    """Without progress though there is work for so long, the process ends."""
    look: timedelta = _s(1)
    """Between two looks at timers, commands and what may be deleted."""
    spool_switch: timedelta = _s(1)
    """What intake waits for Kafka before an event goes to the spool."""
    circuit: timedelta = _s(2)
    """Between two attempts of intake to reach Kafka again."""
    command_wait: timedelta = _s(3)
    """What a request waits for its command before it answers 202."""
    poll: timedelta = _s(0.1)
    """What the broker holds a fetch back for when there is nothing to read."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        smaller = (
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
        for less, factor, more in smaller:
            if getattr(self, less) * factor > getattr(self, more):
                times = f"{factor} x {less}" if factor > 1 else less
                msg = f"the times must keep {times} <= {more}; set BATON_TIMES__{more.upper()}"
                raise ValueError(msg)
        return self
