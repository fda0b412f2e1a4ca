"""A set of programs under one supervisord: Kafka, PostgreSQL, and what is added to them."""

import signal
import time
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from baton_local.credentials import keep_secrets
from baton_local.errors import NotReadyError, PortInUseError, StackError, tail
from baton_local.interrupts import deferred
from baton_local.kafka import ONE_COMPILER, kafka_program, prepare_kafka
from baton_local.kafka_jars import require_jars
from baton_local.paths import KAFKA_JARS
from baton_local.ports import LOOPBACK, Ports, require_free
from baton_local.postgres import (
    DATABASE,
    create_database,
    database_url,
    is_root,
    postgres_program,
    prepare_postgres,
)
from baton_local.processes import alive, send, with_children
from baton_local.program import Program, write_program, write_supervisor_conf
from baton_local.state import StateDirectory
from baton_local.supervision import ProgramState, Supervision
from baton_local.waiting import GENEROUS_S, wait_until

KAFKA = "kafka"
POSTGRES = "postgres"
POSTGRES_PASSWORD = "BATON_POSTGRES_PASSWORD"  # noqa: S105  # its name, not its value

ATTEMPTS = 5

STARTS = 3
"""More than these, without once becoming ready, and it is not worth waiting for another."""


@dataclass(frozen=True, slots=True)
class Status:
    """A program as an operator wants to see it; `waiting_for` is None if it is ready."""

    name: str
    state: str
    pid: int | None
    started_at: int
    """Seconds since 1970."""
    port: int | None
    waiting_for: str | None


class Stack:
    """Programs with their state in one directory; a second process can attach to the same.

    It runs those of `servers` whose address is not given; a given one belongs to somebody else.
    With `outlives_parent=False` everything ends when the process that started it does, however that
    ends. With `short_lived=True` the servers start faster: Kafka uses one compiler only, and
    PostgreSQL does not wait for the disk. Its data then survives killed processes, but no power
    failure. All methods block; they work with and without an event loop.
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
        short_lived: bool = False,
    ) -> None:
        self.state = StateDirectory(state)
        self.ports = ports
        self.kafka_bootstrap = kafka_bootstrap or f"{LOOPBACK}:{ports.kafka}"
        self._given_server_url = server_url
        self._runs_kafka = KAFKA in servers and kafka_bootstrap is None
        self._runs_postgres = POSTGRES in servers and server_url is None
        self._outlives_parent = outlives_parent
        self._short_lived = short_lived
        self._programs: dict[str, Program] = {}
        self._supervision = Supervision(self.state)

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

    def secrets(self, names: Iterable[str]) -> dict[str, str]:
        """Random ones, made once and kept in `secrets.env` for as long as the state is."""
        self.state.make()
        return keep_secrets(self.state.secrets, names)

    def add(self, *programs: Program) -> None:
        """Programs to supervise, before or after the start; one of the same name is replaced.

        This starts none; a running one keeps its old settings until it is started again.
        """
        for program in programs:
            self._programs[program.name] = program

    def attach(self) -> None:
        """Takes up what another process has prepared, and changes nothing."""
        if self._runs_kafka:
            options = [ONE_COMPILER] if self._short_lived else []
            self.add(kafka_program(self._kafka_home, KAFKA_JARS, self.ports, *options))
        if self._runs_postgres:
            self.add(
                postgres_program(
                    self._postgres_home,
                    self.ports.postgres,
                    self._password(),
                    durable=not self._short_lived,
                )
            )

    def prepare(self) -> None:
        """Makes the directory and what Kafka and PostgreSQL need in it, where it is missing.

        Raises StackError, saying what to do, if that is not possible.
        """
        self.state.make()
        self.attach()
        with deferred(), ThreadPoolExecutor() as both:
            steps = []
            if self._runs_kafka:
                jars = require_jars(KAFKA_JARS)
                steps.append(both.submit(prepare_kafka, self._kafka_home, jars, self.ports))
            if self._runs_postgres:
                steps.append(
                    both.submit(
                        prepare_postgres,
                        self._postgres_home,
                        self._password(),
                        durable=not self._short_lived,
                    )
                )
        for step in steps:
            step.result()

    def start(self, *named: str) -> None:
        """Starts the supervisor and the servers; with names, those of them that are named.

        Returns when they are ready. Raises PortInUseError, as a rule before anything is started,
        and NotReadyError.
        """
        self.start_supervisor()
        self.start_servers(*named)

    def start_servers(self, *named: str) -> None:
        """The same where the supervisor runs already."""
        chosen = named or (KAFKA, POSTGRES)
        servers = [name for name in chosen if name in self._programs]
        for name in servers:
            self.start_program(name, wait=False)
        if servers:
            self.wait_ready(*servers)
        if POSTGRES in servers:
            create_database(self.server_url, DATABASE)

    def start_supervisor(self) -> None:
        """Does nothing if it runs. Raises PortInUseError."""
        self.state.make()
        self.attach()
        if self.running():
            return
        self.require_free_ports()
        self.prepare()
        write_supervisor_conf(self._programs.values(), self.state)
        self._supervision.launch(outlives_parent=self._outlives_parent)

    def require_free_ports(self) -> None:
        """Raises PortInUseError, which names every taken port and the program that wants it."""
        ports: dict[str, int] = {}
        for program in self._programs.values():
            ports |= program.listens_on()
        require_free(ports)

    def running(self) -> bool:
        """Whether there is a supervisor, whatever its programs do."""
        return self.state.exists() and self._supervision.running()

    def start_program(self, name: str, *, wait: bool = True) -> None:
        """Does nothing if it runs. With `wait`, returns when it is ready."""
        write_program(self._programs[name], self.state)
        if not self._supervision.known(name):
            write_supervisor_conf(self._programs.values(), self.state)
            self._supervision.add(name)
        self._supervision.begin_start(name)
        if wait:
            self.wait_ready(name)

    def stop_program(self, name: str, *, crash: bool = False) -> None:
        """Stops it until it is started again; with `crash`, as a power failure would.

        Returns when it and the processes it had started are gone.
        """
        pid = self._program_state(name).pid
        processes = with_children(pid)
        if crash:
            # Held first, so that it can't act on the supervisor's request to stop.
            send(signal.SIGSTOP, pid)
        self._supervision.begin_stop(name)
        if crash:
            send(signal.SIGKILL, pid)
        wait_until(lambda: self._stopped(name), f"{name} does not stop")
        wait_until(lambda: not any(map(alive, processes)), f"processes of {name} do not end")

    def kill_program(self, name: str, sent: signal.Signals = signal.SIGKILL) -> None:
        """Sends it a signal behind the supervisor's back; if it dies of that, it is restarted."""
        send(sent, self.pid(name))

    def pid(self, name: str) -> int:
        """Raises StackError if it does not run at the moment."""
        pid = self._program_state(name).pid
        if pid is None:
            raise StackError(f"{name} does not run")
        return pid

    def status(self) -> list[Status]:
        """Of every program, in the order of their addition."""
        states = {state.name: state for state in self._states()}
        return [_status(program, states.get(name)) for name, program in self._programs.items()]

    def wait_ready(self, *names: str, timeout_s: float = GENEROUS_S) -> None:
        """Returns when these programs (all if none is named) are ready.

        Raises NotReadyError, with the end of the program's log, after `timeout_s` seconds for each
        or as soon as it has ended again and again.
        """
        for name in names or tuple(self._programs):
            self._wait_for_one(self._programs[name], timeout_s)

    def stop(self) -> None:
        """Stops every program, the servers last, then the supervisor. Returns when all are gone."""
        if self.state.exists():
            self._supervision.end(last=(KAFKA, POSTGRES))

    def remove(self) -> None:
        """Stops it and removes all it has on disk."""
        self.stop()
        self.state.remove()

    @property
    def _kafka_home(self) -> Path:
        return self.state.path / KAFKA

    @property
    def _postgres_home(self) -> Path:
        return (self.state.annex if is_root() else self.state.path) / POSTGRES

    def _password(self) -> str:
        return self.secrets([POSTGRES_PASSWORD])[POSTGRES_PASSWORD]

    def _wait_for_one(self, program: Program, timeout_s: float) -> None:
        log = self.state.log(program.name)
        deadline = time.monotonic() + timeout_s
        starts = set()
        while (waiting_for := program.ready()) is not None:
            known = self._program_state(program.name)
            starts.add(known.started_at)
            if known.state in {"BACKOFF", "FATAL"} and "ddress already in use" in tail(log):
                raise PortInUseError(list(program.listens_on().items()))
            if known.state == "FATAL" or len(starts) > STARTS:
                raise NotReadyError(program.name, "it ends again and again", log)
            if time.monotonic() > deadline:
                raise NotReadyError(program.name, f"{waiting_for} ({known.state})", log)
            time.sleep(0.05)

    def _states(self) -> list[ProgramState]:
        return self._supervision.states() if self.running() else []

    def _program_state(self, name: str) -> ProgramState:
        for state in self._states():
            if state.name == name:
                return state
        raise StackError(f"no supervisor runs a program {name} in {self.state.path}")

    def _stopped(self, name: str) -> bool:
        state = self._program_state(name).state
        if state in {"STARTING", "RUNNING"}:
            # It had just ended by itself, and the supervisor has started it again.
            self._supervision.begin_stop(name)
        return state in {"STOPPED", "FATAL"}


def start_on_free_ports(
    make: Callable[[Ports], Stack], start: Callable[[Stack], None] = Stack.start
) -> Stack:
    """The stack that `make` builds, started; once more on others if somebody took one of its ports.

    A port can't be reserved, so between finding it free and listening on it there is a moment.
    """
    for _ in range(ATTEMPTS):
        stack = make(Ports.free())
        try:
            start(stack)
        except PortInUseError:
            stack.remove()
        except BaseException:
            stack.stop()
            raise
        else:
            return stack
    raise StackError(f"somebody else took a free port {ATTEMPTS} times in a row")


def _status(program: Program, known: ProgramState | None) -> Status:
    running = known is not None and known.pid is not None
    return Status(
        name=program.name,
        state=known.state if known else "STOPPED",
        pid=known.pid if known else None,
        started_at=known.started_at if known else 0,
        port=program.port,
        waiting_for=program.ready() if running else "it does not run",
    )
