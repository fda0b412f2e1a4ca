"""The servers that every other test of this repository stands on."""

from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from baton_local.kafka import CLASSES
from baton_local.paths import KAFKA_JARS
from baton_local.stack import KAFKA, Stack


async def test_a_test_has_an_empty_database_of_its_own(
    database: str, make_database: Callable[[], str]
) -> None:
    other = make_database()
    connection = await asyncpg.connect(database)
    await connection.execute("create table lead (id int)")
    elsewhere = await asyncpg.connect(other)
    assert await elsewhere.fetchval("select to_regclass('lead')") is None
    await connection.close()
    await elsewhere.close()


async def test_kafka_keeps_what_is_written_to_a_topic_of_the_test(
    kafka_bootstrap: str, topic_prefix: str
) -> None:
    topic = f"{topic_prefix}lead-captured"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic, num_partitions=4, replication_factor=1)])
    await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=kafka_bootstrap, acks="all")
    await producer.start()
    await producer.send_and_wait(topic, b"value", key=b"lead")
    await producer.stop()
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=kafka_bootstrap, group_id=topic, auto_offset_reset="earliest"
    )
    await consumer.start()
    message = await consumer.getone()
    await consumer.stop()
    assert (message.key, message.value) == (b"lead", b"value")


async def test_postgres_wants_its_password(database: str) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(database, password="wrong")


def test_kafka_starts_with_the_classes_that_setup_has_kept(
    own_stack: Callable[..., Stack],
) -> None:
    stack = own_stack(KAFKA)
    maps = Path(f"/proc/{stack.pid(KAFKA)}/maps")
    if maps.exists():
        assert str(KAFKA_JARS / CLASSES) in maps.read_text()
    assert "[aot]" not in stack.state.log(KAFKA).read_text()
