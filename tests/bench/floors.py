"""What Baton is held against: the same way of a lead, and the same answer, with nothing done."""

import os
import secrets
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from functools import partial
from uuid import uuid4

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaTimeoutError

from baton import identity, kafka, topics
from baton.kafka import topic_name
from baton.settings import KafkaSettings
from baton_local.paths import ROOT
from baton_local.ports import LOOPBACK
from baton_local.program import Program
from baton_local.readiness import http_ready
from baton_local.services import environment, kafka_settings
from baton_local.stack import Stack
from tests.bench import leads
from tests.bench.arrivals import make_topics
from tests.bench.client import Client
from tests.bench.deployment import roomy_policy
from tests.bench.ways import ACCEPTED, Load

HOPS = (topics.LEAD_CAPTURED, topics.LEAD_SCORED, topics.LEAD_ROUTED, topics.LEAD_SLA)
"""The topics that a lead crosses."""


class Chain:
    """A bare aiokafka chain: the load goes to the first topic, a process each carries it on."""

    name = "bare chain"
    at_once = 1

    def __init__(
        self, settings: KafkaSettings, producer: AIOKafkaProducer, hops: list[str]
    ) -> None:
        self.settings = settings
        self.out = hops[-1]
        self._into = hops[0]
        self._producer = producer
        # The same lead each time: nobody looks at what it carries.
        self._message = leads.captured("chain", 0, roomy_policy(), b"")

    def load(self, wanted: int) -> Load:
        keys = [str(uuid4()).encode() for _ in range(wanted)]

        async def send(number: int) -> bool:
            try:
                await self._producer.send_and_wait(
                    self._into,
                    self._message.value,
                    key=keys[number],
                    partition=identity.shard_of(keys[number], self.settings.partitions),
                    headers=list(self._message.headers),
                )
            except KafkaTimeoutError:
                return False  # the producer has no more room: that is more than it can send
            return True

        return Load(send, [[key] for key in keys])


RELAYS = ("relay_1", "relay_2", "relay_3")


@asynccontextmanager
async def chain(stack: Stack) -> AsyncIterator[Chain]:
    """A chain, running."""
    prefix = f"chain{secrets.token_hex(3)}-"
    told = environment(stack) | {"BATON_TOPIC_PREFIX": prefix}
    settings = kafka_settings(told)
    await make_topics(settings, HOPS, stamped=HOPS[-1])
    hops = [topic_name(settings, hop) for hop in HOPS]
    producer = kafka.producer(settings)
    await producer.start()
    programs = [
        _program(name, told, "tests.bench.relay", source, target)
        for name, source, target in zip(RELAYS, hops[:-1], hops[1:], strict=True)
    ]
    try:
        with _running(stack, *programs):
            yield Chain(settings, producer, hops)
    finally:
        await producer.stop()


BARE_ENDPOINT = "bare_endpoint"


class BareEndpoint:
    """A FastAPI endpoint that awaits one acknowledgement of Kafka's; it is sent what intake is."""

    name = "bare endpoint"
    at_once = 1

    def __init__(self, client: Client) -> None:
        self._client = client

    def load(self, wanted: int) -> Load:
        bodies = [leads.body("bare", number) for number in range(wanted)]

        async def send(number: int) -> bool:
            return (await self._client.post("/", bodies[number])).status == ACCEPTED

        return Load(send, [[] for _ in bodies])


@asynccontextmanager
async def bare_endpoint(stack: Stack) -> AsyncIterator[BareEndpoint]:
    """The endpoint, running, on the port of intake."""
    prefix = f"bare{secrets.token_hex(3)}-"
    port = stack.ports.by_name()["ingest"]
    told = environment(stack) | {"BATON_TOPIC_PREFIX": prefix, "BATON_PORT": str(port)}
    settings = kafka_settings(told)
    await kafka.apply_topics(settings, [topics.LEAD_CAPTURED])
    topic = topic_name(settings, topics.LEAD_CAPTURED)
    url = f"http://{LOOPBACK}:{port}"
    program = _program(BARE_ENDPOINT, told, "tests.bench.bare_endpoint", topic)
    program = replace(program, port=port, ready=partial(http_ready, f"{url}/readyz"))
    with _running(stack, program):
        async with Client(url, {}) as client:
            yield BareEndpoint(client)


def _program(name: str, told: Mapping[str, str], module: str, *arguments: str) -> Program:
    return Program(
        name=name,
        argv=(sys.executable, "-m", module, *arguments),
        env={**os.environ, **told},
        cwd=ROOT,
        ready=lambda: None,
    )


@contextmanager
def _running(stack: Stack, *programs: Program) -> Iterator[None]:
    stack.add(*programs)
    try:
        for program in programs:
            stack.start_program(program.name)
        yield
    finally:
        for program in programs:
            stack.stop_program(program.name)
