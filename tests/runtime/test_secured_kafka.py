"""Kafka as it is away from a laptop: TLS on the wire, certificates, logins."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import trustme
from aiokafka.errors import KafkaError
from cryptography.hazmat.primitives import serialization
from pydantic import ValidationError

from baton import kafka, topics
from baton.settings import KafkaSettings
from baton.times import Times
from baton_local.kafka import kafka_program, prepare_kafka
from baton_local.kafka_jars import require_jars
from baton_local.ports import LOOPBACK, Ports
from baton_local.program import Program
from baton_local.waiting import wait_until

USER, PASSWORD = "baton", "a password: several words"
TOPIC = topics.LEAD_SLA


class Secured:
    """A broker that wants TLS, a certificate and a login, and what a client of it is told."""

    def __init__(self, directory: Path) -> None:
        self._home = directory
        self._authority = trustme.CA()
        self.files = {
            "kafka_ca_file": self._file("authority"),
            "kafka_cert_file": self._file("client"),
            "kafka_key_file": self._file("client-key"),
        }
        self._authority.cert_pem.write_to_path(str(self.files["kafka_ca_file"]))
        client = self._authority.issue_cert(USER)
        client.cert_chain_pems[0].write_to_path(str(self.files["kafka_cert_file"]))
        client.private_key_pem.write_to_path(str(self.files["kafka_key_file"]))
        ports = Ports.free()
        # A port of what this stack does not run.
        self.bootstrap = f"{LOOPBACK}:{ports.postgres}"
        self.plain = f"{LOOPBACK}:{ports.kafka}"
        jars = require_jars()
        prepare_kafka(directory, jars, ports, *_known_to_kafka())
        self._secure(ports)
        self.program: Program = kafka_program(directory, jars, ports)

    def run(self, log: Path) -> subprocess.Popen[bytes]:
        program = self.program
        with log.open("wb") as output:
            return subprocess.Popen(
                program.argv, cwd=program.cwd, env=program.env, stdout=output, stderr=output
            )

    def _file(self, name: str) -> Path:
        return self._home / f"{name}.pem"

    def _secure(self, ports: Ports) -> None:
        """One more listener; of what is named twice, Java takes the second."""
        broker = self._file("broker")
        issued = self._authority.issue_cert(LOOPBACK)
        broker.write_bytes(_pkcs8(issued.private_key_pem) + issued.cert_chain_pems[0].bytes())
        settings = self._home / "server.properties"
        listeners = f"CLIENTS://{self.plain},SECURE://{self.bootstrap}"
        controller = f"CONTROLLER://{LOOPBACK}:{ports.kafka_controller}"
        modules = "org.apache.kafka.common.security"
        of_listener = "listener.name.secure"
        settings.write_text(
            settings.read_text()
            + f"""
listeners={listeners},{controller}
advertised.listeners={listeners}
listener.security.protocol.map=CLIENTS:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL
{of_listener}.ssl.keystore.type=PEM
{of_listener}.ssl.keystore.location={broker}
{of_listener}.ssl.truststore.type=PEM
{of_listener}.ssl.truststore.location={self.files["kafka_ca_file"]}
{of_listener}.ssl.client.auth=required
{of_listener}.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
{of_listener}.plain.sasl.jaas.config={modules}.plain.PlainLoginModule required \
 user_{USER}="{PASSWORD}";
{of_listener}.scram-sha-256.sasl.jaas.config={modules}.scram.ScramLoginModule required;
{of_listener}.scram-sha-512.sasl.jaas.config={modules}.scram.ScramLoginModule required;
"""
        )


def _known_to_kafka() -> Iterator[str]:
    """Who logs in by SCRAM stands in Kafka's own records."""
    for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
        yield "--add-scram"
        yield f'{mechanism}=[name={USER},password="{PASSWORD}"]'


def _pkcs8(pem: trustme.Blob) -> bytes:
    """The one form in which Kafka takes a key."""
    key = serialization.load_pem_private_key(pem.bytes(), None)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    directory = tmp_path_factory.mktemp("kafka")
    secured = Secured(directory)
    with ExitStack() as stack:
        process = stack.enter_context(secured.run(directory / "log"))
        stack.callback(process.kill)
        wait_until(
            lambda: secured.program.ready() is None or process.poll() is not None,
            "Kafka does not start",
        )
        assert process.poll() is None, (directory / "log").read_text()
        yield secured


def told(secured: Secured, **other: object) -> KafkaSettings:
    given: dict[str, object] = {
        "kafka_bootstrap_servers": secured.bootstrap,
        "partitions": 2,
        "kafka_tls": True,
        **secured.files,
        "kafka_login": "SCRAM-SHA-512",
        "kafka_user": USER,
        "kafka_password": PASSWORD,
    }
    return KafkaSettings.model_validate(given | other)


@pytest.mark.servers
@pytest.mark.parametrize("login", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
async def test_who_logs_in_makes_topics_writes_and_reads(secured: Secured, login: str) -> None:
    settings = told(secured, kafka_login=login, topic_prefix=f"{login.lower()}-")
    name = kafka.topic_name(settings, TOPIC)
    assert await kafka.apply_topics(settings, [TOPIC]) == {name: "made"}
    producer = kafka.producer(settings)
    await producer.start()
    await producer.send_and_wait(name, b"value", partition=1)
    await producer.stop()
    assert await kafka.offset_range(settings, TOPIC, 1) == (0, 1)
    reader = kafka.reader(settings, Times())
    reader.subscribe([name])
    await reader.start()
    assert (await reader.getone()).value == b"value"
    await reader.stop()


@pytest.mark.servers
@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"kafka_password": "another"}, id="the password"),
        pytest.param({"kafka_ca_file": None}, id="the authority"),
        pytest.param({"kafka_cert_file": None, "kafka_key_file": None}, id="no certificate"),
        pytest.param(
            {"kafka_login": None, "kafka_user": None, "kafka_password": None}, id="no login"
        ),
    ],
)
async def test_nobody_else_gets_in(secured: Secured, wrong: dict[str, object]) -> None:
    producer = kafka.producer(told(secured, **wrong))
    try:
        with pytest.raises((KafkaError, ConnectionError)):
            await producer.start()
    finally:
        await kafka.stop_client(producer, Times().publish)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"kafka_ca_file": __file__}, "BATON_KAFKA_TLS"),
        ({"kafka_tls": True, "kafka_key_file": __file__}, "BATON_KAFKA_CERT_FILE"),
        ({"kafka_login": "SCRAM-SHA-512", "kafka_user": USER}, "go together"),
        ({"kafka_login": "PLAIN", "kafka_user": USER, "kafka_password": PASSWORD}, "tell"),
        ({"kafka_tls": True, "kafka_ca_file": "/nowhere.pem"}, "kafka_ca_file"),
    ],
)
def test_what_does_not_fit_together_is_refused(given: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        KafkaSettings.model_validate({"kafka_bootstrap_servers": "kafka.example.com:9092", **given})
