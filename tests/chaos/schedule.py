"""The faults of a run, as they follow from its seed."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from baton_local.services import SERVICES

PROCESSES = 2
"""Of each service."""


class Moment(StrEnum):
    """When a process is hit."""

    ANY = "at any moment"
    IN_BATCH = "in a batch"
    RECORDED = "just before a commit"
    AFTER_COMMIT = "just after a commit"


class Thaw(StrEnum):
    """When a process that was frozen in a batch goes on."""

    TAKEN_OVER = "once others have its shards"
    WAITED_FOR = "while its successor waits for it"
    WAITED_FOR_AND_KILLED = "while its successor waits for it, and dies once it has committed"
    BEYOND_EVERY_TIMEOUT = "beyond every timeout"


class Server(StrEnum):
    """What the services stand on."""

    KAFKA = "kafka"
    POSTGRES = "postgres"


@dataclass(frozen=True, slots=True)
class Process:
    """One of the processes of a service, counted from 1."""

    service: str
    number: int

    @property
    def name(self) -> str:
        return f"{self.service}-{self.number}"


@dataclass(frozen=True, slots=True)
class Kill:
    """SIGKILL; its supervisor starts it again."""

    process: Process
    after: float
    moment: Moment


@dataclass(frozen=True, slots=True)
class Freeze:
    """SIGSTOP in the middle of a batch, and SIGCONT."""

    process: Process
    after: float
    moment: Moment
    thaw: Thaw


@dataclass(frozen=True, slots=True)
class Storm:
    """Members that join the service's group and leave it again, each after so many seconds."""

    service: str
    after: float
    stays: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Outage:
    """A server hangs for so many seconds, dies, is away for so many, and is started again."""

    server: Server
    hangs: float
    away: float


@dataclass(frozen=True, slots=True)
class Waking:
    """Processes are frozen until others have their shards, and wake while both servers hang.

    Reps have much to say at that moment. PostgreSQL goes on first, with all that has become due meanwhile for those who have the shards
    and for those who believe so; Kafka, which could tell them, so many seconds later.
    """

    processes: tuple[Process, ...]
    both_hang: float
    kafka_hangs: float


@dataclass(frozen=True, slots=True)
class LateRaise:
    """A process that joins, freezes while it opens its shards, wakes when they are others', and
    dies having raised an epoch that is not its own any more.
    """

    service: str
    after: float


Fault = Kill | Freeze | Storm | Outage | Waking | LateRaise


@dataclass(frozen=True, slots=True)
class Scene:
    """Faults that go on at the same time; the next scene begins when all are over."""

    name: str
    faults: tuple[Fault, ...]


def schedule(seed: int, *, short: bool = False) -> Sequence[Scene]:
    """The scenes of a seed, in their order. `short`: one of each kind of fault.

    Those who die with a late raise come last: whoever joins or leaves a group afterwards would have
    all shards opened anew, and so hide what it did.
    """
    chance = random.Random(f"faults {seed}")  # noqa: S311 - to be repeated, not to be secret
    if short:
        return [_killed(chance), _frozen(chance), _database(chance), _woken(chance)]
    scenes = [
        _killed(chance),
        _frozen(chance),
        _frozen(chance),
        _beyond(chance),
        _database(chance),
        _kafka(chance),
        _woken(chance),
    ]
    chance.shuffle(scenes)
    return [*scenes, _late(chance)]


def _one_of(chance: random.Random, service: str) -> Process:
    return Process(service, chance.randint(1, PROCESSES))


def _killed(chance: random.Random) -> Scene:
    moments = (Moment.ANY, Moment.IN_BATCH, Moment.RECORDED, Moment.AFTER_COMMIT)
    return Scene(
        "killed",
        tuple(
            Kill(_one_of(chance, service), chance.uniform(0, 2), chance.choice(moments))
            for service in SERVICES
        ),
    )


def _frozen(chance: random.Random) -> Scene:
    """Those who die do so between a commit and its events: that is what others must make good."""
    ways = [
        (Moment.IN_BATCH, Thaw.TAKEN_OVER),
        (chance.choice([Moment.IN_BATCH, Moment.RECORDED]), Thaw.WAITED_FOR),
        (Moment.RECORDED, Thaw.WAITED_FOR_AND_KILLED),
        (Moment.RECORDED, Thaw.WAITED_FOR_AND_KILLED),
    ]
    chance.shuffle(ways)
    return Scene(
        "frozen",
        tuple(
            Freeze(_one_of(chance, service), chance.uniform(0, 1), moment, thaw)
            for service, (moment, thaw) in zip(SERVICES, ways, strict=True)
        ),
    )


def _beyond(chance: random.Random) -> Scene:
    """While others come and go."""
    freezes = (
        Freeze(
            _one_of(chance, service),
            chance.uniform(0, 1),
            chance.choice([Moment.IN_BATCH, Moment.RECORDED]),
            Thaw.BEYOND_EVERY_TIMEOUT,
        )
        for service in SERVICES
    )
    storms = (
        Storm(
            service,
            chance.uniform(0, 6),
            tuple(chance.uniform(0, 0.8) for _ in range(chance.randint(4, 7))),
        )
        for service in SERVICES
    )
    return Scene("frozen beyond every timeout, in storms", (*freezes, *storms))


def _database(chance: random.Random) -> Scene:
    outage = Outage(Server.POSTGRES, chance.uniform(0.3, 1.5), chance.uniform(0, 2))
    return Scene("PostgreSQL away", (outage,))


def _kafka(chance: random.Random) -> Scene:
    """For longer than any line waits."""
    outage = Outage(Server.KAFKA, chance.uniform(0, 2), chance.uniform(4, 6))
    return Scene("Kafka away", (outage,))


def _woken(chance: random.Random) -> Scene:
    processes = tuple(_one_of(chance, service) for service in SERVICES)
    waking = Waking(processes, chance.uniform(1, 2), chance.uniform(1, 2))
    return Scene("woken while Kafka and PostgreSQL hang", (waking,))


def _late(chance: random.Random) -> Scene:
    return Scene(
        "late raises",
        tuple(LateRaise(service, chance.uniform(0, 1)) for service in SERVICES),
    )
