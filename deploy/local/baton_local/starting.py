"""All of Baton started on a stack: servers, topics, schemas, a policy in force, services."""

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from datetime import UTC, datetime
from pathlib import Path

from aiokafka.errors import KafkaError

from baton import activation, kafka
from baton.policy.bundle import Bundle
from baton.policy.problems import BundleError
from baton.policy_sections import policy_sections
from baton.settings import KafkaSettings
from baton_local.errors import StackError
from baton_local.readiness import blocking
from baton_local.services import SERVICES, kafka_settings, run_baton, service_program
from baton_local.stack import KAFKA, POSTGRES, Stack


def start_baton(
    stack: Stack, settings: Mapping[str, str], bundle: Path, say: Callable[[str], None]
) -> None:
    """Returns when all services are ready.

    `bundle` is put in force only where none is. `say` is called with each step that takes a while.
    Raises PortInUseError, as a rule before anything is started, and StackError.
    """
    # Before anything that takes a while: somebody may be at it.
    policy = _read(bundle)
    stack.add(*(service_program(stack, service, settings) for service in SERVICES))
    say("Kafka with topics and a policy, PostgreSQL with schemas")
    stack.start_supervisor()
    _together(lambda: _kafka(stack, settings, policy), lambda: _postgres(stack, settings))
    say(f"the services: {', '.join(SERVICES)}")
    for service in SERVICES:
        stack.start_program(service, wait=False)
    stack.wait_ready()


def _read(bundle: Path) -> Bundle:
    try:
        return Bundle.read(bundle, policy_sections())
    except BundleError as error:
        raise StackError(str(error)) from error


def _kafka(stack: Stack, environment: Mapping[str, str], policy: Bundle) -> None:
    """As `baton topics apply` and `baton policy activate`, without the seconds that they load."""
    stack.start_servers(KAFKA)
    # Its own account of what fails would stand between the user and ours.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    settings = kafka_settings(environment)
    try:
        blocking(lambda: _topics_and_policy(settings, policy))
    except (kafka.TopicsError, KafkaError, OSError) as error:
        raise StackError(f"{settings.kafka_bootstrap_servers}: {error}") from error


async def _topics_and_policy(settings: KafkaSettings, policy: Bundle) -> None:
    await kafka.apply_topics(settings)
    activations, _ = await activation.history(settings)
    if not any(one_activation.effective_at <= datetime.now(UTC) for one_activation in activations):
        why = "no bundle was in force"
        await activation.activate(settings, policy, None, "setup", why)


def _postgres(stack: Stack, settings: Mapping[str, str]) -> None:
    stack.start_servers(POSTGRES)
    run_baton(["migrate"], settings)


def _together(*works: Callable[[], None]) -> None:
    """Returns when all are done; raises what the first one raises that fails."""
    workers = ThreadPoolExecutor()
    try:
        running = [workers.submit(work) for work in works]
        done, _ = wait(running, return_when=FIRST_EXCEPTION)
        for work in done:
            work.result()
    finally:
        # Whoever still waits for a server hears of its end once the stack is stopped.
        workers.shutdown(wait=False, cancel_futures=True)
