"""Ways that leads go: where they are put in, and the topic on which each must come out."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Protocol

from baton import topics
from baton.kafka import topic_name
from baton.settings import KafkaSettings
from baton.topics import Topic
from baton_cli.service import INGEST
from tests.bench import leads
from tests.bench.arrivals import Arrivals
from tests.bench.client import Answer, Client
from tests.bench.deployment import Deployment
from tests.bench.load import Send, Sent, send_at_once, send_evenly

BATCH_LINES = 100
_PATIENCE_S = 60
ACCEPTED = 202
_TAKEN = (b'"published"', b'"spooled"')


@dataclass(frozen=True, slots=True)
class Load:
    """What can be sent, by number, and the keys of the leads in each."""

    send: Send
    keys: Sequence[Sequence[bytes]]


class Entrance(Protocol):
    """Where leads go in; `at_once` of them are sent together."""

    @property
    def name(self) -> str: ...

    @property
    def at_once(self) -> int: ...

    def load(self, wanted: int) -> Load:
        """At least so many leads that nobody has sent before."""
        ...


class Way(Entrance, Protocol):
    """Where leads go in and come out."""

    @property
    def settings(self) -> KafkaSettings: ...

    @property
    def out(self) -> str:
        """The full name of the topic."""
        ...


class ByHttp:
    """Leads to a deployment: each in a request of its own, or the lines of a batch."""

    _names = count()

    def __init__(
        self,
        deployment: Deployment,
        client: Client,
        at_once: int = 1,
        out: Topic = topics.LEAD_SLA,
    ) -> None:
        self.name = "by HTTP" if at_once == 1 else f"by HTTP, {at_once} a batch"
        self.at_once = at_once
        self.settings = deployment.kafka
        self.out = topic_name(deployment.kafka, out)
        self._deployment = deployment
        self._client = client
        self._path = "/v1/leads" if at_once == 1 else "/v1/leads/batch"

    def load(self, wanted: int) -> Load:
        name = f"load{next(self._names)}"
        parts = [range(begin, begin + self.at_once) for begin in range(0, wanted, self.at_once)]
        bodies = [b"\n".join(leads.body(name, number) for number in part) for part in parts]

        async def send(number: int) -> bool:
            return all_taken(await self._client.post(self._path, bodies[number]), self.at_once)

        policy, id_key = self._deployment.policy, self._deployment.id_key
        return Load(send, [[leads.key(name, n, policy, id_key) for n in part] for part in parts])


def all_taken(answer: Answer, count: int) -> bool:
    """Whether intake has taken so many leads; those that went to the spool are as safe."""
    return answer.status == ACCEPTED and sum(map(answer.body.count, _TAKEN)) == count


def client(deployment: Deployment) -> Client:
    """A client of a deployment's intake."""
    token = deployment.told["BATON_API_TOKEN"]
    return Client(deployment.url(INGEST), {"Authorization": f"Bearer {token}"})


@dataclass(frozen=True, slots=True)
class Passed:
    """Leads that have gone a way. `through` is how long each that was taken took, in seconds, from
    when it was due to be sent until the last topic had it.
    """

    sent: Sent
    through: list[float]


async def pass_through(way: Way, count: int, rate: float, coming: Arrivals) -> Passed:
    """Send so many leads, `rate` a second; returns when all have come out. Raises LostError."""
    load = way.load(count)
    sent = await send_evenly(load.send, len(load.keys), rate / way.at_once)
    return Passed(sent, await _through(load, sent, coming))


async def rush_through(way: Way, count: int, at_once: int, coming: Arrivals) -> Passed:
    """The same, as fast as they are taken, so many of them at a time."""
    load = way.load(count)
    sent = await send_at_once(load.send, len(load.keys), max(1, at_once // way.at_once))
    return Passed(sent, await _through(load, sent, coming))


async def _through(load: Load, sent: Sent, coming: Arrivals) -> list[float]:
    went = zip(load.keys, sent.due, sent.taken, strict=True)
    due = {key: due for part, due, taken in went if taken for key in part}
    count_arrival = await coming.all_of(due, _PATIENCE_S)
    return [there - at for there, at in zip(count_arrival, due.values(), strict=True)]
