"""How Baton's processes speak to Kafka: one place for the settings that the protocol relies on."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import (
    KafkaTimeoutError,
    TopicAlreadyExistsError,
    UnsupportedCodecError,
    for_code,
)
from aiokafka.helpers import create_ssl_context
from pydantic import SecretStr

from baton import topics
from baton.logs import logger
from baton.settings import KafkaSettings
from baton.times import Times
from baton.topics import Topic

MAX_RECORD_BYTES = 1_000_000
"""The most that a record's value may have; the broker's own bound is a little higher."""

MAX_HEADER_BYTES = 10_000
"""The most that the headers of a record that Baton writes may have."""

_OF_THE_TOPIC = 1
"""As Kafka calls the source of a setting that a topic has of its own."""

UNREADABLE = (ValueError, UnsupportedCodecError)
"""The errors of aiokafka for a record that it cannot read: a header name that is not UTF-8, or a
compression whose library is missing.
"""

_LOG = logger(__name__)


class TopicsError(Exception):
    """The topics are not as Baton needs them; the message says what to do."""


@asynccontextmanager
async def time_limit(within: timedelta) -> AsyncIterator[None]:
    """A bound for what aiokafka itself tries for long, or for ever. Raises KafkaTimeoutError."""
    try:
        async with asyncio.timeout(within.total_seconds()):
            yield
    except TimeoutError as error:
        msg = f"Kafka did not answer within {within.total_seconds():g} s"
        raise KafkaTimeoutError(msg) from error


async def stop_client(client: AIOKafkaConsumer | AIOKafkaProducer, within: timedelta) -> None:
    """Stop a client within a time. An error of the stop is logged and not raised, so that it does
    not hide the reason for the stop. The stop runs in a task of its own: a consumer cancels its
    fetches, and a cancelled fetch would look as if the caller had been cancelled.
    """
    stopping = asyncio.ensure_future(client.stop())
    try:
        await asyncio.wait({stopping}, timeout=within.total_seconds())
    finally:
        late = stopping.cancel()
    if not late and not stopping.cancelled() and stopping.exception() is None:
        return
    _LOG.warning("the Kafka client did not stop in time")
    connections = client._client if isinstance(client, AIOKafkaConsumer) else client.client  # noqa: SLF001 - it shows its client to nobody
    await asyncio.gather(connections.close(), return_exceptions=True)


def topic_name(settings: KafkaSettings, topic: Topic) -> str:
    """The topic's name in this deployment."""
    return settings.topic_prefix + topic.name


def partition_count(settings: KafkaSettings, topic: Topic) -> int:
    """One partition a shard for topics keyed by lead, else one."""
    return settings.partitions if topic.sharded else 1


def producer(settings: KafkaSettings) -> AIOKafkaProducer:
    """A producer, not started. All replicas acknowledge a send; the wire does not repeat it."""
    return AIOKafkaProducer(
        **_connection(settings),
        acks="all",
        enable_idempotence=True,
        linger_ms=0,
        max_batch_size=MAX_RECORD_BYTES + 24_000,
        max_request_size=MAX_RECORD_BYTES + 48_000,
        request_timeout_ms=10_000,
        metadata_max_age_ms=60_000,
    )


def group_consumer(settings: KafkaSettings, group: str, times: Times) -> AIOKafkaConsumer:
    """A member of a service's group, not started, not subscribed."""
    return AIOKafkaConsumer(
        **_connection(settings),
        group_id=settings.topic_prefix + group,
        enable_auto_commit=False,
        auto_offset_reset="none",
        partition_assignment_strategy=(RangePartitionAssignor,),
        heartbeat_interval_ms=_milliseconds(times.heartbeat),
        session_timeout_ms=_milliseconds(times.session),
        rebalance_timeout_ms=_milliseconds(times.rebalance),
        # The runner itself ends a process that makes no progress; see `Times.stall`.
        max_poll_interval_ms=_milliseconds(times.stall) * 2,
        fetch_max_wait_ms=_milliseconds(times.poll),
        max_partition_fetch_bytes=2 * MAX_RECORD_BYTES,
        metadata_max_age_ms=60_000,
    )


def reader(settings: KafkaSettings, times: Times) -> AIOKafkaConsumer:
    """A consumer without a group, for a topic that each process reads whole; not started."""
    return AIOKafkaConsumer(
        **_connection(settings),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        # Nothing on such a topic is urgent to the millisecond, and an idle process should sleep.
        fetch_max_wait_ms=_milliseconds(times.look),
        metadata_max_age_ms=60_000,
    )


async def next_records(
    consumer: AIOKafkaConsumer, partition: TopicPartition, wait: timedelta
) -> tuple[list[ConsumerRecord[bytes, bytes]], int | None]:
    """The next records, if some come within `wait`, and the offset of one that is passed over.

    That is one which the Kafka client can't take apart. The client reads a batch from its
    beginning, so what stands behind such a record in the same batch can't be had either.
    """
    try:
        found = await consumer.getmany(partition, timeout_ms=_milliseconds(wait))
    except UNREADABLE:
        return await _one_by_one(consumer, partition, wait)
    return list(found.get(partition, ())), None


async def _one_by_one(
    consumer: AIOKafkaConsumer, partition: TopicPartition, wait: timedelta
) -> tuple[list[ConsumerRecord[bytes, bytes]], int | None]:
    """As `next_records`: only so does the client give what stands before such a record."""
    records: list[ConsumerRecord[bytes, bytes]] = []
    while True:
        try:
            found = await consumer.getmany(partition, timeout_ms=_milliseconds(wait), max_records=1)
        except UNREADABLE:
            offset = await consumer.position(partition)
            consumer.seek(partition, offset + 1)
            return records, offset
        if not found:
            return records, None
        records += found[partition]


def admin_client(settings: KafkaSettings) -> AIOKafkaAdminClient:
    """For what is asked of the brokers themselves; not started."""
    return AIOKafkaAdminClient(**_connection(settings))


async def partition_counts(
    settings: KafkaSettings, declared: Sequence[Topic]
) -> dict[str, int | None]:
    """How many partitions each topic has, by its full name; None where Kafka has no such topic."""
    admin = AIOKafkaAdminClient(**_connection(settings))
    await admin.start()
    try:
        names = [topic_name(settings, topic) for topic in declared]
        described = await admin.describe_topics(names)
        return {
            entry["topic"]: None if entry["error_code"] else len(entry["partitions"])
            for entry in described
        }
    finally:
        await admin.close()


async def offset_range(settings: KafkaSettings, topic: Topic, partition: int) -> tuple[int, int]:
    """The first offset that Kafka has of a partition, and the one after the last."""
    consumer = AIOKafkaConsumer(**_connection(settings))
    await consumer.start()
    try:
        place = TopicPartition(topic_name(settings, topic), partition)
        begins = await consumer.beginning_offsets([place])
        ends = await consumer.end_offsets([place])
        return begins[place], ends[place]
    finally:
        await consumer.stop()


async def apply_topics(
    settings: KafkaSettings, declared: Sequence[Topic] = topics.ALL
) -> dict[str, str]:
    """Make the topics that are missing and set the retention of those that exist.

    With three copies or more, a send is acknowledged by two at least, unless the topic has a
    `min.insync.replicas` of its own. Whatever else an operator has set stays. Returns for each
    topic by name `made`, `set` or `as it was`. Raises TopicsError for a topic with another number
    of partitions, since a lead's shard follows from it.
    """
    admin = AIOKafkaAdminClient(**_connection(settings))
    await admin.start()
    try:
        existing = set(await admin.list_topics())
        done: dict[str, str] = {}
        for topic in declared:
            name = topic_name(settings, topic)
            if name in existing:
                copies = await _check_partitions(admin, settings, topic)
                done[name] = await _set_config(admin, name, topic, copies)
            else:
                await _make(admin, settings, topic)
                done[name] = "made"
        await _until_known(admin, list(done))
        return done
    finally:
        await admin.close()


async def _make(admin: AIOKafkaAdminClient, settings: KafkaSettings, topic: Topic) -> None:
    new = NewTopic(
        topic_name(settings, topic),
        num_partitions=partition_count(settings, topic),
        replication_factor=settings.replication_factor,
        topic_configs=topics.durability(settings.replication_factor) | topic.config,
    )
    answer = await admin.create_topics([new], timeout_ms=30_000)
    for name, code, *message in answer.topic_errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            msg = f"Kafka refused to make {name}: {error.__name__} {' '.join(map(str, message))}"
            raise TopicsError(msg)


async def _until_known(admin: AIOKafkaAdminClient, names: list[str]) -> None:
    """Kafka says that it has made a topic before its brokers tell of it to who asks."""
    try:
        async with asyncio.timeout(30):
            while any(  # noqa: ASYNC110 - Kafka tells nobody when
                entry["error_code"] for entry in await admin.describe_topics(names)
            ):
                await asyncio.sleep(0.05)
    except TimeoutError as error:
        msg = "Kafka has made the topics and does not know of all of them; run this again"
        raise TopicsError(msg) from error


async def _check_partitions(
    admin: AIOKafkaAdminClient, settings: KafkaSettings, topic: Topic
) -> int:
    """How many copies of it there are."""
    name = topic_name(settings, topic)
    (described,) = await admin.describe_topics([name])
    found, shards = len(described["partitions"]), partition_count(settings, topic)
    if found != shards:
        msg = (
            f"{name} has {found} partitions and the deployment {shards} shards (BATON_PARTITIONS). "
            "Their number is fixed when a deployment is created: set BATON_PARTITIONS to what the "
            "topics have, or use another BATON_TOPIC_PREFIX for a new deployment."
        )
        raise TopicsError(msg)
    return min(len(partition["replicas"]) for partition in described["partitions"])


async def _set_config(admin: AIOKafkaAdminClient, name: str, topic: Topic, copies: int) -> str:
    resource = ConfigResource(ConfigResourceType.TOPIC, name)
    (described,) = await admin.describe_configs([resource])
    # Kafka takes a topic's own settings as a whole: what is not among them is as by default again.
    own = {entry[0]: entry[1] for entry in described.resources[0][4] if entry[3] == _OF_THE_TOPIC}
    config = topics.durability(copies) | own | topic.config
    if config == own:
        return "as it was"
    await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, config)])
    return "set"


def _connection(settings: KafkaSettings) -> dict[str, Any]:
    """How each client reaches the brokers, in aiokafka's words."""
    login = settings.kafka_login is not None
    transport = "SSL" if settings.kafka_tls else "PLAINTEXT"
    connection: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap_servers,
        "security_protocol": f"SASL_{transport}" if login else transport,
    }
    if settings.kafka_tls:
        files = (settings.kafka_ca_file, settings.kafka_cert_file, settings.kafka_key_file)
        authority, certificate, key = (None if file is None else str(file) for file in files)
        connection["ssl_context"] = create_ssl_context(
            cafile=authority, certfile=certificate, keyfile=key
        )
    if login:
        password = settings.kafka_password or SecretStr("")
        connection |= {
            "sasl_mechanism": settings.kafka_login,
            "sasl_plain_username": settings.kafka_user,
            "sasl_plain_password": password.get_secret_value(),
        }
    return connection


def _milliseconds(time: timedelta) -> int:
    return int(time / timedelta(milliseconds=1))
