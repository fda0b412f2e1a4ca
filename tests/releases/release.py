"""A release of a service for a test: a copy of its packages, with small edits or without any."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from baton_local.paths import ROOT

LIBRARY = Path("shared")
"""The folder that has the package `baton`, in the checkout and in a copy of it."""
_COMPILED = shutil.ignore_patterns("__pycache__")


class EditError(Exception):
    """An edit does not fit the code; the message names the file and the text."""


@dataclass(frozen=True)
class Edit:
    """Put `text` in the place of `anchor`, which must stand exactly once in a file of the copy."""

    file: str
    anchor: str
    text: str

    def apply(self, folder: Path) -> None:
        """Change the file. Raises EditError where the anchor is not there once."""
        path = folder / self.file
        content = path.read_text() if path.is_file() else ""
        count = content.count(self.anchor)
        if count != 1:
            raise EditError(f"{self.file} has this text {count} times, not once:\n{self.anchor}")
        path.write_text(content.replace(self.anchor, self.text))


@dataclass(frozen=True)
class Release:
    """The packages of one service and of what it stands on, in a folder of their own."""

    service: str
    folder: Path

    @classmethod
    def copy(cls, service: str, folder: Path, edits: Sequence[Edit] = ()) -> "Release":
        """Make one from the checkout, whose code stays as it is. Raises EditError."""
        made = cls(service, folder)
        for package in made.packages:
            shutil.copytree(ROOT / package, folder / package, ignore=_COMPILED)
        for edit in edits:
            edit.apply(folder)
        made.require_its_own_code()
        return made

    @property
    def packages(self) -> Sequence[Path]:
        """The folders of its packages, below the checkout and below the copy."""
        return LIBRARY / "baton", Path("services", self.service.replace("_", "-"), self.service)

    @property
    def python_path(self) -> str:
        """The PYTHONPATH of its processes, which comes before the installed packages."""
        return os.pathsep.join(str(self.folder / package.parent) for package in self.packages)

    def require_its_own_code(self) -> None:
        """Raises ImportError where a process with this PYTHONPATH would load other packages."""
        names = [package.name for package in self.packages]
        program = (
            "import importlib, json, sys\n"
            "print(json.dumps([importlib.import_module(name).__file__ for name in sys.argv[1:]]))"
        )
        done = subprocess.run(
            [sys.executable, "-c", program, *names],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": self.python_path},
            capture_output=True,
            text=True,
            check=True,
        )
        for package, file in zip(self.packages, json.loads(done.stdout), strict=True):
            if Path(file).parent != self.folder / package:
                raise ImportError(f"{package.name} is loaded from {file}, not from {self.folder}")
