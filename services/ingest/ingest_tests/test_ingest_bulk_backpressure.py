"""Batches are held back by how far those are behind who read what they send."""

import asyncio
import json
from collections.abc import Callable

from aiokafka import AIOKafkaConsumer, TopicPartition

from baton import kafka, topics
from baton.policy.bundle import Bundle
from ingest.publish.bulk_backpressure import Room, Standing
from ingest_tests.harness import deployed, eventually, running


def test_as_much_may_wait_for_a_group_as_it_reads_within_the_time() -> None:
    room = Room(within=0.5, step=10)
    assert room.at(0.0, {"a": Standing(read=0, waiting=0)}) == 10
    assert room.at(1.0, {"a": Standing(read=1_000, waiting=100)}) == 400
    assert room.at(2.0, {"a": Standing(read=2_000, waiting=700)}) == 0


def test_the_group_that_is_furthest_behind_says_how_much() -> None:
    room = Room(within=0.5, step=10)
    room.at(0.0, {"quick": Standing(0, 0), "slow": Standing(0, 0)})
    found = room.at(1.0, {"quick": Standing(4_000, 0), "slow": Standing(200, 60)})
    assert found == 40


def test_a_group_that_stands_still_gets_a_step_and_then_nothing() -> None:
    room = Room(within=0.5, step=10)
    assert room.at(0.0, {"a": Standing(read=0, waiting=0)}) == 10
    assert room.at(1.0, {"a": Standing(read=0, waiting=10)}) == 0


def test_how_fast_a_group_reads_is_measured_over_the_last_seconds() -> None:
    room = Room(within=1.0, step=10)
    read = 0
    for at in range(10):
        read += 1_000
        room.at(at, {"a": Standing(read, 0)})
    for at in range(10, 13):
        room.at(at, {"a": Standing(read, 0)})
    assert room.at(13, {"a": Standing(read, 0)}) == 10


def test_where_nobody_reads_nothing_is_held_back() -> None:
    assert Room(within=0.5, step=10).at(0.0, {}) > 100_000


async def test_a_batch_waits_for_its_readers_while_single_leads_are_taken(
    bundle: Bundle,
    make_database: Callable[[], str],
    make_topic_prefix: Callable[[], str],
    kafka_bootstrap: str,
) -> None:
    url, prefix = make_database(), make_topic_prefix()
    settings = await asyncio.to_thread(deployed, kafka_bootstrap, url, prefix)
    reader = AIOKafkaConsumer(
        bootstrap_servers=kafka_bootstrap, group_id=f"{prefix}scoring", enable_auto_commit=False
    )
    name = kafka.topic_name(settings, topics.LEAD_CAPTURED)
    places = [TopicPartition(name, number) for number in range(settings.partitions)]
    reader.assign(places)
    await reader.start()
    try:
        await reader.commit(dict.fromkeys(places, 0))
        async with running(settings, bundle) as process:
            await process.circuit.closed.wait()
            emails = [f"paced-{number}@example.com" for number in range(1_000)]
            body = "".join(json.dumps({"source": "website", "email": e}) + "\n" for e in emails)
            batch = asyncio.create_task(process.http.post("/v1/leads/batch", content=body))

            async def held() -> bool:
                lag = process.metric("baton_bulk_lag_records", group=f"{prefix}scoring")
                return lag >= 256 and process.metric("baton_bulk_held_seconds_total") > 0

            await eventually(held)
            assert not batch.done()
            single = {"source": "website", "email": "single@example.com"}
            assert (await process.http.post("/v1/leads", json=single)).status_code == 202
            while not batch.done():
                await reader.commit(await reader.end_offsets(places))
                await asyncio.wait({batch}, timeout=0.1)
            results = [json.loads(line) for line in batch.result().text.splitlines() if line]
            assert {each["state"] for each in results} == {"published"}
            assert len(results) == 1_000
    finally:
        await reader.stop()
