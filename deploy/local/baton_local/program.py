"""A program that a stack runs, and the files through which supervisord runs it."""

import json
import os
import resource
import shlex
import signal
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

LAUNCHER = Path(__file__).with_name("launch.py")


@dataclass(frozen=True, slots=True)
class Program:
    """`ready` returns what the program is still waiting for, or None once it is ready."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path
    ready: Callable[[], str | None]
    port: int | None = None
    user: str | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_within_s: int = 20
    """After that it is killed."""
    priority: int = 500
    """Those with a lower one stop last."""
    also_listens_on: Mapping[str, int] = field(default_factory=dict)

    def listens_on(self) -> dict[str, int]:
        own = {} if self.port is None else {self.name: self.port}
        return own | dict(self.also_listens_on)


def write_program(program: Program, specification: Path) -> None:
    """The file that launch.py reads; it holds secrets, so only its owner can."""
    content = {
        "argv": program.argv,
        "env": dict(program.env),
        "cwd": str(program.cwd),
        "user": program.user,
    }
    write_private(specification, json.dumps(content, indent=2))


def write_private(path: Path, content: str) -> None:
    """Replaces a file at once, never readable by others, not even for a moment."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
    temporary.replace(path)


def supervisord_conf(state: Path, socket: Path, programs: Iterable[Program]) -> str:
    """No program starts by itself: the stack decides the order, and what comes between.

    A program that ends is started again, at once if it had run for a second, otherwise after one
    second more each time; after 30 tries in a row (about eight minutes) it is left FATAL.
    """
    user = "user=root" if os.geteuid() == 0 else ""
    parts = [
        f"""\
[supervisord]
logfile={_value(state / "supervisord.log")}
logfile_maxbytes=5MB
logfile_backups=1
pidfile={_value(state / "supervisord.pid")}
childlogdir={_value(state / "logs")}
minfds={_file_limit()}
umask=077
silent=true
{user}

[unix_http_server]
file={_value(socket)}
chmod=0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""
    ]
    parts += [_section(program, state) for program in programs]
    return "\n".join(parts)


def specification_path(state: Path, program: str) -> Path:
    return state / "programs" / f"{program}.json"


def log_path(state: Path, program: str) -> Path:
    return state / "logs" / f"{program}.log"


def _section(program: Program, state: Path) -> str:
    launch = [sys.executable, "-I", "-S", LAUNCHER, specification_path(state, program.name)]
    return f"""\
[program:{program.name}]
command={_value(shlex.join(map(str, launch)))}
priority={program.priority}
autostart=false
autorestart=true
startsecs=1
startretries=30
stopsignal={program.stop_signal.name.removeprefix("SIG")}
stopwaitsecs={program.stop_within_s}
redirect_stderr=true
stdout_logfile={_value(log_path(state, program.name))}
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=3
"""


def _value(text: Path | str) -> str:
    return str(text).replace("%", "%%")


def _file_limit() -> int:
    """Kafka keeps a few files for each partition open; the usual soft limit is too low for it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 16_384
    return wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
