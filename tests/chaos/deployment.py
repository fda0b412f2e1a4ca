"""A deployment with two processes of each service, on servers that all seeds share."""

import asyncio
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Self

import httpx

from baton import topics
from baton.settings import KafkaSettings
from baton_local.errors import StackError
from baton_local.leftovers import new_state, remove_leftovers
from baton_local.paths import RUN
from baton_local.postgres import create_database, drop_database
from baton_local.program import Program
from baton_local.services import SERVICES
from baton_local.stack import Stack, start_on_free_ports
from tests.bench.arrivals import note_arrivals
from tests.chaos.schedule import PROCESSES, Process
from tests.e2e.deployment import Deployment as Alone
from tests.e2e.deployment import on_stack

RUNS = RUN / "chaos"
GENEROUS = 300.0
"""Seconds that anything may take on a machine that is busy with something else."""
SHARDS = 6
EXTRA = PROCESSES + 1
"""The number of a process that only comes for a while."""

TIMES = {
    "HEARTBEAT": "0.4",
    "SESSION": "2",
    "LOCK": "1.5",
    "IDLE_IN_TRANSACTION": "5",
    "STATEMENT": "5",
    "TRANSACTION": "6",
    "PUBLISH": "6",
    "DRAIN": "7",
    "SHUTDOWN": "8",
    "REBALANCE": "8",
    "STALL": "10",
    "PATIENCE": "10",
    "LOOK": "0.2",
    "SETTLE": "1",
    "CATCH_UP": "30",
    "CIRCUIT": "0.5",
    "COMMAND_WAIT": "1",
}
"""Seconds in which as much happens as else in minutes."""


def seconds(name: str) -> float:
    """One of these times."""
    return float(TIMES[name])


@contextmanager
def servers() -> Iterator[Stack]:
    """A Kafka and a PostgreSQL, gone at the end."""
    remove_leftovers(RUNS)
    stack = start_on_free_ports(lambda ports: Stack(new_state(RUNS), ports))
    try:
        yield stack
    finally:
        stack.remove()


@dataclass(frozen=True)
class Deployment:
    """`alone` has the settings of each process; `leave_out` the steps of the runner's protocol that
    each process leaves out.
    """

    alone: Alone
    leave_out: Sequence[str] = ()
    _programs: dict[str, Program] = field(default_factory=dict)

    @property
    def stack(self) -> Stack:
        return self.alone.stack

    @property
    def kafka(self) -> KafkaSettings:
        return self.alone.kafka

    @property
    def processes(self) -> Sequence[Process]:
        return [Process(name, n) for name in SERVICES for n in range(1, PROCESSES + 1)]

    def url(self, process: Process) -> str:
        return f"http://127.0.0.1:{self._programs[process.name].port}"

    def begin(self, process: Process) -> None:
        """Start it, and don't wait until it is ready."""
        program = self.alone.another(process.service, process.name)
        if self.leave_out:
            program = sabotaged(program, self.leave_out)
        self.stack.add(program)
        self.stack.start_program(process.name, wait=False)
        self._programs[process.name] = program

    def start(self) -> Self:
        """Returns when all processes are ready."""
        for process in self.processes:
            self.begin(process)
        names = (process.name for process in self.processes)
        self.stack.wait_ready(*names, timeout_s=GENEROUS)
        return self

    def pid(self, process: Process) -> int | None:
        """None while it does not run."""
        try:
            return self.stack.pid(process.name)
        except StackError:
            return None

    def metric(self, process: Process, name: str) -> float | None:
        """A metric without labels; None where the process does not answer."""
        try:
            told = httpx.get(f"{self.url(process)}/metrics", timeout=1, trust_env=False).text
        except httpx.TransportError:
            return None
        for line in told.splitlines():
            if line.startswith(f"{name} "):
                return float(line.partition(" ")[2])
        return None

    def stop(self) -> None:
        for name in self._programs:
            if self.stack.running():
                self.stack.stop_program(name, crash=True)


def sabotaged(program: Program, steps: Sequence[str]) -> Program:
    """The program of a service, with a runner that leaves these steps out."""
    python, option, module = program.argv
    argv = (python, option, "tests.sabotage", ",".join(steps), module)
    return replace(program, argv=argv)


@contextmanager
def deployed(stack: Stack, leave_out: Sequence[str] = ()) -> Iterator[Deployment]:
    """A deployment of its own on the servers, with tables and topics, and no process yet."""
    name = f"chaos{secrets.token_hex(3)}"
    url = create_database(stack.server_url, name)
    alone = on_stack(
        stack,
        BATON_DATABASE_URL=url,
        BATON_TOPIC_PREFIX=f"{name}-",
        BATON_PARTITIONS=str(SHARDS),
        **{f"BATON_TIMES__{time}": seconds for time, seconds in TIMES.items()},
    )
    # When a broken promise's answer was there to be read is for the broker to say.
    asyncio.run(note_arrivals(alone.kafka, topics.LEAD_FOLLOWUP))
    made = Deployment(alone, leave_out)
    try:
        yield made
    finally:
        made.stop()
    drop_database(stack.server_url, name)
