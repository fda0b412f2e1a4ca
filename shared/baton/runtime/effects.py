"""The effects of a batch: all that its decisions change, as records that one step writes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic
from uuid import UUID

from baton.runtime.activations import Activation
from baton.runtime.batch import Item
from baton.runtime.decisions import Answer, Arm, Ask, Row, Shared, State
from baton.subjects import Subject

TimerName = tuple[Subject, str]


@dataclass(slots=True)
class SubjectInBatch(Generic[State]):
    """A subject while a batch is decided: what is kept of it, as changed so far.

    `sequences` are the last sequence numbers of its events, by topic. `version` is that of its row,
    `activated` the activation whose command it was given last. `stored`: whether it has a row.
    """

    shard: int
    state: State | None = None
    sequences: Mapping[str, int] = field(default_factory=dict)
    erased_at: datetime | None = None
    version: int = 1
    activated: UUID | None = None
    stored: bool = False
    changed: bool = False

    @property
    def must_be_stored(self) -> bool:
        """Whether the subject's row must be written: it changed, and it is stored or has something
        to store.
        """
        parts = (self.state, self.erased_at, self.activated)
        anything = any(part is not None for part in parts) or self.sequences or self.version > 1
        return self.changed and bool(self.stored or anything)


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """An event to be published; `id` is its place in its shard's order."""

    shard: int
    event_id: UUID
    topic: str
    key: bytes
    headers: Sequence[tuple[str, bytes]]
    value: bytes
    id: int = 0


@dataclass(frozen=True, slots=True)
class ArmedTimer:
    """A timer that is set, with the trace that it belongs to."""

    shard: int
    subject: Subject
    arm: Arm
    traceparent: str | None


@dataclass(frozen=True, slots=True)
class AskedCommand:
    """A command for a subject, of this shard or another."""

    id: UUID
    shard: int
    ask: Ask
    made_at: datetime
    traceparent: str | None


@dataclass(frozen=True, slots=True)
class Activated:
    """Commands of bundles that took effect, and the new mark of each shard that gives them."""

    commands: Sequence[AskedCommand] = ()
    marks: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CommandAnswer:
    """The answer of a command that is done."""

    command_id: UUID
    subject: Subject
    answer: Answer


@dataclass(frozen=True, slots=True)
class Poison:
    """An item that can't be applied, and why."""

    item: Item
    reason: str


@dataclass(frozen=True, slots=True)
class Erasure:
    """A subject that was erased in the batch.

    The first `rows_before` of the batch's rows were decided before the erasure. `unpublished`:
    whether the subject's unpublished events are deleted too. They stay if the subject has new facts
    from after the erasure.
    """

    subject: Subject
    erased_at: datetime
    rows_before: int
    unpublished: bool


@dataclass(slots=True)
class Effects(Generic[State, Shared]):
    """The effects of a batch so far. `timers` has None for those that are removed."""

    subjects: dict[Subject, SubjectInBatch[State]]
    shared: Shared
    outbox: list[OutboxRow] = field(default_factory=list)
    inbox: list[UUID] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    erasures: list[Erasure] = field(default_factory=list)
    timers: dict[TimerName, ArmedTimer | None] = field(default_factory=dict)
    rearmed: list[ArmedTimer] = field(default_factory=list)
    """Timers of dead letters that are replayed."""
    commands_done: list[UUID] = field(default_factory=list)
    answers: list[CommandAnswer] = field(default_factory=list)
    commands: list[AskedCommand] = field(default_factory=list)
    poisons: list[Poison] = field(default_factory=list)
    replayed: list[UUID] = field(default_factory=list)
    """Dead letters whose replay took effect."""
    activations: Mapping[int, Activation] = field(default_factory=dict)
    """By shard, the activation in force."""
    activated: Activated = field(default_factory=Activated)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Inputs by their kind and outcome."""
