"""A set of programs under one supervisord: Kafka, PostgreSQL, and what is added to them."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from baton_local.credentials import keep_secrets
from baton_local.errors import NotReadyError, PortInUseError, StackError, tail
from baton_local.kafka import kafka_program, prepare_kafka
from baton_local.kafka_jars import require_jars
from baton_local.paths import KAFKA_JARS
from baton_local.ports import LOOPBACK, Ports, require_free
from baton_local.postgres import (
    DATABASE,
    create_database,
    database_url,
    postgres_program,
    prepare_postgres,
)
from baton_local.program import (
    Program,
    log_path,
    specification_path,
    supervisord_conf,
    write_private,
    write_program,
)
from baton_local.supervision import ProgramState, Supervision

KAFKA = "kafka"
POSTGRES = "postgres"
POSTGRES_PASSWORD = "BATON_POSTGRES_PASSWORD"  # noqa: S105  # its name, not its value

ATTEMPTS = 5

GENEROUS_S = 120.0
"""How long a program may take to become ready, on a machine that is busy with something else."""


@dataclass(frozen=True, slots=True)
class Status:
    """A program as an operator wants to see it."""

    name: str
    state: str
    pid: int | None
    started_at: int
    port: int | None
    waiting_for: str | None
    """None if it is ready."""


class Stack:
    """Programs with their state in one directory; a second process can open the same directory.

    It runs those of `servers` whose address is not given; a given one belongs to somebody else.
    With `outlives_parent=False` everything ends when the process that started it does, however
    that ends. All methods block; none needs an event loop, and none minds one.
    """

    def __init__(
        self,
        state: Path,
        ports: Ports,
        *,
        servers: Collection[str] = (KAFKA, POSTGRES),
        kafka_bootstrap: str | None = None,
        server_url: str | None = None,
        outlives_parent: bool = False,
        jars: Path = KAFKA_JARS,
    ) -> None:
        self.state = state
        self.ports = ports
        self.kafka_bootstrap = kafka_bootstrap or f"{LOOPBACK}:{ports.kafka}"
        self._given_server_url = server_url
        self._runs_kafka = KAFKA in servers and kafka_bootstrap is None
        self._runs_postgres = POSTGRES in servers and server_url is None
        self._outlives_parent = outlives_parent
        self._jars = jars
        self._programs: dict[str, Program] = {}
        self._supervisor: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def server_url(self) -> str:
        """A database of PostgreSQL's own, from which others are made and dropped."""
        return self._given_server_url or database_url(
            self.ports.postgres, self._password(), "postgres"
        )

    @property
    def database_url(self) -> str:
        """Baton's database; of a given server, the one its URL names."""
        return self._given_server_url or database_url(self.ports.postgres, self._password())

    @property
    def secrets_path(self) -> Path:
        return self.state / "secrets.env"

    def log(self, program: str) -> Path:
        return log_path(self.state, program)

    def add(self, *programs: Program) -> None:
        """Programs to supervise, before or after the start; one of the same name is replaced.

        They are not started; a running one keeps its old settings until it is started again.
        """
        for program in programs:
            self._programs[program.name] = program
        if self._supervision_file().exists():
            self._write_programs()
            for program in programs:
                if self.running() and not self._supervision().known(program.name):
                    self._supervision().add(program.name)

    def prepare(self) -> None:
        """Makes the directory and what Kafka and PostgreSQL need in it, where it is missing.

        A stack that another process has started is opened by this, too. Raises StackError, saying
        what to do, if that is not possible.
        """
        for directory in (self.state, self.state / "logs", self.state / "programs"):
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self._runs_kafka:
            require_jars(self._jars)
            home = self.state / KAFKA
            prepare_kafka(home, self._jars, self.ports)
            self._programs[KAFKA] = kafka_program(home, self._jars, self.ports)
        if self._runs_postgres:
            home = self._postgres_home()
            prepare_postgres(home, self._password())
            self._programs[POSTGRES] = postgres_program(home, self.ports.postgres, self._password())
        self._write_programs()

    def start(self, *programs: str) -> None:
        """Starts the supervisor, then these programs (Kafka and PostgreSQL if none is named).

        Returns when they are ready. Raises PortInUseError, as a rule before anything is started,
        and NotReadyError.
        """
        self.start_supervisor()
        wanted = programs or tuple(name for name in (KAFKA, POSTGRES) if name in self._programs)
        for name in wanted:
            self.start_program(name, wait=False)
        self.wait_ready(*wanted)
        if POSTGRES in wanted:
            create_database(self.server_url, DATABASE)

    def start_supervisor(self) -> None:
        """Does nothing if it runs. Raises PortInUseError."""
        if self.running():
            return
        self.prepare()
        self.require_free_ports()
        annex = self._annex()
        command = [sys.executable, "-m", "baton_local.supervise"]
        command += ["--with-parent"] * (not self._outlives_parent)
        with (self.state / "supervisord.out").open("wb") as output:
            self._supervisor = subprocess.Popen(  # noqa: S603  # our own command
                [*command, str(self._supervision_file())],
                cwd=annex,
                stdin=subprocess.DEVNULL if self._outlives_parent else subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._wait_until(self._supervisor_answers, "supervisord does not answer")

    def require_free_ports(self) -> None:
        """Raises PortInUseError, which names every port and the program that wants it."""
        wanted: dict[str, int] = {}
        for program in self._programs.values():
            wanted |= program.listens_on()
        require_free(wanted)

    def running(self) -> bool:
        return self._annex_file().exists() and self._supervision().running()

    def start_program(self, name: str, *, wait: bool = True) -> None:
        """Does nothing if it runs. With `wait`, returns when it is ready."""
        write_program(self._programs[name], specification_path(self.state, name))
        if self._program_state(name).state not in {"RUNNING", "STARTING", "BACKOFF"}:
            self._supervision().start(name)
        if wait:
            self.wait_ready(name)

    def stop_program(self, name: str, *, crash: bool = False) -> None:
        """Stops it until it is started again; with `crash` as a power failure would.

        Returns when it and the processes it had started are gone.
        """
        state = self._program_state(name)
        if state.state in {"STOPPED", "EXITED", "FATAL"}:
            return
        processes = _with_children(state.pid)
        if crash:
            # Held first, so that it cannot act on the supervisor's request to stop.
            _signal(state.pid, signal.SIGSTOP)
        self._supervision().begin_stop(name)
        if crash:
            _signal(state.pid, signal.SIGKILL)
        self._wait_until(
            lambda: self._program_state(name).state in {"STOPPED", "EXITED", "FATAL"},
            f"{name} does not stop",
        )
        self._wait_until(
            lambda: not any(_alive(process) for process in processes),
            f"processes of {name} do not end",
        )

    def kill_program(self, name: str, sent: signal.Signals = signal.SIGKILL) -> None:
        """Sends it a signal behind the supervisor's back; if it dies of that, it is restarted."""
        _signal(self.pid(name), sent)

    def pid(self, name: str) -> int:
        """Raises StackError if it does not run at the moment."""
        pid = self._program_state(name).pid
        if pid is None:
            raise StackError(f"{name} does not run")
        return pid

    def status(self) -> list[Status]:
        """Of every program, in the order of their addition."""
        states = {state.name: state for state in self._states()}
        return [self._status(program, states.get(program.name)) for program in self._order()]

    def wait_ready(self, *names: str, timeout_s: float = GENEROUS_S) -> None:
        """Returns when these programs (all if none is named) are ready.

        Raises NotReadyError, with the end of the program's log, after `timeout_s` seconds for each
        or as soon as the supervisor has given one up.
        """
        for name in names or tuple(self._programs):
            self._wait_for_one(name, timeout_s)

    def stop(self) -> None:
        """Stops every program, then the supervisor. Returns when all are gone."""
        supervisor = self._supervisor_process()
        if supervisor is None:
            return
        processes = _with_children(supervisor.pid)
        if self.running():
            self._supervision().shut_down()
        elif _alive(supervisor):
            supervisor.terminate()
        longest = sum(program.stop_within_s for program in self._programs.values())
        try:
            self._wait_until(
                lambda: not any(_alive(process) for process in processes),
                "the stack does not stop",
                timeout_s=longest + 30,
            )
        except StackError:
            for process in processes:
                _signal(process.pid, signal.SIGKILL)
        if self._supervisor is not None:
            if self._supervisor.stdin is not None:
                self._supervisor.stdin.close()
            self._supervisor.wait()
            self._supervisor = None

    def remove(self) -> None:
        """Stops it and removes all it has on disk."""
        self.stop()
        if self._annex_file().exists():
            shutil.rmtree(self._annex_file().read_text(), ignore_errors=True)
        shutil.rmtree(self.state, ignore_errors=True)

    def secrets(self, names: Iterable[str]) -> dict[str, str]:
        """Random ones, made once and kept for as long as the state is."""
        self.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        return keep_secrets(self.secrets_path, names)

    def _password(self) -> str:
        return self.secrets([POSTGRES_PASSWORD])[POSTGRES_PASSWORD]

    def _wait_for_one(self, name: str, timeout_s: float) -> None:
        program = self._programs[name]
        deadline = time.monotonic() + timeout_s
        while (waiting_for := program.ready()) is not None:
            state = self._program_state(name).state
            if state in {"BACKOFF", "FATAL"} and "ddress already in use" in tail(self.log(name)):
                raise PortInUseError(list(program.listens_on().items()))
            if state == "FATAL":
                raise NotReadyError(name, "it ended again and again", self.log(name))
            if time.monotonic() > deadline:
                raise NotReadyError(name, f"{waiting_for} ({state})", self.log(name))
            time.sleep(0.05)

    def _status(self, program: Program, known: ProgramState | None) -> Status:
        running = known is not None and known.state == "RUNNING"
        return Status(
            name=program.name,
            state=known.state if known else "STOPPED",
            pid=known.pid if known else None,
            started_at=known.started_at if known else 0,
            port=program.port,
            waiting_for=program.ready() if running else "it does not run",
        )

    def _order(self) -> list[Program]:
        return list(self._programs.values())

    def _states(self) -> list[ProgramState]:
        return self._supervision().states() if self.running() else []

    def _program_state(self, name: str) -> ProgramState:
        for state in self._states():
            if state.name == name:
                return state
        raise StackError(f"no supervisor runs a program {name} in {self.state}")

    def _supervisor_process(self) -> psutil.Process | None:
        """Found by its pid file too, for a stack that another process has started."""
        file = self.state / "supervisord.pid"
        if self._supervisor is None and not file.exists():
            return None
        pid = self._supervisor.pid if self._supervisor else int(file.read_text())
        try:
            process = psutil.Process(pid)
            mine = str(self._supervision_file()) in process.cmdline()
        except psutil.NoSuchProcess:
            return None
        return process if mine else None

    def _supervisor_answers(self) -> bool:
        if self._supervisor is not None and self._supervisor.poll() is not None:
            output = self.state / "supervisord.out"
            raise StackError(f"supervisord ended at once:\n{tail(output)}")
        return self.running()

    def _supervision(self) -> Supervision:
        return Supervision(self._annex() / "supervisor.sock")

    def _supervision_file(self) -> Path:
        return self.state / "supervisord.conf"

    def _annex_file(self) -> Path:
        return self.state / "annex"

    def _annex(self) -> Path:
        """A directory with a short path that other users can pass through.

        A unix socket's path ends at 108 characters, and PostgreSQL, when we are root, runs as
        somebody who may not reach the checkout.
        """
        file = self._annex_file()
        if not file.exists() or not Path(file.read_text()).is_dir():
            annex = tempfile.mkdtemp(prefix="baton-", dir="/var/tmp")
            os.chmod(annex, 0o711)  # noqa: PTH101, S103  # see above
            write_private(file, annex)
        return Path(file.read_text())

    def _postgres_home(self) -> Path:
        return (self._annex() if os.geteuid() == 0 else self.state) / POSTGRES

    def _write_programs(self) -> None:
        for program in self._programs.values():
            write_program(program, specification_path(self.state, program.name))
        socket = self._annex() / "supervisor.sock"
        conf = supervisord_conf(self.state, socket, self._programs.values())
        write_private(self._supervision_file(), conf)

    def _wait_until(
        self, condition: Callable[[], bool], failure: str, timeout_s: float = GENEROUS_S
    ) -> None:
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                raise StackError(failure)
            time.sleep(0.02)


def start_on_free_ports(make: Callable[[Ports], Stack]) -> Stack:
    """The stack that `make` builds, started; once more on others if somebody took one of its ports.

    A port can't be reserved, so between finding it free and listening on it there is a moment.
    """
    for _ in range(ATTEMPTS):
        stack = make(Ports.free())
        try:
            stack.start()
        except PortInUseError:
            stack.remove()
        except BaseException:
            stack.stop()
            raise
        else:
            return stack
    raise StackError(f"somebody else took a free port {ATTEMPTS} times in a row")


def _with_children(pid: int | None) -> list[psutil.Process]:
    if pid is None:
        return []
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _signal(pid: int | None, sent: signal.Signals) -> None:
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, sent)
