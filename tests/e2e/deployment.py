"""The four services as processes of their own, on a Kafka and a PostgreSQL that are given."""

import asyncio
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr
from typer.testing import CliRunner

from baton import activation, kafka, migrations
from baton.events import PolicyActivated
from baton.manifest import manifests
from baton.policy.bundle import Bundle
from baton.settings import DatabaseSettings, KafkaSettings
from baton_cli.main import app
from baton_local.leftovers import new_state
from baton_local.ports import Ports, free_ports
from baton_local.program import Program
from baton_local.services import SERVICES, environment, kafka_settings, run_baton, service_program
from baton_local.stack import Stack, start_on_free_ports
from tests.e2e.people import RUN, RUN_DIGITS

PARTITIONS = 3
TOO_MANY = 100
"""So many dead letters stop a service; the tests of bad records come to less than half of it."""
LINES_SHOWN = 15
POLICY = Path(__file__).parent / "policy"
SAMPLES = Path(__file__).parents[3] / "shared" / "data" / "webhooks"
SECRETS = ("E2E_SHOP_SECRET", "E2E_FORMS_SECRET")

QUICK = {
    "HEARTBEAT": "0.5",
    "SESSION": "3",
    "REBALANCE": "20",
    "DRAIN": "18",
    "PUBLISH": "10",
    "SHUTDOWN": "18",
    "LOOK": "0.2",
    "SETTLE": "1",
    "CATCH_UP": "30",
    "CIRCUIT": "0.5",
}
"""Times that let a test see in seconds what else takes half a minute."""


@dataclass(frozen=True)
class Deployment:
    """`told` is the environment of the services and of `baton`, secrets included."""

    stack: Stack
    told: Mapping[str, str]

    @property
    def kafka(self) -> KafkaSettings:
        return kafka_settings(self.told)

    @property
    def database_url(self) -> str:
        return self.told["BATON_DATABASE_URL"]

    @property
    def token(self) -> str:
        return self.told["BATON_API_TOKEN"]

    def url(self, service: str) -> str:
        return self.told[f"BATON_{service.upper()}_URL"]

    def program(self, service: str) -> Program:
        return service_program(self.stack, service, self.told)

    def another(self, service: str, name: str, **changes: str) -> Program:
        """A second process of a service; `changes` are settings of its own."""
        told, port = {**self.told, **changes}, free_ports(1)[0]
        return service_program(self.stack, service, told, name=name, port=port)

    def baton(self, *arguments: str) -> str:
        """What the operator's command prints, run as an operator does.

        Raises StackError where it fails.
        """
        return run_baton(arguments, self.told)

    def quick_baton(self, *arguments: str) -> str:
        """The same command in this process, which saves the seconds that starting one takes."""
        ran = CliRunner().invoke(app, arguments, env=dict(self.told))
        assert ran.exit_code == 0, ran.output
        return ran.output

    def prepare(self) -> None:
        """Topics and tables."""
        database = DatabaseSettings(database_url=SecretStr(self.database_url))
        for service in manifests():
            if service.migrations is not None:
                migrations.upgrade(database, service.package, service.migrations)
        asyncio.run(kafka.apply_topics(self.kafka))

    def activate(self, bundle: Bundle) -> PolicyActivated:
        """Put a bundle in force, without waiting for who has heard of it."""
        work = activation.activate(self.kafka, bundle, None, "the tests", "for a test")
        return asyncio.run(work)

    def start_services(self, *, wait: bool = True) -> None:
        self.stack.add(*map(self.program, SERVICES))
        for service in SERVICES:
            self.stack.start_program(service, wait=False)
        if wait:
            self.stack.wait_ready(*SERVICES)

    def logs(self) -> str:
        """All that the services have written so far."""
        found = (log for service in SERVICES for log in self.stack.state.logs.glob(f"{service}*"))
        return "\n".join(log.read_text(errors="replace") for log in found)

    def report(self) -> str:
        """How each service stands, and the end of its log."""
        parts = [f"{state.name}: {state.waiting_for or 'ready'}" for state in self.stack.status()]
        for service in SERVICES:
            log = self.stack.state.log(service)
            lines = log.read_text(errors="replace").splitlines() if log.exists() else []
            parts += [f"--- {service}", *lines[-LINES_SHOWN:]]
        return "\n".join(parts)

    def end(self) -> None:
        """Stop the processes, whose logs must tell of nobody."""
        for service in SERVICES:
            if self.stack.running():
                self.stack.stop_program(service)
        logs = self.logs()
        assert RUN not in logs
        assert RUN_DIGITS not in logs


def on_stack(stack: Stack, **changes: str) -> Deployment:
    """A deployment on a running stack, with topics and tables; without policy and processes yet.

    `changes` are settings.
    """
    sample = typeform_sample()
    told = environment(stack, SECRETS) | {
        **{f"BATON_TIMES__{name}": seconds for name, seconds in QUICK.items()},
        "BATON_PARTITIONS": str(PARTITIONS),
        "BATON_TOPIC_PREFIX": "",
        "BATON_BREAKER_DEAD_LETTERS": str(TOO_MANY),
        "BATON_LOG_FORMAT": "json",
        "E2E_SHOP_SECRET": f"whsec_{secrets.token_hex(12)}",
        "E2E_FORMS_SECRET": sample.secret if sample else secrets.token_hex(12),
        **changes,
    }
    made = Deployment(stack, told)
    made.prepare()
    return made


def on_servers(bootstrap: str, url: str, prefix: str, **changes: str) -> Deployment:
    """The same on servers that it shares with others, under its own prefix and database."""

    def make(ports: Ports) -> Stack:
        return Stack(new_state(), ports, servers=(), kafka_bootstrap=bootstrap, server_url=url)

    return on_stack(start_on_free_ports(make), BATON_TOPIC_PREFIX=prefix, **changes)


@dataclass(frozen=True)
class TypeformSample:
    """The published delivery of Typeform's, with the secret that signed it."""

    secret: str
    body: bytes
    signature: str
    email: str


def typeform_sample() -> TypeformSample | None:
    """None where the samples are absent."""
    index = SAMPLES / "index.jsonl"
    if not index.exists():
        return None
    entries = map(json.loads, index.read_text().splitlines())
    sample = next(each for each in entries if each["vendor"] == "typeform")
    return TypeformSample(
        secret=sample["signature"]["secret"],
        body=(SAMPLES / sample["body_file"]).read_bytes(),
        signature=sample["signature"]["expected_headers"]["Typeform-Signature"],
        email=sample["expected"][0]["email"],
    )
