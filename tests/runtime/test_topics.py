"""What `baton topics apply` makes of topics that exist already."""

from collections.abc import Mapping

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from baton import kafka, topics
from baton.settings import KafkaSettings
from tests.runtime.harness import eventually

TOPIC = topics.LEAD_SLA
OWN = 1
"""The source of a setting that a topic has of its own."""


@pytest.fixture
def settings(kafka_bootstrap: str, topic_prefix: str) -> KafkaSettings:
    return KafkaSettings(
        kafka_bootstrap_servers=kafka_bootstrap, topic_prefix=topic_prefix, partitions=2
    )


async def configured(settings: KafkaSettings, change: Mapping[str, str] | None) -> dict[str, str]:
    """What the topic has of its own, after `change`, if any, has taken the place of all that."""
    name = kafka.topic_name(settings, TOPIC)
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
    await admin.start()
    try:
        if change is not None:
            await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, change)])
        resource = ConfigResource(ConfigResourceType.TOPIC, name)
        (described,) = await admin.describe_configs([resource])
        return {entry[0]: entry[1] for entry in described.resources[0][4] if entry[3] == OWN}
    finally:
        await admin.close()


async def test_what_an_operator_has_set_stays_and_what_baton_needs_is_put_right(
    settings: KafkaSettings,
) -> None:
    name = kafka.topic_name(settings, TOPIC)
    assert await kafka.apply_topics(settings, [TOPIC]) == {name: "made"}
    assert await kafka.apply_topics(settings, [TOPIC]) == {name: "as it was"}
    await configured(settings, {"retention.ms": "1000", "compression.type": "lz4"})
    assert await kafka.apply_topics(settings, [TOPIC]) == {name: "set"}

    async def as_it_should_be() -> bool:
        return await configured(settings, None) == {**TOPIC.config, "compression.type": "lz4"}

    # The broker that tells hears of a change a little after it was accepted.
    await eventually(as_it_should_be)
    assert await kafka.apply_topics(settings, [TOPIC]) == {name: "as it was"}


@pytest.mark.parametrize(("copies", "acknowledge"), [(1, None), (2, None), (3, "2"), (5, "2")])
def test_with_three_copies_two_acknowledge_what_is_sent(
    copies: int, acknowledge: str | None
) -> None:
    assert topics.durability(copies).get("min.insync.replicas") == acknowledge
