"""The inputs of one transaction, and how far they bring each partition."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from baton import cloudevents, events, identity
from baton.cloudevents import ReceivedHeaders, UnknownTypeError
from baton.events import LeadErased, SubjectEvent
from baton.runtime.decisions import Arm
from baton.runtime.errors import UnknownEventTypeError
from baton.runtime.inputs import CommandInput, EventInput, Input, TimerInput

Partition = tuple[int, str]
"""A shard and the name of a topic, without the deployment's prefix."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record as Kafka gave it."""

    shard: int
    topic: str
    offset: int
    key: bytes | None
    value: bytes | None
    headers: ReceivedHeaders


@dataclass(frozen=True, slots=True)
class Item:
    """One input of a shard, with where it came from.

    `input` is None where it can't be understood, then `fault` says why. A replay is an item whose
    `replays` names the dead letter; `command` the command that must be answered and removed. Where
    the letter is of a timer, `arms` is that timer, which is set again.
    """

    shard: int
    input: Input | None
    record: Record | None = None
    fault: str | None = None
    replays: UUID | None = None
    command: UUID | None = None
    arms: Arm | None = None

    @property
    def kind(self) -> str:
        """The kind of this input in a dead letter."""
        if isinstance(self.input, TimerInput):
            return "timer"
        return "command" if isinstance(self.input, CommandInput) else "event"

    @property
    def timer(self) -> TimerInput | None:
        """The timer that it is the firing of."""
        return self.input if isinstance(self.input, TimerInput) else None

    @property
    def dead_letter_id(self) -> UUID:
        """The event's id, where it has one that can be read, else an id of its place."""
        if self.input is not None:
            return self.input.id
        assert self.record is not None  # noqa: S101 - only a record can fail to be understood
        for name, value in self.record.headers:
            if name == "ce_id" and value is not None:
                try:
                    return UUID(value.decode())
                except ValueError:
                    break
        place = (self.record.topic, str(self.record.shard), str(self.record.offset))
        return identity.named_id("unreadable", *place)


@dataclass(frozen=True, slots=True)
class Batch:
    """Items in their order, and where each partition stands before and after them."""

    items: Sequence[Item]
    epochs: Mapping[int, int]
    begins: Mapping[Partition, int]
    ends: Mapping[Partition, int]
    published: Mapping[int, int] = field(default_factory=dict)
    """By shard, the last outbox row that Kafka has acknowledged."""

    def halves(self) -> tuple["Batch", "Batch"]:
        """The two halves of the items; the first ends before the first record of the second.

        Items need not be in the order of their records: what the first half has applied beyond its
        end is in the inbox.
        """
        middle = len(self.items) // 2
        first, second = self.items[:middle], self.items[middle:]
        between = dict(self.ends)
        for item in second:
            if item.record is not None and item.replays is None:
                place = (item.shard, item.record.topic)
                between[place] = min(between[place], item.record.offset)
        return (
            Batch(first, self.epochs, self.begins, between, self.published),
            Batch(second, self.epochs, between, self.ends),
        )

    def poisoned(self, reason: str) -> "Batch":
        """The same batch, with its items not to be decided on, because of `reason`."""
        items = [replace(item, fault=reason) for item in self.items]
        return Batch(items, self.epochs, self.begins, self.ends, self.published)


@dataclass(frozen=True, slots=True)
class Reader:
    """Makes items of records; those of types that the service does not use are passed over."""

    uses: frozenset[str]
    shards: int

    def read(self, records: Iterable[Record]) -> list[Item]:
        """The items, erasures first. Raises UnknownEventTypeError."""
        items = []
        for record in records:
            type_name = cloudevents.event_type(record.headers)
            if type_name in events.BY_TYPE and type_name not in self.uses:
                continue
            try:
                items.append(self.read_one(record))
            except UnknownTypeError as error:
                raise UnknownEventTypeError(
                    (record.shard, record.topic),
                    record.offset,
                    f"the record at offset {record.offset} of {record.topic}, partition "
                    f"{record.shard}, has the type {error}, which this release does not know: "
                    "deploy this service's new release before the one that writes it",
                ) from error
        # An enquiry made after an erasure, of another topic, may be polled beside it: it begins
        # anew.
        return sorted(items, key=lambda item: not _erases(item))

    def read_one(self, record: Record) -> Item:
        """The item of one record, decoded anew. Raises UnknownTypeError."""
        fault = None
        event_input = None
        try:
            event = cloudevents.decode(record.key, record.value, record.headers)
            if not isinstance(event.data, SubjectEvent):
                fault = f"{event.data.event_type} is about no subject of a shard"
            elif not self.belongs(record):
                fault = "the record's key does not belong to its partition"
            else:
                event_input = EventInput(event)  # type: ignore[arg-type]  # narrowed by the data's type
        except cloudevents.NotDecodableError as error:
            fault = str(error)
        return Item(record.shard, event_input, record, fault)

    def belongs(self, record: Record) -> bool:
        """Whether the record is in the partition of its key."""
        return identity.shard_of(record.key or b"", self.shards) == record.shard


def _erases(item: Item) -> bool:
    return isinstance(item.input, EventInput) and isinstance(item.input.event.data, LeadErased)


def within(
    records: Sequence[Record], size: int, most: int, used_bytes: int = 0
) -> Iterator[Sequence[Record]]:
    """The records in their order, in parts of at most `size` bytes of values and `most` records.
    The first part has `used_bytes` less, for the inputs that are put before it. A single record may
    be larger. If nothing needs cutting, there is one part, which may be empty.
    """
    part: list[Record] = []
    total, room = 0, most - used_bytes
    for record in records:
        length = len(record.value or b"")
        if len(part) >= room or (part and total + length > size):
            yield part
            part, total, room = [], 0, most
        part.append(record)
        total += length
    yield part
