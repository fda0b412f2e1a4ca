"""Where a stack keeps what it has on disk."""

import os
import shutil
import tempfile
from pathlib import Path


class StateDirectory:
    """Names of files, no more; a second process that opens the same directory finds the same."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.logs = path / "logs"
        self.programs = path / "programs"
        self.secrets = path / "secrets.env"
        self.manifest = path / "stack.json"
        self.supervisor_conf = path / "supervisord.conf"
        self.supervisor_log = path / "supervisord.log"
        self.supervisor_pid = path / "supervisord.pid"
        self.supervisor_output = path / "supervisord.out"
        self._annex = path / "annex"

    def make(self) -> None:
        for directory in (self.path, self.logs, self.programs):
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not self.exists():
            annex = tempfile.mkdtemp(prefix="baton-", dir="/var/tmp")
            os.chmod(annex, 0o711)  # noqa: PTH101, S103  # others pass through, see `annex`
            write_private(self._annex, annex)

    def exists(self) -> bool:
        return self._annex.exists() and self.annex.is_dir()

    @property
    def annex(self) -> Path:
        """A directory with a short path that other users can pass through.

        A unix socket's path ends at 108 characters, and PostgreSQL, when we are root, runs as
        somebody who may not reach the checkout.
        """
        return Path(self._annex.read_text())

    @property
    def supervisor_socket(self) -> Path:
        return self.annex / "supervisor.sock"

    def log(self, program: str) -> Path:
        return self.logs / f"{program}.log"

    def program(self, name: str) -> Path:
        return self.programs / f"{name}.json"

    def remove(self) -> None:
        if self.exists():
            shutil.rmtree(self.annex)
        if self.path.exists():
            shutil.rmtree(self.path)


def write_private(path: Path, content: str) -> None:
    """Replaces a file at once, never readable by others, not even for a moment."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
    temporary.replace(path)
