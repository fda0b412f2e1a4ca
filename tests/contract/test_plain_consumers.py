"""Programs that know nothing of Baton but its documents read its topics."""

import asyncio
import json
import os
import runpy
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord

from baton.kafka import apply_topics
from baton.settings import KafkaSettings
from tests.e2e.documented import Documented

DOCS = Path(__file__).parents[2] / "docs"
Record = tuple[bytes, bytes, list[tuple[str, bytes]]]


def example(event_type: str, **changes: str) -> Record:
    """The record of a registered example, with other attributes where given."""
    path = DOCS / f"contracts/examples/{event_type}.json"
    given = json.loads(path.read_text("utf-8"))
    data = given.pop("data")
    content_type = given.pop("datacontenttype")
    attributes = {f"ce_{name}": value for name, value in (given | changes).items()}
    headers = {**attributes, "content-type": content_type}
    return (
        given["subject"].encode(),
        json.dumps(data).encode(),
        [(name, value.encode()) for name, value in headers.items()],
    )


def sequence(number: int) -> str:
    return f"{number:020}"


@pytest.fixture
async def publish(
    kafka_bootstrap: str, topic_prefix: str
) -> AsyncIterator[Callable[[str, Sequence[Record]], Any]]:
    """Makes the topics, and writes records to one of them."""
    settings = KafkaSettings(
        kafka_bootstrap_servers=kafka_bootstrap, topic_prefix=topic_prefix, partitions=3
    )
    await apply_topics(settings)
    producer = AIOKafkaProducer(bootstrap_servers=kafka_bootstrap)
    await producer.start()

    async def send(topic: str, records: Sequence[Record]) -> None:
        for key, value, headers in records:
            await producer.send_and_wait(topic_prefix + topic, value, key=key, headers=headers)

    yield send
    await producer.stop()


# --- one that takes all it knows from the AsyncAPI document


async def read_as_documented(
    bootstrap: str, prefix: str, channel: str, count: int
) -> list[tuple[str, Any]]:
    """The types and data of a channel's first records, each checked against the document."""
    documented = Documented(channel)
    consumer = AIOKafkaConsumer(
        documented.topic(prefix), bootstrap_servers=bootstrap, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        return [
            documented.read(await asyncio.wait_for(consumer.getone(), 20)) for _ in range(count)
        ]
    finally:
        await consumer.stop()


@pytest.mark.parametrize(
    ("channel", "event_types"),
    [
        ("lead-routed", ["lead.routed", "lead.unrouted", "lead.released"]),
        ("lead-sla", ["sla.started", "sla.warned", "sla.breached", "sla.retracted", "sla.met"]),
    ],
)
async def test_a_consumer_that_knows_only_the_asyncapi_document_reads(
    channel: str,
    event_types: Sequence[str],
    kafka_bootstrap: str,
    topic_prefix: str,
    publish: Callable[[str, Sequence[Record]], Any],
) -> None:
    names = [f"baton.{event_type}.v1" for event_type in event_types]
    await publish(channel, [example(name) for name in names])
    seen = await read_as_documented(kafka_bootstrap, topic_prefix, channel, len(names))
    assert [name for name, _ in seen] == names


# --- the one on the page

LEAD = example("baton.lead.routed.v1")[0].decode()
STORY = [
    example("baton.lead.routed.v1", sequence=sequence(1), id="a"),
    example("baton.lead.released.v1", sequence=sequence(9), id="b"),
    example("baton.lead.unrouted.v1", sequence=sequence(10), id="c"),
    example("baton.lead.routed.v1", sequence=sequence(11), id="d"),
    example("baton.lead.routed.v1", sequence=sequence(12), id="e", type="baton.lead.praised.v7"),
]


@pytest.fixture
def follow(kafka_bootstrap: str, topic_prefix: str, tmp_path: Path) -> Iterator[Path]:
    """Runs the consumer as the page says, and gives the file that it writes."""
    file = tmp_path / "leads.sqlite"
    command = [sys.executable, str(DOCS / "consumer.py"), kafka_bootstrap, str(file), topic_prefix]
    program = subprocess.Popen(command, stderr=subprocess.PIPE)
    yield file
    program.send_signal(signal.SIGINT)
    _, errors = program.communicate(timeout=120)
    assert b"KeyboardInterrupt" in errors, errors.decode()


async def test_the_consumer_of_the_page_keeps_who_has_which_lead(
    publish: Callable[[str, Sequence[Record]], Any], follow: Path
) -> None:
    await publish("lead-routed", [*STORY, *STORY])
    for _ in range(200):
        if len(rows(follow, "seen")) == len(STORY):
            break
        await asyncio.sleep(0.1)
    assert rows(follow, "owner") == [
        (LEAD, "rep-europe-2", "2026-03-02T09:15:00.641000Z", sequence(11))
    ]


def rows(file: Path, table: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(file) as db:
        known = db.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchall()
        return db.execute(f"SELECT * FROM {table}").fetchall() if known else []  # noqa: S608


@pytest.mark.parametrize("seed", range(20))
def test_the_consumer_of_the_page_comes_to_the_same_whatever_comes_twice_or_late(
    seed: int,
) -> None:
    consumer = runpy.run_path(str(DOCS / "consumer.py"))
    db = sqlite3.connect(":memory:")
    db.executescript(consumer["TABLES"])
    arriving = STORY * 2
    Random(seed).shuffle(arriving)  # noqa: S311 - no secret
    for key, value, headers in arriving:
        consumer["apply"](db, received(key, value, headers))
    assert db.execute("SELECT rep, sequence FROM owner").fetchall() == [
        ("rep-europe-2", sequence(11))
    ]


def received(
    key: bytes, value: bytes, headers: list[tuple[str, bytes]]
) -> "ConsumerRecord[bytes, bytes]":
    return ConsumerRecord(
        topic="lead-routed",
        partition=0,
        offset=0,
        timestamp=0,
        timestamp_type=0,
        key=key,
        value=value,
        checksum=None,
        serialized_key_size=len(key),
        serialized_value_size=len(value),
        headers=headers,
    )


# --- the one in Go

GO_CACHE = DOCS.parent / ".run/go"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built example. Skips where Go or its modules cannot be had."""
    if shutil.which("go") is None:
        pytest.skip("no `go` is installed, so the consumer in Go is not tested")
    caches = {"GOCACHE": str(GO_CACHE / "build"), "GOMODCACHE": str(GO_CACHE / "modules")}
    environment = {**os.environ, **caches, "GOFLAGS": "-modcacherw -buildvcs=false"}
    if go("mod", "download", environment=environment).returncode != 0:
        pytest.skip("the modules of the consumer in Go cannot be downloaded here")
    built = tmp_path_factory.mktemp("go") / "breaches"
    done = go("build", "-o", str(built), ".", environment=environment)
    assert done.returncode == 0, done.stderr
    return built


def go(*arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/usr/bin/env", "go", *arguments],
        cwd=DOCS / "examples/go-consumer",
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.trial
async def test_the_consumer_in_go_prints_breaches_and_passes_over_unknown_types(
    program: Path,
    kafka_bootstrap: str,
    topic_prefix: str,
    publish: Callable[[str, Sequence[Record]], Any],
) -> None:
    breach = example("baton.sla.breached.v1")
    unknown = example("baton.sla.breached.v1", id="b", type="baton.sla.praised.v7")
    retraction = example("baton.sla.retracted.v1")
    await publish("lead-sla", [breach, unknown, retraction])
    consumer = await asyncio.create_subprocess_exec(
        program, kafka_bootstrap, topic_prefix, stdout=asyncio.subprocess.PIPE
    )
    assert consumer.stdout is not None
    lines = [(await consumer.stdout.readline()).decode() for _ in range(2)]
    consumer.send_signal(signal.SIGINT)
    assert await consumer.wait() == 0
    lead = breach[0].decode()
    assert [line.split(" lead=")[0] for line in lines] == ["breach", "retracted"]
    assert lines[0].startswith(f"breach lead={lead} rep=rep-europe-2 target=first_response")
