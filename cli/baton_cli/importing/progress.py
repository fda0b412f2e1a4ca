"""How an import goes: a bar on a terminal, a line now and then elsewhere."""

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from baton_cli.screen import notes
from baton_cli.times import duration

_EVERY_S = 10.0
_OVER_S = 30.0
"""The rate is that of so many last seconds."""


class Shown(Protocol):
    """Is told how far it has come."""

    def at(self, offset: int, rows: int, refused: int) -> None:
        """So many bytes of the file, and so many rows of it, are answered."""

    def waits(self, why: str) -> None:
        """Show that ingest accepts nothing at present and that the import retries."""


@contextmanager
def shown(size: int, offset: int, rows: int) -> Iterator[Shown]:
    """For the time of the block, of a file of `size` bytes, from where a former run had come to."""
    console = notes()
    if not console.is_terminal:
        yield _Lines(console, size, _Rate(offset, rows))
        return
    columns = (
        TextColumn("{task.fields[said]}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    bar = Progress(
        *columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False
    )
    with bar:
        yield _Bar(
            bar, bar.add_task("", total=size, completed=offset, said=""), _Rate(offset, rows)
        )


class _Rate:
    """How fast rows and bytes were answered in the last half minute."""

    def __init__(self, offset: int, rows: int) -> None:
        self._points = deque([(time.monotonic(), offset, rows)])

    def at(self, offset: int, rows: int) -> tuple[float, float]:
        """Rows and bytes a second."""
        now = time.monotonic()
        self._points.append((now, offset, rows))
        while len(self._points) > 2 and now - self._points[1][0] > _OVER_S:  # noqa: PLR2004 - a rate has two ends
            self._points.popleft()
        began, first_offset, first_rows = self._points[0]
        took = max(now - began, 0.001)
        return (rows - first_rows) / took, (offset - first_offset) / took


class _Bar:
    def __init__(self, bar: Progress, task: TaskID, rate: _Rate) -> None:
        self._bar = bar
        self._task = task
        self._rate = rate

    def at(self, offset: int, rows: int, refused: int) -> None:
        rate, _ = self._rate.at(offset, rows)
        self._bar.update(self._task, completed=offset, said=_line(rows, refused, rate))

    def waits(self, why: str) -> None:
        self._bar.update(self._task, said=f"waits: {why}")


class _Lines:
    def __init__(self, console: Console, size: int, rate: _Rate) -> None:
        self._console = console
        self._size = size
        self._rate = rate
        self._next = time.monotonic() + _EVERY_S

    def at(self, offset: int, rows: int, refused: int) -> None:
        rows_a_second, bytes_a_second = self._rate.at(offset, rows)
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _EVERY_S
        percent = 100 * offset // max(self._size, 1)
        left = timedelta(seconds=(self._size - offset) / max(bytes_a_second, 1))
        self._console.print(
            f"{percent} %, {_line(rows, refused, rows_a_second)}, {duration(left)} left",
            soft_wrap=True,
        )

    def waits(self, why: str) -> None:
        self._console.print(f"waits: {why}", soft_wrap=True)


def _line(rows: int, refused: int, rate: float) -> str:
    text = f"{rows:,} rows, {rate:,.0f} a second"
    return f"{text}, {refused:,} refused" if refused else text
