"""Kafka, for the commands that speak to it; what keeps it away becomes a Failure."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import TypeVar

from aiokafka.errors import KafkaError

from baton.kafka import TopicsError
from baton.settings import KafkaSettings
from baton_cli.failures import Failure
from baton_cli.settings import kafka_settings

Found = TypeVar("Found")


def with_kafka(ask: Callable[[KafkaSettings], Coroutine[None, None, Found]]) -> Found:
    """What Kafka answers. Raises Failure where it is away, or refuses."""
    settings = kafka_settings()
    # Its own account of a broker that is away would stand between the user and ours.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        return asyncio.run(ask(settings))
    except TopicsError as error:
        raise Failure(str(error)) from error
    except (KafkaError, OSError) as error:
        where = settings.kafka_bootstrap_servers
        raise Failure(
            f"Kafka at {where} does not do what it is asked: {_reason(error)}",
            "Is it running, and does BATON_KAFKA_BOOTSTRAP_SERVERS name it?",
        ) from error


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
