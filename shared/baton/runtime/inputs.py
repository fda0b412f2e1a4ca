"""The inputs of a shard: events, timers that are due, and commands. Each is about one subject."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic import JsonValue

from baton.cloudevents import Event
from baton.events import SubjectEvent
from baton.subjects import Subject
from baton.topics import Topic

ACTIVATION = "baton.activation"
"""The command that a subject is given when a bundle that names it takes effect.

Its body has the `activation_id` and the bundle's `hash`.
"""

REPLAY = "baton.replay"
"""The command that has a dead letter decided on again; its body is the dead letter's id."""


@dataclass(frozen=True, slots=True)
class EventInput:
    """An event of a topic that the service reads."""

    event: Event[SubjectEvent]

    @property
    def id(self) -> UUID:
        """The event's id."""
        return self.event.id

    @property
    def time(self) -> datetime:
        """When it was decided (`ce_time`)."""
        return self.event.time

    @property
    def subject(self) -> Subject:
        """The subject that the event is about."""
        return self.event.data.about

    @property
    def traceparent(self) -> str | None:
        """The trace that it belongs to."""
        return self.event.traceparent


@dataclass(frozen=True, slots=True)
class TimerInput:
    """A timer that is due. `facts_complete` is false where its gate ran into its bound.

    `accuses` and `version` are as `Arm` has them.
    """

    id: UUID
    subject: Subject
    name: str
    due_at: datetime
    facts_complete: bool = True
    traceparent: str | None = None
    accuses: bool = False
    version: int = 1

    @property
    def time(self) -> datetime:
        """When it was due."""
        return self.due_at


@dataclass(frozen=True, slots=True)
class CommandInput:
    """A request to a subject, from HTTP, from another subject or from the runner itself."""

    id: UUID
    subject: Subject
    kind: str
    body: JsonValue
    time: datetime
    traceparent: str | None = None
    version: int = 1


Input = EventInput | TimerInput | CommandInput


@dataclass(frozen=True, slots=True)
class Subscription:
    """The topics that a service reads, all from its first day, and the types that it decides on.

    Other types of these topics that this release knows are passed over, undecoded.
    """

    topics: Sequence[Topic]
    uses: Sequence[type[SubjectEvent]]
