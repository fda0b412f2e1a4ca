"""The errors of a stack; each message says what to do."""

from collections.abc import Sequence
from pathlib import Path


class StackError(Exception):
    """Something on this machine keeps the stack from running; the text is for the person there."""


class PortInUseError(StackError):
    """Another process uses a port that the stack needs. The stack was not started."""

    def __init__(self, busy: Sequence[tuple[str, int]]) -> None:
        self.busy = tuple(busy)
        super().__init__(
            "\n".join(
                f"port {port}, which {program} needs, is in use by another process."
                for program, port in busy
            )
        )


class NotReadyError(StackError):
    """A program did not become ready in time, or gave up."""

    def __init__(self, program: str, reason: str, log: Path) -> None:
        self.program = program
        super().__init__(f"{program} is not ready: {reason}\nits log: {log}\n{tail(log)}")


def tail(log: Path, lines: int = 20) -> str:
    """The last lines of a log, indented; empty when there is none yet."""
    if not log.exists():
        return ""
    text = log.read_text(errors="replace").splitlines()[-lines:]
    return "\n".join(f"    {line}" for line in text)
