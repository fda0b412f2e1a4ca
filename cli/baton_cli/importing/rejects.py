"""The rows that were refused, with their lines and the reasons, as CSV."""

import csv
import io
import os
from pathlib import Path

from baton_cli.importing.journal import cant_write

_HEADER = ("line", "reason", "row")


class Rejects:
    """The file of rejects; there is none until something is refused."""

    def __init__(self, path: Path, size: int) -> None:
        """Goes on behind the first `size` bytes, what a former run had noted up to its journal."""
        self.path = path
        try:
            self._size = min(size, path.stat().st_size) if path.exists() else 0
            if self._size:
                os.truncate(path, self._size)
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise cant_write(path, error) from error

    def add(self, rejected: list[tuple[int, str, bytes]]) -> int:
        """Line, reason and row of each. The file's size with them."""
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        if not self._size:
            writer.writerow(_HEADER)
        writer.writerows((n, reason, raw.decode(errors="replace")) for n, reason, raw in rejected)
        try:
            with self.path.open("ab") as file:
                self._size += file.write(text.getvalue().encode())
        except OSError as error:
            raise cant_write(self.path, error) from error
        return self._size
