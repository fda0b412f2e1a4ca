"""Progress of what takes a while."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape


class Steps:
    """On a terminal a spinner, and each step with its time when it is over; else a line each."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status = console.status("") if console.is_terminal else None
        self._step: str | None = None
        self._since = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.over()

    def say(self, step: str) -> None:
        """Another one begins, and the one before it is over."""
        self.over()
        self._step, self._since = step, time.monotonic()
        if self._status:
            self._status.update(f"{escape(step)} ...")
            self._status.start()
        else:
            self._console.print(f"[dim]demo:[/] {escape(step)}", soft_wrap=True)

    def over(self) -> None:
        """The step is over, and none follows for now."""
        if self._status and self._step:
            self._status.stop()
            seconds = time.monotonic() - self._since
            self._console.print(f"[dim]demo:[/] {escape(self._step)} [dim]{seconds:.1f} s[/]")
        self._step = None
