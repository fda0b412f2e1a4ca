"""Lists of leads as files, and `baton import` as somebody runs it."""

import asyncio
import csv
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import psutil

from baton_cli.importing.journal import Journal
from tests.bench import leads

_LOOK_EVERY_S = 0.05
_BATON = (sys.executable, "-c", "from baton_cli.main import app; app()")


class NotImportedError(Exception):
    """`baton import` has not done what it was asked for."""


def write_list(file: Path, name: str, rows: int) -> None:
    """A table of as many leads as `leads.body` makes, which name neither their source nor an id."""
    with file.open("w", newline="") as opened:
        writer: csv.DictWriter[str] | None = None
        for number in range(rows):
            document = json.loads(leads.body(name, number))
            row = {
                f"{part}.{field}": value
                for part, fields in document.items()
                if isinstance(fields, dict)
                for field, value in fields.items()
            }
            if writer is None:
                writer = csv.DictWriter(opened, row.keys())
                writer.writeheader()
            writer.writerow(row)


class Import:
    """A run of `baton import`. Looked at 20 times a second, it tells what it has used.

    `cpu` in seconds; `memory` in bytes, the most of it.
    """

    def __init__(self, file: Path, told: Mapping[str, str], batch: int) -> None:
        self._journal = Journal(file.with_name(f"{file.name}.journal"))
        self._said = file.with_suffix(".said")
        with self._said.open("ab") as said:
            self._process = psutil.Popen(
                [*_BATON, "import", str(file), "--source", leads.SOURCE, "--batch", str(batch)],
                env={**os.environ, **told},
                stdout=said,
                stderr=said,
            )
        self.cpu = 0.0
        self.memory = 0
        self._taken = 0

    @property
    def taken(self) -> int:
        """How many rows have been, with those of former runs, by the last journal that was seen."""
        progress = self._journal.read()
        if progress is not None:
            self._taken = progress.accepted
        return self._taken

    async def up_to(self, rows: int) -> None:
        """Returns when so many have been taken. Raises NotImportedError where it ends before."""
        while self.taken < rows:
            if not await self._lives():
                raise NotImportedError(f"ended before row {rows}: {self._said.read_text()}")

    async def complete(self) -> None:
        """Returns when it has ended. Raises NotImportedError where not every row was taken."""
        while await self._lives():
            pass
        if self._process.wait() != 0:
            raise NotImportedError(self._said.read_text())

    def kill(self) -> None:
        """SIGKILL: it has no chance to note anything."""
        self._process.kill()
        self._process.wait()

    async def _lives(self) -> bool:
        """Whether it does, after a moment."""
        await asyncio.sleep(_LOOK_EVERY_S)
        try:
            with self._process.oneshot():
                self.cpu = sum(self._process.cpu_times()[:2])
                self.memory = max(self.memory, self._process.memory_info().rss)
        except psutil.NoSuchProcess:
            return False
        return self._process.poll() is None
