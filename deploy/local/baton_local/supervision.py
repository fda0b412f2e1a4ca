"""A running supervisord, spoken to over its unix socket."""

import http.client
import socket
import xmlrpc.client
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from supervisor.xmlrpc import Faults

from baton_local.errors import StackError


@dataclass(frozen=True, slots=True)
class ProgramState:
    """What supervisord knows of a program; `pid` is None while it does not run."""

    name: str
    state: str
    pid: int | None
    started_at: int
    """Seconds since 1970; 0 if it never was."""


class Supervision:
    """The calls a stack makes.

    Each raises OSError when no supervisord listens, StackError when it refuses.
    """

    def __init__(self, socket_path: Path) -> None:
        self._socket_path = socket_path

    def running(self) -> bool:
        try:
            # While it shuts down it refuses most calls, but is there.
            self._call("supervisor.getState", but=Faults.SHUTDOWN_STATE)
        except (OSError, http.client.HTTPException):
            return False
        return True

    def states(self) -> list[ProgramState]:
        infos = cast("list[dict[str, Any]]", self._call("supervisor.getAllProcessInfo"))
        return [
            ProgramState(info["name"], info["statename"], info["pid"] or None, info["start"])
            for info in infos
        ]

    def known(self, program: str) -> bool:
        return any(state.name == program for state in self.states())

    def add(self, program: str) -> None:
        """Has supervisord read its configuration anew and take up a program that it names."""
        self._call("supervisor.reloadConfig")
        self._call("supervisor.addProcessGroup", program)

    def begin_start(self, program: str) -> None:
        """Does nothing if it runs, so that no restart of supervisord's own can come in between."""
        self._call("supervisor.startProcess", program, False, but=Faults.ALREADY_STARTED)  # noqa: FBT003  # do not wait

    def begin_stop(self, program: str) -> None:
        """Does nothing if it does not run."""
        self._call("supervisor.stopProcess", program, False, but=Faults.NOT_RUNNING)  # noqa: FBT003  # do not wait

    def shut_down(self) -> None:
        self._call("supervisor.shutdown")

    def _call(self, method: str, *arguments: object, but: int | None = None) -> object:
        # One connection a call: supervisord closes idle ones, and calls are rare.
        proxy = xmlrpc.client.ServerProxy(
            "http://supervisord", transport=_UnixTransport(self._socket_path)
        )
        try:
            with proxy:
                return cast("object", getattr(proxy, method)(*arguments))
        except xmlrpc.client.Fault as fault:
            if fault.faultCode == but:
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
