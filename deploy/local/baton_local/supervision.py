"""The supervisord of a stack: its process, and what it is asked over its unix socket."""

import contextlib
import http.client
import signal
import socket
import subprocess
import sys
import xmlrpc.client
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import psutil
from supervisor.xmlrpc import Faults

from baton_local.errors import StackError, tail
from baton_local.processes import alive, send, with_children
from baton_local.state import StateDirectory
from baton_local.waiting import happens, wait_until

DO_NOT_WAIT = False
ABSENT = (OSError, http.client.HTTPException)
"""The errors of a request when supervisord does not run."""


@dataclass(frozen=True, slots=True)
class ProgramState:
    """The state of a program in supervisord; `pid` is None while it does not run."""

    name: str
    state: str
    pid: int | None
    started_at: int
    """Seconds since 1970; 0 if it never was."""


class Supervision:
    """Requests to supervisord. They raise OSError if it does not run, StackError if it refuses."""

    def __init__(self, state: StateDirectory) -> None:
        self._state = state
        self._started: subprocess.Popen[bytes] | None = None

    def launch(self, *, outlives_parent: bool) -> None:
        """Returns when it answers. Raises StackError with its complaint if it does not."""
        conf = str(self._state.supervisor_conf)
        command = [sys.executable, "-m", "baton_local.supervise", conf]
        command += ["--with-parent"] * (not outlives_parent)
        with self._state.supervisor_output.open("wb") as output:
            self._started = subprocess.Popen(
                command,
                cwd=self._state.path,
                stdin=subprocess.DEVNULL if outlives_parent else subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        wait_until(self._answers, "supervisord does not answer")

    def end(self, *, last: Collection[str]) -> None:
        """Stops all programs at once but those named, then these; returns when all is gone."""
        process = self._process()
        processes = with_children(process.pid) if process else []
        # It may end by itself meanwhile, its parent being gone.
        with contextlib.suppress(*ABSENT):
            first = [state.name for state in self.states() if state.name not in last]
            for name in first:
                self.begin_stop(name)
            happens(lambda: all(s.pid is None for s in self.states() if s.name in first))
            self._call("supervisor.shutdown", but=[Faults.SHUTDOWN_STATE])
        if not happens(lambda: self._all_ended(processes)):
            for late in processes:
                send(signal.SIGKILL, late.pid)
        if self._started is not None:
            if self._started.stdin is not None:
                self._started.stdin.close()
            self._started.wait()
            self._started = None

    def running(self) -> bool:
        """Whether there is one, whatever its programs do."""
        try:
            # While it shuts down it refuses most calls, but is there.
            self._call("supervisor.getState", but=[Faults.SHUTDOWN_STATE])
        except ABSENT:
            return False
        return True

    def states(self) -> list[ProgramState]:
        """Of every program; none while supervisord shuts down, when it tells nothing any more."""
        processes = self._call("supervisor.getAllProcessInfo", but=[Faults.SHUTDOWN_STATE])
        return [
            ProgramState(info["name"], info["statename"], info["pid"] or None, info["start"])
            for info in cast("list[dict[str, Any]]", processes or [])
        ]

    def known(self, program: str) -> bool:
        return any(state.name == program for state in self.states())

    def add(self, program: str) -> None:
        """Has supervisord read its configuration anew and take up a program that it names."""
        self._call("supervisor.reloadConfig")
        self._call("supervisor.addProcessGroup", program)

    def begin_start(self, program: str) -> None:
        """Does nothing if it runs, so that no restart of supervisord's own can come in between."""
        self._call("supervisor.startProcess", program, DO_NOT_WAIT, but=[Faults.ALREADY_STARTED])

    def begin_stop(self, program: str) -> None:
        """Does nothing if it does not run."""
        ended = [Faults.NOT_RUNNING, Faults.SHUTDOWN_STATE]
        self._call("supervisor.stopProcess", program, DO_NOT_WAIT, but=ended)

    def _answers(self) -> bool:
        if self._started is not None and self._started.poll() is not None:
            complaint = tail(self._state.supervisor_output)
            raise StackError(f"supervisord ended at once:\n{complaint}")
        return self.running()

    def _all_ended(self, processes: list[psutil.Process]) -> bool:
        # Asking wakes it; otherwise it looks at its children only once a second.
        self.running()
        return not any(map(alive, processes))

    def _process(self) -> psutil.Process | None:
        """Found by its pid file too, for a stack that another process has started."""
        file = self._state.supervisor_pid
        if self._started is None and not file.exists():
            return None
        pid = self._started.pid if self._started else int(file.read_text())
        try:
            process = psutil.Process(pid)
            is_own = str(self._state.supervisor_conf) in process.cmdline()
        except psutil.NoSuchProcess:
            return None
        return process if is_own else None

    def _call(self, method: str, *arguments: object, but: Collection[int] = ()) -> object:
        # One connection a call: supervisord closes idle ones, and calls are rare.
        transport = _UnixTransport(self._state.supervisor_socket)
        proxy = xmlrpc.client.ServerProxy("http://supervisord", transport=transport)
        try:
            with proxy:
                return cast("object", getattr(proxy, method)(*arguments))
        except xmlrpc.client.Fault as fault:
            if fault.faultCode in but:
                return None
            raise StackError(f"{method}{arguments} failed: {fault.faultString}") from fault


class _UnixTransport(xmlrpc.client.Transport):
    def __init__(self, socket_path: Path) -> None:
        super().__init__()
        self._socket_path = socket_path

    def make_connection(self, host: tuple[str, dict[str, str]] | str) -> http.client.HTTPConnection:
        connection = _UnixConnection(self._socket_path)
        # Where the base class keeps what its close() closes.
        self._connection = host, connection
        return connection


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, socket_path: Path) -> None:
        super().__init__("localhost", timeout=30)
        self._socket_path = socket_path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._socket_path))
