"""Errors that end a batch, a shard's work, a stay in the group, or a process."""

from collections.abc import Collection
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from baton.runtime.batch import Record

SharedRow = tuple[str, str]
"""A kind and an id of a row that the subjects of a service share, such as ("pool", "emea")."""


class NotLockedError(LookupError):
    """A decision needs shared rows that its batch has not locked."""

    def __init__(self, rows: Collection[SharedRow]) -> None:
        self.rows = frozenset(rows)
        names = ", ".join(f"{kind} {id_!r}" for kind, id_ in sorted(self.rows))
        super().__init__(f"not locked: {names}")


class RejoinError(Exception):
    """The shards may no longer be this process's: it leaves the group and joins again."""

    why = "rejoin"


class FenceLostError(RejoinError):
    """Another process has raised a shard's epoch."""

    why = "newer epoch"


class PositionsMovedError(RejoinError):
    """The polled records do not begin at the shard's position in the database."""

    why = "positions"


class ShardFaultError(Exception):
    """One shard must not go on; the others do. The message says the way out.

    `code` is the metric's label.
    """

    code: ClassVar[str]

    def __init__(self, shard: int, message: str) -> None:
        self.shard = shard
        super().__init__(message)


class PositionOutOfRangeError(ShardFaultError):
    """Kafka no longer has, or does not yet have, what must be read next."""

    code = "position_out_of_range"


class UnknownEventTypeError(ShardFaultError):
    """A newer release writes what this one can't read: deploy readers before writers."""

    code = "unknown_event_type"

    def __init__(self, place: tuple[int, str], offset: int, message: str) -> None:
        super().__init__(place[0], message)
        self.place = place
        self._offset = offset

    def covers(self, record: "Record") -> bool:
        """Whether it keeps a record from being read: the one with the type, or one behind it."""
        return (record.shard, record.topic) == self.place and record.offset >= self._offset


class UnreadableRecordError(ShardFaultError):
    """The Kafka client itself can't take a record apart."""

    code = "unreadable_record"


class NewerVersionError(ShardFaultError):
    """A newer release of the service wrote a state, timer or command that this one does not know.

    Reading it here would drop its new fields or make a dead letter of it.
    """

    code = "newer_version"

    def __init__(self, shard: int, row: str, found: int, known: int) -> None:
        super().__init__(
            shard,
            f"{row} has version {found}, and this release knows {known}: start the newer release "
            "of this service again; the shard waits for it.",
        )


class HaltedError(Exception):
    """The service must not go on; it stays up, not ready, and looks again from time to time."""


class BreakerTrippedError(HaltedError):
    """Too much input could not be processed: `baton resume` lets the service go on."""

    def __init__(self, service: str, why: str | None) -> None:
        name = service.replace("_", "-")  # as the operator's command has it
        super().__init__(
            f"{name} has stopped itself: {why or 'too much could not be processed'}. See `baton "
            f"dead-letters list {name}`, mend the cause, then `baton resume {name}`."
        )


class PolicyMissingError(HaltedError):
    """No bundle is in force, or this release can't read the one that is."""


class DeploymentError(HaltedError):
    """The schema, the topics and the settings do not fit together; the message says how."""


class CommitUnknownError(Exception):
    """The outcome of a commit is not known; the next owner finds out from the positions."""


class PublishError(Exception):
    """Kafka did not take an event in time: publishing ends, and with it the process."""


class StalledError(Exception):
    """There is work, and nothing moves."""


class AssignmentError(Exception):
    """The group gave this process a shard without all of its topics."""
