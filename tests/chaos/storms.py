"""Members that join a service's group and leave again, so that its shards change hands."""

import asyncio

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from baton import kafka
from baton.manifest import manifests
from baton.runtime.inputs import Subscription
from baton.settings import KafkaSettings
from baton.times import Times
from tests.chaos.deployment import TIMES
from tests.chaos.schedule import Storm

READ: dict[str, Subscription] = {
    service.package: service.consumer().subscription
    for service in manifests()
    if service.consumer is not None
}
"""What each service reads."""

USERS: dict[str, frozenset[str]] = {
    data.event_type: frozenset(name for name, read in READ.items() if data in read.uses)
    for subscription in READ.values()
    for data in subscription.uses
}
"""The services that decide on each event type."""

_LONGEST = 10.0


async def storm(settings: KafkaSettings, fault: Storm) -> None:
    """One after the other; each gets shards, reads nothing, and leaves."""
    await asyncio.sleep(fault.after)
    for stay in fault.stays:
        member: AIOKafkaConsumer = kafka.group_consumer(settings, fault.service, _times())
        try:
            async with asyncio.timeout(_LONGEST):
                await member.start()
                topics = READ[fault.service].topics
                member.subscribe([kafka.topic_name(settings, topic) for topic in topics])
                await asyncio.sleep(stay)
        except (KafkaError, TimeoutError):
            continue
        finally:
            await kafka.stop_client(member, _times().session)


def _times() -> Times:
    return Times.model_validate({name.lower(): float(value) for name, value in TIMES.items()})
