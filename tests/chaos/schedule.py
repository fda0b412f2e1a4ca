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
    """A server hangs for so many seconds, dies, is away for so many, and is started again.

    `committing` are processes that learn of it when they commit.
    """

    server: Server
    hangs: float
    away: float
    committing: tuple[Process, ...] = ()


@dataclass(frozen=True, slots=True)
class Overlap:
    """Processes are frozen until others have their shards, and wake beside those others.

    Nothing can be written to their outbox at that moment, so that there is something to do for
    both, and whoever does it ends when the other does.
    """

    processes: tuple[Process, ...]


@dataclass(frozen=True, slots=True)
class LateRaise:
    """A process that joins, freezes while it opens its shards, wakes when they are others', and
    dies having raised an epoch that is not its own any more.
    """

    service: str
    after: float


Fault = Kill | Freeze | Storm | Outage | Overlap | LateRaise


@dataclass(frozen=True, slots=True)
class Scene:
    """Faults that go on at the same time; the next scene begins when all are over."""

    name: str
    faults: tuple[Fault, ...]


def schedule(seed: int, *, short: bool = False) -> Sequence[Scene]:
    """The scenes of a seed, in their order. `short`: two of them, in which much happens.

    Those who die with a late raise come last: whoever joins or leaves a group afterwards would have
    all shards opened anew, and so hide what it did.
    """
    chance = random.Random(f"faults {seed}")  # noqa: S311 - to be repeated, not to be secret
    if short:
        return [_mixed(chance), _database(chance, [chance.choice(SERVICES)])]
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


def _mixed(chance: random.Random) -> Scene:
    """Of the four services two lose a process, two have one frozen until it has lost its shards."""
    services = chance.sample(SERVICES, len(SERVICES))
    ways = (
        (Moment.IN_BATCH, Thaw.TAKEN_OVER),
        (Moment.RECORDED, Thaw.WAITED_FOR),
    )
    kills = (_kill(chance, service) for service in services[:2])
    freezes = (
        Freeze(_one_of(chance, service), chance.uniform(0, 1), moment, thaw)
        for service, (moment, thaw) in zip(services[2:], ways, strict=True)
    )
    storm = _storm(chance, chance.choice(services), at_most=1, times=(2, 3))
    return Scene("killed, frozen, in a storm", (*kills, *freezes, storm))


def _killed(chance: random.Random) -> Scene:
    return Scene("killed", tuple(_kill(chance, service) for service in SERVICES))


def _kill(chance: random.Random, service: str) -> Kill:
    moments = (Moment.ANY, Moment.IN_BATCH, Moment.RECORDED, Moment.AFTER_COMMIT)
    return Kill(_one_of(chance, service), chance.uniform(0, 2), chance.choice(moments))


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
    storms = (_storm(chance, service, at_most=6, times=(4, 7)) for service in SERVICES)
    return Scene("frozen beyond every timeout, in storms", (*freezes, *storms))


def _storm(chance: random.Random, service: str, at_most: float, times: tuple[int, int]) -> Storm:
    after = chance.uniform(0, at_most)
    stays = tuple(chance.uniform(0, 0.8) for _ in range(chance.randint(*times)))
    return Storm(service, after, stays)


def _database(chance: random.Random, services: Sequence[str] = SERVICES) -> Scene:
    """While a process of each of these services commits."""
    committing = tuple(_one_of(chance, service) for service in services)
    hangs, away = chance.uniform(0.3, 1.5), chance.uniform(0, 2)
    outage = Outage(Server.POSTGRES, hangs, away, committing)
    return Scene("PostgreSQL away", (outage,))


def _kafka(chance: random.Random) -> Scene:
    """For longer than any line waits."""
    outage = Outage(Server.KAFKA, chance.uniform(0, 2), chance.uniform(4, 6))
    return Scene("Kafka away", (outage,))


def _woken(chance: random.Random) -> Scene:
    processes = tuple(_one_of(chance, service) for service in SERVICES)
    return Scene("woken beside their successors", (Overlap(processes),))


def _late(chance: random.Random) -> Scene:
    return Scene(
        "late raises",
        tuple(LateRaise(service, chance.uniform(0, 1)) for service in SERVICES),
    )
