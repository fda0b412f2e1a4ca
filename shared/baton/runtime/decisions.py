"""The types that a service's `decide` returns."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from pydantic import BaseModel, JsonValue

from baton.events import EventData
from baton.policy.bundle import Bundle
from baton.runtime.inputs import Input
from baton.subjects import Subject

State = TypeVar("State", bound=BaseModel)
Shared = TypeVar("Shared")


@dataclass(frozen=True, slots=True)
class Arm:
    """Set the subject's timer `name`; one that is set already is moved.

    A timer that `accuses` someone fires only once the shard has read everything that was written
    up to its due time. `version` is the first version of the service that knows this timer.
    """

    name: str
    due_at: datetime
    accuses: bool = False
    version: int = 1


@dataclass(frozen=True, slots=True)
class Ask:
    """A command for another subject, in the same transaction.

    The other subject takes its commands in the order of the times at which they were made, and
    those of one batch in the order of their ids. `body` must not hold a person's data: the command
    stays when the subject that asks is erased. `version` is the first version of the service that
    knows this command.
    """

    subject: Subject
    kind: str
    body: JsonValue = None
    version: int = 1


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of a command, for the request that waits for it, maybe in another process.

    `outcome` is a code of the service's domain, or one of `RunnerOutcome`; `body` says more of it.
    """

    outcome: str
    body: JsonValue = None


class RunnerOutcome(StrEnum):
    """The results of a command for which the domain has no code."""

    APPLIED = "applied"
    DEAD_LETTER = "dead_letter"
    NO_SUCH_DEAD_LETTER = "no_such_dead_letter"


class Row:
    """A row for a table of the service's own; `Store.save` knows its kinds."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Decision(Generic[State, Shared]):
    """The effects of one input.

    `state` is the subject's from now on (None: nothing is kept of it); `shared` what the subjects
    share, as changed (None: unchanged). `events` are about the input's own subject, or about none;
    they are published in this order, with ids that follow from the input's.
    """

    state: State | None
    shared: Shared | None = None
    events: Sequence[EventData] = ()
    arm: Sequence[Arm] = ()
    cancel: Sequence[str] = ()
    ask: Sequence[Ask] = ()
    rows: Sequence[Row] = ()
    answer: Answer | None = None


class Decide(Protocol[State, Shared]):
    """A service's `domain.decide`: pure; an exception makes the input a dead letter.

    It raises NotLockedError for a shared row that was not locked: the batch is then repeated with
    that row. `now` is the time of the batch, in UTC. For `lead.erased` the decision has the events
    for other services. It also has the state, rows and timers of facts that are later than the
    erasure and were read before it; mostly there are none. The runner removes everything else of
    the lead.
    """

    def __call__(
        self, state: State | None, shared: Shared, cause: Input, bundle: Bundle, now: datetime, /
    ) -> Decision[State, Shared]:
        """Decide on one input."""
