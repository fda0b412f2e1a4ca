"""What routing and the SLA monitor tell is as the contract says; it comes after what they told."""

import asyncio

from aiokafka import AIOKafkaConsumer

from baton.events import (
    EventData,
    LeadReleased,
    LeadRouted,
    LeadUnrouted,
    SlaBreached,
    SlaMet,
    SlaWarned,
)
from tests.e2e.documented import Documented
from tests.e2e.people import person
from tests.e2e.world import World


async def test_a_program_that_knows_only_the_asyncapi_document_reads_what_the_services_tell(
    world: World,
) -> None:
    kept = await world.enquire(person())
    await world.routed(kept.lead_id)
    await world.follow_up(kept.lead_id, "contacted")
    await world.wire.event(SlaMet, kept.lead_id)
    broken = await world.enquire(person(), "hasty")
    await world.routed(broken.lead_id, attempt=2)
    unwanted = await world.enquire(person(), "nowhere")
    await world.wire.event(LeadUnrouted, unwanted.lead_id)

    told = {
        *await told_of(world, "lead-routed", "routing"),
        *await told_of(world, "lead-sla", "sla_monitor"),
    }
    expected: tuple[type[EventData], ...]
    expected = (LeadRouted, LeadReleased, LeadUnrouted, SlaWarned, SlaBreached, SlaMet)
    assert {data.event_type for data in expected} <= told


async def told_of(world: World, channel: str, service: str) -> set[str]:
    """The types of all that a service has put on a channel, each record read as documented."""
    documented = Documented(channel)
    settings = world.deployment.kafka
    consumer = AIOKafkaConsumer(
        documented.topic(settings.topic_prefix),
        bootstrap_servers=settings.kafka_bootstrap_servers,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    found = set()
    try:
        ends = await consumer.end_offsets(consumer.assignment())
        async with asyncio.timeout(60):
            for place, end in ends.items():
                while await consumer.position(place) < end:
                    records = await consumer.getmany(place, timeout_ms=1000)
                    for record in records.get(place, []):
                        # Tests have put records there, too, which are as they are.
                        if ("ce_source", f"/baton/{service}".encode()) in record.headers:
                            found.add(documented.read(record)[0])
    finally:
        await consumer.stop()
    return found
