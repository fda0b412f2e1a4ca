"""The errors of commands, each with the way out."""

REFUSED = 1
"""Exit code: it was asked rightly, and did not work."""

MISUSED = 2
"""Exit code: it was asked wrongly, or a setting is missing."""


class Failure(Exception):  # noqa: N818 - an outcome of a command, not a fault of the program
    """Ends a command. `message` names the thing that is wrong, `way_out` what to do about it."""

    def __init__(self, message: str, way_out: str = "", *, exit_code: int = REFUSED) -> None:
        super().__init__(message)
        self.message = message
        self.way_out = way_out
        self.exit_code = exit_code
