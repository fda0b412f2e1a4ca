"""The inputs of one transaction, and how far they bring each partition."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from baton import cloudevents, events, identity
from baton.cloudevents import ReceivedHeaders, UnknownTypeError
from baton.events import LeadErased, LeadEvent
from baton.runtime.inputs import Arm, CommandInput, EventInput, Input, TimerInput

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

    `given` is None where it can't be understood, then `fault` says why. A replay is an item whose
    `replays` names the dead letter; `command` the command that must be answered and removed. Where
    the letter is of a timer, `arms` is that timer, which is set again.
    """

    shard: int
    given: Input | None
    record: Record | None = None
    fault: str | None = None
    replays: UUID | None = None
    command: UUID | None = None
    arms: Arm | None = None

    @property
    def kind(self) -> str:
        """What a dead letter calls it."""
        if isinstance(self.given, TimerInput):
            return "timer"
        return "command" if isinstance(self.given, CommandInput) else "event"

    @property
    def dead_letter_id(self) -> UUID:
        """The event's id, where it has one that can be read, else an id of its place."""
        if self.given is not None:
            return self.given.id
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


def read(
    records: Iterable[Record], uses: frozenset[str], shards: int, *, check_partition: bool
) -> list[Item]:
    """The items of records; those of types that the service has no use for are passed over.

    Raises UnknownTypeError, which names the place, for a type that this release does not know.
    """
    items = []
    for record in records:
        type_name = cloudevents.event_type(record.headers)
        if type_name in events.BY_TYPE and type_name not in uses:
            continue
        try:
            items.append(read_one(record, shards, check_partition=check_partition))
        except UnknownTypeError as error:
            place = f"{record.topic}, partition {record.shard}, offset {record.offset}"
            raise UnknownTypeError(f"{error} ({place})") from error
    # An enquiry made after an erasure, of another topic, may be polled beside it: it begins anew.
    return sorted(items, key=lambda item: not _erases(item))


def _erases(item: Item) -> bool:
    return isinstance(item.given, EventInput) and isinstance(item.given.event.data, LeadErased)


def within(
    records: Sequence[Record], size: int, most: int, taken: int = 0
) -> Iterator[Sequence[Record]]:
    """The records in their order, cut so that no part has more than `size` bytes of values, nor
    more than `most` records; the first has `taken` fewer, for what is put before them.

    One record may have more bytes, and there is one part, maybe empty, where nothing needs cutting.
    """
    part: list[Record] = []
    total, room = 0, most - taken
    for record in records:
        length = len(record.value or b"")
        if len(part) >= room or (part and total + length > size):
            yield part
            part, total, room = [], 0, most
        part.append(record)
        total += length
    yield part


def read_one(record: Record, shards: int, *, check_partition: bool = True) -> Item:
    """The item of one record, decoded anew."""
    fault = None
    given = None
    try:
        event = cloudevents.decode(record.key, record.value, record.headers)
        if not isinstance(event.data, LeadEvent):
            fault = f"{event.data.event_type} is not about a lead"
        elif check_partition and identity.shard_of(record.key or b"", shards) != record.shard:
            fault = "the record's key does not belong to its partition"
        else:
            given = EventInput(event)  # type: ignore[arg-type]  # narrowed by the data's type
    except cloudevents.NotDecodableError as error:
        fault = str(error)
    return Item(record.shard, given, record, fault)
