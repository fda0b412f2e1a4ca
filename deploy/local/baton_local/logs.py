"""The programs' logs as one stream, each line under its program's name."""

import os
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from baton_local.errors import StackError
from baton_local.stack import Stack

COLOURS = ("cyan", "green", "yellow", "magenta", "blue", "red")
EARLIER_LINES = 20


def follow(console: Console, stack: Stack, programs: Sequence[str]) -> None:
    """Prints the last lines of each log, then what is added, until it is interrupted.

    Raises StackError if a program has no log.
    """
    known = {log.stem: log for log in sorted(stack.state.logs.glob("*.log"))}
    missing = [name for name in programs if name not in known]
    if missing or not known:
        names = ", ".join(known) or "none, since it was never up"
        raise StackError(f"no log of {', '.join(missing) or 'any program'}; there are: {names}")
    logs = [Log(name, known[name]) for name in programs or known]
    for log in logs:
        _print(console, logs, log, log.earlier())
    while True:
        for log in logs:
            _print(console, logs, log, log.added())
        time.sleep(0.3)


class Log:
    """A growing file, which supervisord moves aside when it is large, and begins anew."""

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self._path = path
        self._file = path.open(errors="replace")
        self._rest = ""

    def earlier(self) -> list[str]:
        return self.added()[-EARLIER_LINES:]

    def added(self) -> list[str]:
        """The lines completed since the last call."""
        text = self._rest + self._file.read()
        if self._path.exists() and not self._is_open(self._path):
            self._file.close()
            self._file = self._path.open(errors="replace")
            text += self._file.read()
        *lines, self._rest = text.split("\n")
        return lines

    def _is_open(self, path: Path) -> bool:
        return os.path.samestat(path.stat(), os.fstat(self._file.fileno()))


def _print(console: Console, logs: Sequence[Log], log: Log, lines: Sequence[str]) -> None:
    width = max(len(source.name) for source in logs)
    colour = COLOURS[logs.index(log) % len(COLOURS)]
    for line in lines:
        text = Text(f"{log.name:{width}} ", style=colour)
        console.print(text.append(Text.from_ansi(line)), soft_wrap=True)
