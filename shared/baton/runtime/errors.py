"""What ends a batch, a stay in the group, or a process; each says what an operator can do."""


class RejoinError(Exception):
    """The shards may no longer be this process's: it leaves the group and joins again."""

    why = "rejoin"


class FenceLostError(RejoinError):
    """Another process has raised a shard's epoch."""

    why = "newer epoch"


class PositionsMovedError(RejoinError):
    """What was polled does not begin where the database says that the shard stands."""

    why = "positions"


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


class PositionOutOfRangeError(HaltedError):
    """Kafka no longer has, or does not yet have, what must be read next."""


class UnknownEventTypeError(HaltedError):
    """A newer release writes what this one can't read: deploy readers before writers."""


class UnreadableRecordError(HaltedError):
    """The Kafka client itself can't take a record apart: its writer must be found and mended."""


class CommitUnknownError(Exception):
    """The outcome of a commit is not known; the next owner finds out from the positions."""


class PublishError(Exception):
    """Kafka did not take an event in time: the line ends, and with it the process."""


class StalledError(Exception):
    """There is work, and nothing moves."""


class AssignmentError(Exception):
    """The group gave this process a shard without all of its topics."""


class DeploymentError(HaltedError):
    """The schema, the topics and the settings do not fit together; the message says how."""
