"""Kafka, for the commands that speak to it; what keeps it away becomes a Failure."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import TypeVar

from aiokafka.errors import KafkaConnectionError, KafkaError

from baton.kafka import TopicsError
from baton.settings import KafkaSettings
from baton_cli.failures import Failure
from baton_cli.settings import kafka_settings

Found = TypeVar("Found")


def with_kafka(ask: Callable[[KafkaSettings], Coroutine[None, None, Found]]) -> Found:
    """Kafka's answer. Raises Failure if Kafka is away or refuses."""
    settings = kafka_settings()
    # Its own account of a broker that is away would stand between the user and ours.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        return asyncio.run(ask(settings))
    except TopicsError as error:
        raise Failure(str(error)) from error
    except (KafkaConnectionError, OSError) as error:
        raise Failure(
            f"Kafka can't be reached at {settings.kafka_bootstrap_servers}",
            "Is it running? BATON_KAFKA_BOOTSTRAP_SERVERS says where it is.",
        ) from error
    except KafkaError as error:
        raise Failure(
            f"Kafka at {settings.kafka_bootstrap_servers} does not do what it is asked: {error}",
            "Its own logs say why.",
        ) from error
