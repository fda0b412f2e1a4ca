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

from baton_local.state import StateDirectory, write_private

LAUNCHER = Path(__file__).with_name("launch.py")


@dataclass(frozen=True, slots=True)
class Program:
    """`ready` says what the program is still waiting for, or None once it is ready."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path
    ready: Callable[[], str | None]
    port: int | None = None
    also_listens_on: Mapping[str, int] = field(default_factory=dict)
    user: str | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_within_s: int = 20
    """After that it is killed."""
    priority: int = 500
    """Programs with a lower priority stop last."""

    def listens_on(self) -> dict[str, int]:
        """Each port, by the name that an operator should read."""
        own = {} if self.port is None else {self.name: self.port}
        return own | dict(self.also_listens_on)


def write_program(program: Program, state: StateDirectory) -> None:
    """The file that launch.py reads; it holds secrets, so only its owner can."""
    content = {
        "argv": program.argv,
        "env": dict(program.env),
        "cwd": str(program.cwd),
        "user": program.user,
    }
    write_private(state.program(program.name), json.dumps(content, indent=2))


def write_supervisor_conf(programs: Iterable[Program], state: StateDirectory) -> None:
    """No program starts by itself; the stack decides the order. A program that ends is started
    again: at once if it ran for a second, else after one second more each time. After 30 tries in a
    row (about eight minutes) its state is FATAL.
    """
    parts = [
        _supervisor_section(state),
        *(_program_section(program, state) for program in programs),
    ]
    write_private(state.supervisor_conf, "\n".join(parts))


def _supervisor_section(state: StateDirectory) -> str:
    # Or it warns at each start that it runs as root.
    user = "user=root\n" if os.geteuid() == 0 else ""
    return f"""\
[supervisord]
logfile={_value(state.supervisor_log)}
logfile_maxbytes=5MB
logfile_backups=1
pidfile={_value(state.supervisor_pid)}
childlogdir={_value(state.logs)}
minfds={_file_limit()}
umask=077
silent=true
{user}
[unix_http_server]
file={_value(state.supervisor_socket)}
chmod=0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""


def _program_section(program: Program, state: StateDirectory) -> str:
    # -I and -S: the launcher needs no packages, and starts in a third of the time without.
    launch = [sys.executable, "-I", "-S", LAUNCHER, state.program(program.name)]
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
stdout_logfile={_value(state.log(program.name))}
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=3
"""


def _value(text: Path | str) -> str:
    return str(text).replace("%", "%%")


def _file_limit() -> int:
    """Kafka keeps a few files for each partition open; the usual soft limit is too low for it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    open_files = 16_384
    return open_files if hard == resource.RLIM_INFINITY else min(open_files, hard)
