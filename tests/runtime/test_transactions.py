"""Records of transactions, as mirroring tools write them: their markers take offsets too."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from baton import activation, cloudevents, kafka, topics
from baton.cloudevents import Event
from baton.events import LeadEvent
from baton.topics import Topic
from tests.runtime.harness import PARTITIONS, QUICK, Process, World, captured, eventually, followup
from tests.runtime.scenery import ready

TIMES = QUICK.model_copy(
    update={
        "session": timedelta(seconds=1),
        "statement": timedelta(seconds=5),
        "transaction": timedelta(seconds=5),
        "publish": timedelta(seconds=5),
        "drain": timedelta(seconds=5),
        "rebalance": timedelta(seconds=5),
        "stall": timedelta(seconds=6),
        "catch_up": timedelta(hours=1),
    }
)
"""A process that believes that it stands still soon ends; a closed gate never opens."""

Ending = Callable[[World, UUID], Awaitable[None]]


@contextlib.asynccontextmanager
async def mirror(world: World, name: str = "mirror") -> AsyncIterator[AIOKafkaProducer]:
    """A producer of transactions, as tools use that copy topics exactly once."""
    producer = AIOKafkaProducer(
        bootstrap_servers=world.settings.kafka_bootstrap_servers,
        transactional_id=world.settings.topic_prefix + name,
    )
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def send(
    world: World, producer: AIOKafkaProducer, data: LeadEvent, topic: Topic | None = None
) -> None:
    """Write an event within the transaction that is open."""
    number = next(world.numbers)
    id_ = UUID(int=number + (8 << 76) + (2 << 62))
    event = Event(id_, "/test", data.occurred_at, str(data.lead_id), data)
    message = cloudevents.encode(event)
    await producer.send_and_wait(
        kafka.topic_name(world.settings, topic or data.topic),
        value=message.value,
        key=message.key,
        headers=list(message.headers),
        partition=0,
    )


async def a_committed_transaction(world: World, lead_id: UUID) -> None:
    async with mirror(world) as producer, producer.transaction():
        await send(world, producer, followup(lead_id))


async def an_aborted_transaction(world: World, lead_id: UUID) -> None:
    async with mirror(world) as producer:
        await producer.begin_transaction()
        await send(world, producer, followup(lead_id))
        await producer.abort_transaction()


async def markers_in_a_row(world: World, lead_id: UUID) -> None:
    async with mirror(world) as one, mirror(world, "other") as other:
        for producer in (one, other):
            await producer.begin_transaction()
            await send(world, producer, followup(lead_id))
        await one.commit_transaction()
        await other.abort_transaction()


async def only_a_marker(world: World, lead_id: UUID) -> None:
    """The records of the transaction are gone, as after a retention; its marker is the first."""
    await a_committed_transaction(world, lead_id)
    await delete_records(world, topics.LEAD_FOLLOWUP, upto=1)


async def a_marker_behind_what_is_passed_over(world: World, lead_id: UUID) -> None:
    async with mirror(world) as producer, producer.transaction():
        await send(world, producer, followup(lead_id))
        await send(world, producer, followup(lead_id), topics.LEAD_IDENTITY)
    await world.put(captured(lead_id))


async def a_transaction_that_nobody_ends(world: World, lead_id: UUID) -> None:
    """Its producer died; Kafka ends it after its time-out, a minute by default."""
    async with mirror(world) as producer:
        await producer.begin_transaction()
        await send(world, producer, followup(lead_id))


ENDINGS = [
    a_committed_transaction,
    an_aborted_transaction,
    markers_in_a_row,
    only_a_marker,
    a_marker_behind_what_is_passed_over,
    a_transaction_that_nobody_ends,
]


async def delete_records(world: World, topic: Topic, upto: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=world.settings.kafka_bootstrap_servers)
    await admin.start()
    place = TopicPartition(kafka.topic_name(world.settings, topic), 0)
    await admin.delete_records({place: RecordsToDelete(before_offset=upto)})
    await admin.close()


async def ends(world: World) -> dict[tuple[str, int], int]:
    """Where each partition that the counter reads ends, by Kafka; empty ones are left out."""
    consumer = AIOKafkaConsumer(bootstrap_servers=world.settings.kafka_bootstrap_servers)
    await consumer.start()
    try:
        names = {kafka.topic_name(world.settings, t): t.name for t in READ}
        places = [TopicPartition(name, n) for name in names for n in range(PARTITIONS)]
        found = await consumer.end_offsets(places)
        return {(names[place.topic], place.partition): end for place, end in found.items() if end}
    finally:
        await consumer.stop()


READ = (topics.LEAD_CAPTURED, topics.LEAD_FOLLOWUP, topics.LEAD_SCORED, topics.LEAD_IDENTITY)


async def all_is_read(world: World, process: Process) -> None:
    """The database, the metric and the group's own offsets stand where the log ends."""

    async def look() -> bool:
        assert not process.running.done(), process.running.exception()
        upto = await ends(world)
        rows = await world.db.fetch("SELECT topic, shard, next_offset FROM position")
        at = {(row["topic"], row["shard"]): row["next_offset"] for row in rows}
        shown = await noted(world)
        return at == shown == upto and process.metric("baton_lag_records") == 0

    await eventually(look)


async def noted(world: World) -> dict[tuple[str, int], int]:
    """What displays of lag are told."""
    admin = AIOKafkaAdminClient(bootstrap_servers=world.settings.kafka_bootstrap_servers)
    await admin.start()
    try:
        offsets = await admin.list_consumer_group_offsets(world.settings.topic_prefix + "counter")
    finally:
        await admin.close()
    names = {kafka.topic_name(world.settings, t): t.name for t in READ}
    return {(names[p.topic], p.partition): at.offset for p, at in offsets.items() if at.offset}


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.__name__)
async def test_a_transactions_marker_at_the_end_of_a_partition_is_no_lag_and_delays_no_judgement(
    world: World, ending: Ending
) -> None:
    lead_id = world.lead()
    await ending(world, lead_id)
    process = await world.start(times=TIMES)
    await ready(process)
    await world.put(captured(lead_id))
    await world.counted(lead_id, lambda count: count.captured >= 1)
    await world.arm(lead_id, -timedelta(seconds=1), accuses=True)
    count = await world.counted(lead_id, lambda count: count.timers == ["t"])
    assert count.facts_complete
    await all_is_read(world, process)


async def test_a_marker_at_the_end_of_the_policy_topic_keeps_nobody_from_reading_it(
    world: World,
) -> None:
    async with mirror(world) as producer, producer.transaction():
        await producer.send_and_wait(
            kafka.topic_name(world.settings, topics.POLICY), b"copy", key=b"copy"
        )
    activations, bundles = await activation.history(world.settings)
    assert [entry.hash for entry in activations] == list(bundles)
    await ready(await world.start(times=TIMES))


async def test_a_marker_that_comes_while_all_is_read_is_read_too(world: World) -> None:
    process = await world.start(times=TIMES)
    await ready(process)
    await an_aborted_transaction(world, world.lead())
    await all_is_read(world, process)
