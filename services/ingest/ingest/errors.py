"""The errors by which intake says that it does not take a delivery, and why.

They know no HTTP: `edge.problems` gives each its status. Background work has no sender that waits
for an answer; it decides by the class. `TryLaterError` is worth another attempt, `RejectedError` is
not.
"""


class IntakeError(Exception):
    """A delivery is not taken. `reason` says what is wrong with it, or what can be done.

    `title` says of what kind that is, and `field` is the path of the part that is wrong.
    """

    title = "Not taken"

    def __init__(self, reason: str, field: str | None = None, title: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.field = field
        self.title = title or self.title


class RejectedError(IntakeError):
    """The delivery can't be used: sent again as it is, it would be rejected again."""

    title = "Invalid delivery"


class UnreadableError(RejectedError):
    """The bytes are no text of the format that they should have; the reason says where."""

    title = "Broken JSON"


class TooLargeError(RejectedError):
    """A body or an event is over its bound: less must be sent at a time."""

    title = "Too much in one delivery"


class UnknownError(RejectedError):
    """There is nothing of the name or the id that was given."""

    title = "Not found"


class ConflictError(RejectedError):
    """The request cannot be done in the present state."""

    title = "Not possible now"


class TryLaterError(IntakeError):
    """The fault is ours, or of the moment, and nothing was kept: the same may be taken later."""

    title = "Not taken now"


class StorageAwayError(TryLaterError):
    """Neither Kafka nor PostgreSQL takes it, or the one of them that is needed."""

    title = "Nothing to keep it in"

    def __init__(self) -> None:
        super().__init__("send it again after the time in Retry-After")
