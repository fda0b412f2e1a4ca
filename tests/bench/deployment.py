"""The four services on servers of the bench's own, each started when a scenario wants it."""

import asyncio
import re
import secrets
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import SecretStr

from baton import activation, migrations, topics
from baton.policy.bundle import Bundle, texts_in
from baton.policy_sections import policy_sections
from baton.settings import DatabaseSettings, KafkaSettings
from baton.topics import Topic
from baton_cli.service import Service
from baton_local.leftovers import new_state, remove_leftovers
from baton_local.paths import RUN
from baton_local.postgres import create_database, drop_database
from baton_local.program import Program
from baton_local.services import BUNDLE, environment, kafka_settings, secret_names, service_program
from baton_local.stack import Stack, start_on_free_ports
from tests.bench.arrivals import make_topics

BENCHES = RUN / "bench"
_CAPACITY = re.compile(r"capacity: \d+")


@contextmanager
def servers() -> Iterator[Stack]:
    """A Kafka and a PostgreSQL, gone at the end."""
    remove_leftovers(BENCHES)
    stack = start_on_free_ports(lambda ports: Stack(new_state(BENCHES), ports))
    try:
        yield stack
    finally:
        stack.remove()


def roomy_policy() -> Bundle:
    """The default policy, with reps who never have too many leads, and sources who may flood us."""
    texts = {n: _CAPACITY.sub("capacity: 1000000", t) for n, t in texts_in(BUNDLE).items()}
    texts["sources.yaml"] = texts["sources.yaml"].replace(
        "    brand: ", "    rate_limit: {per_second: 1000000}\n    brand: "
    )
    return Bundle.parse_whole(texts, policy_sections())


@dataclass(frozen=True)
class Deployment:
    """Topics, a database and a policy in force. `told` is the environment of its services."""

    stack: Stack
    told: Mapping[str, str]
    policy: Bundle
    profiles: Path | None = None
    """Where each process leaves what it did, for `pstats`; then it takes twice as long."""

    @property
    def kafka(self) -> KafkaSettings:
        return kafka_settings(self.told)

    @property
    def database_url(self) -> str:
        return self.told["BATON_DATABASE_URL"]

    @property
    def id_key(self) -> bytes:
        return self.told["BATON_ID_KEY"].encode()

    def url(self, service: Service) -> str:
        return self.told[service.variable]

    def start(self, *services: Service, wait: bool = True) -> None:
        """With `wait`, returns when they are ready."""
        self.stack.add(*map(self._program, services))
        for service in services:
            self.stack.start_program(service.schema, wait=False)
        if wait:
            self.stack.wait_ready(*(service.schema for service in services))

    def stop(self, *services: Service) -> None:
        """Returns when they have ended, having published what they had committed."""
        for service in services:
            self.stack.stop_program(service.schema)

    def pid(self, service: Service) -> int:
        return self.stack.pid(service.schema)

    def running(self) -> Sequence[Service]:
        """Those that were started and not stopped."""
        names = {state.name for state in self.stack.status() if state.pid is not None}
        return [service for service in Service if service.schema in names]

    def migrate(self) -> None:
        """The tables of all services."""
        database = DatabaseSettings(database_url=SecretStr(self.database_url))
        for service in Service:
            folder = service.manifest.migrations
            if folder is not None:
                migrations.upgrade(database, service.schema, folder)

    def _program(self, service: Service) -> Program:
        program = service_program(self.stack, service.schema, self.told)
        if self.profiles is None:
            return program
        into = self.profiles / f"{self.told['BATON_TOPIC_PREFIX']}{service.schema}.pstats"
        profiled = (sys.executable, "-m", "cProfile", "-o", str(into), *program.argv[1:])
        return replace(program, argv=profiled)


@asynccontextmanager
async def deployed(
    stack: Stack,
    profiles: Path | None = None,
    stamped: Topic = topics.LEAD_SLA,
    shards: int | None = None,
) -> AsyncIterator[Deployment]:
    """A deployment of its own on the servers, with no service running yet.

    Of what comes onto `stamped`, the broker notes when it came. It has as many `shards` as a local
    deployment unless it is told otherwise.
    """
    name = f"bench{secrets.token_hex(3)}"
    told = environment(stack, secret_names(BUNDLE)) | {
        "BATON_DATABASE_URL": create_database(stack.server_url, name),
        "BATON_TOPIC_PREFIX": f"{name}-",
        "BATON_LOG_FORMAT": "json",
    }
    if shards is not None:
        told["BATON_PARTITIONS"] = str(shards)
    made = Deployment(stack, told, roomy_policy(), profiles)
    await asyncio.to_thread(made.migrate)
    await make_topics(made.kafka, topics.ALL, stamped=stamped)
    await activation.activate(made.kafka, made.policy, None, "bench", "to measure")
    try:
        yield made
    finally:
        made.stop(*made.running())
        drop_database(stack.server_url, name)
