"""What a shard is given (events, timers, commands) and what a decision gives back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar
from uuid import UUID

from pydantic import BaseModel, JsonValue

from baton.cloudevents import Event
from baton.events import EventData, LeadEvent
from baton.policy.bundle import Bundle
from baton.topics import Topic

State = TypeVar("State", bound=BaseModel)
Shared = TypeVar("Shared")


@dataclass(frozen=True, slots=True)
class EventInput:
    """An event of a topic that the service reads."""

    event: Event[LeadEvent]

    @property
    def id(self) -> UUID:
        """The event's id."""
        return self.event.id

    @property
    def time(self) -> datetime:
        """When it was decided (`ce_time`)."""
        return self.event.time

    @property
    def lead_id(self) -> UUID:
        """Whose it is."""
        return self.event.data.lead_id

    @property
    def traceparent(self) -> str | None:
        """The trace that it belongs to."""
        return self.event.traceparent


@dataclass(frozen=True, slots=True)
class TimerInput:
    """A timer that is due. `facts_complete` is false where its gate ran into its bound.

    `accuses` is as `Arm` has it.
    """

    id: UUID
    lead_id: UUID
    name: str
    due_at: datetime
    facts_complete: bool = True
    traceparent: str | None = None
    accuses: bool = False

    @property
    def time(self) -> datetime:
        """When it was due."""
        return self.due_at


@dataclass(frozen=True, slots=True)
class CommandInput:
    """What HTTP, or another shard, asks of a lead's shard."""

    id: UUID
    lead_id: UUID
    kind: str
    body: JsonValue
    time: datetime
    traceparent: str | None = None


Input = EventInput | TimerInput | CommandInput


@dataclass(frozen=True, slots=True)
class Arm:
    """Set the lead's timer `name`; one that is set already is moved.

    A timer that `accuses` someone fires only once the shard has read everything that was written
    up to its due time.
    """

    name: str
    due_at: datetime
    accuses: bool = False


@dataclass(frozen=True, slots=True)
class Ask:
    """A command for the shard of another lead."""

    lead_id: UUID
    kind: str
    body: JsonValue = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command's request is told: an HTTP status and a JSON body."""

    status: int
    body: JsonValue


class Row:
    """A row for a table of the service's own; `Store.save` knows its kinds."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Decision(Generic[State, Shared]):
    """What becomes of one input.

    `state` is the lead's from now on (None: nothing is kept of it); `shared` what the shards share,
    as changed (None: unchanged). `events` are published in this order, with ids that follow from
    the input's.
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
    """A service's `domain.decide`: pure; what it raises makes the input a dead letter.

    `now` is the time of the batch, in UTC. For `lead.erased` it gives the events that tell others,
    and the state, rows and timers of what was told of the time since, which may have been read
    before (None and nothing, mostly); all else of the lead the runner itself removes.
    """

    def __call__(
        self, state: State | None, shared: Shared, given: Input, bundle: Bundle, now: datetime, /
    ) -> Decision[State, Shared]:
        """Decide on one input."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """The topics that a service reads, all from its first day, and the types that it decides on.

    Other types of these topics that this release knows are passed over, undecoded.
    """

    topics: Sequence[Topic]
    uses: Sequence[type[LeadEvent]]
