"""The runner of a service: in the group while it may work, outside it while it must not."""

import asyncio
import random
import time
from collections.abc import Coroutine, Sequence
from datetime import timedelta
from typing import Any, Generic

from aiokafka.errors import KafkaError

from baton import kafka
from baton.database import DATABASE_ERRORS, connection
from baton.logs import logger
from baton.runtime import dead_letters
from baton.runtime.dead_letters import Breaker
from baton.runtime.decisions import Shared, State
from baton.runtime.dependencies import Dependencies, Service
from baton.runtime.deployment import check_deployment
from baton.runtime.errors import (
    BreakerTrippedError,
    DeploymentError,
    HaltedError,
    PolicyMissingError,
    RejoinError,
    StalledError,
)
from baton.runtime.group_session import GroupSession
from baton.runtime.parts import RunnerParts

_PART = "runner"
_LOG = logger(__name__)


class Runner(Generic[State, Shared]):
    """Consumes a service's topics, decides, and publishes."""

    parts = RunnerParts()
    session: type[GroupSession[Any, Any]] = GroupSession

    def __init__(self, service: Service[State, Shared], dependencies: Dependencies) -> None:
        self.service = service
        self._settings = dependencies.settings
        self._pool = dependencies.pool
        self._policies = dependencies.policies
        self._status = dependencies.status
        self._metrics = dependencies.metrics
        self.wake = asyncio.Event()
        self._worked = False
        self._open_since = float("inf")
        self.dependencies = dependencies
        dependencies.status.not_ready(_PART, "it has not joined its group yet")

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; raises whatever must end the process.

        I/O that fails is tried again, with jitter, for `Times.patience`.
        """
        failing_since: float | None = None
        await self._first_news(stop)
        while not stop.is_set():
            self._worked = False
            self._open_since = float("inf")
            try:
                await self._may_work()
                await self._stay(stop)
            except RejoinError as error:
                failing_since = None
                self._metrics.rejoins.labels(error.why).inc()
                _LOG.info("left the consumer group to join it again", why=str(error))
            except HaltedError as error:
                failing_since = None
                if self._status.reasons.get(_PART) != str(error):
                    _LOG.error("the service stands still, see why", why=str(error))
                self._status.not_ready(_PART, str(error))
                # One that joins its group again and again would have all others rebalance.
                times = self._settings.times
                joined = self._open_since < float("inf")
                await self._pause(stop, times.session if joined else times.look)
            except (KafkaError, *DATABASE_ERRORS) as error:
                self._away(error)
                if failing_since is None or self._begins_failing():
                    failing_since = time.monotonic()
                if time.monotonic() - failing_since > self._settings.times.patience.total_seconds():
                    raise
            else:
                failing_since = None
            await asyncio.sleep(random.uniform(0.05, 0.5))  # noqa: S311 - jitter

    def _away(self, error: Exception) -> None:
        """Say what can't be used; the log has it once, as long as it is the same."""
        server = "Kafka" if isinstance(error, KafkaError) else "PostgreSQL"
        reason = f"{server} can't be used, and is tried again: {str(error) or type(error).__name__}"
        if self._status.reasons.get(_PART) != reason:
            _LOG.warning("I/O failed and is tried again", of=server, error=type(error).__name__)
        self._status.not_ready(_PART, reason)

    async def _may_work(self) -> None:
        """Raise HaltedError while the breaker is open or there is no policy to decide by."""
        async with connection(self._pool) as db:
            if await db.fetchval("SELECT to_regclass('breaker')") is None:
                msg = "the database has no tables of this service: run `baton migrate`"
                raise DeploymentError(msg)
            breaker = await dead_letters.breaker(db)
            self._metrics.breaker.set(breaker.tripped)
            self._check_breaker(breaker)
            if self._settings.clock == "database":
                now = await db.fetchval("SELECT clock_timestamp()")
                await self._policies.bundle(db, self._policies.activations, now)
        if not self._policies.activations:
            raise PolicyMissingError(self._policies.missing)

    def _check_breaker(self, breaker: Breaker) -> None:
        if breaker.tripped:
            raise BreakerTrippedError(self.service.name, breaker.why)

    async def _stay(self, stop: asyncio.Event) -> None:
        settings = self._settings
        consumer = kafka.group_consumer(settings, self.service.name, settings.times)
        producer = kafka.producer(settings)
        publisher = self.parts.publisher(
            producer, settings.topic_prefix, settings.times, self._metrics
        )
        session = self.session(
            self.service,
            self.dependencies,
            self.parts,
            consumer,
            publisher,
            self.wake,
            self._opened,
            self._working,
        )
        try:
            await self._check_deployment()
            # It tries without end while no broker gives it a producer's id.
            async with kafka.time_limit(settings.times.patience):
                await producer.start()
                await consumer.start()
            await _until_one_ends(session.run(stop), publisher.run(), self._guard(session))
        finally:
            self._status.reasons.setdefault(_PART, "it is not in its group")
            self._status.ready("kafka")
            self._metrics.shards_open.set(0)
            await asyncio.gather(
                *(
                    kafka.stop_client(client, settings.times.session)
                    for client in (consumer, producer)
                )
            )

    async def _guard(self, session: GroupSession[State, Shared]) -> None:
        """Say while Kafka does not answer, and end the process where the loop itself hangs."""
        times = self._settings.times
        while True:
            await asyncio.sleep(times.look.total_seconds())
            if session.kafka_away:
                self._status.not_ready("kafka", "Kafka does not answer")
            else:
                self._status.ready("kafka")
            silent = time.monotonic() - session.stepped_at
            if silent > (times.stall + times.rebalance).total_seconds():
                raise StalledError(f"the loop has not moved for {silent:.0f} s")

    def _opened(self) -> None:
        self._open_since = time.monotonic()
        self._status.ready(_PART)

    def _working(self) -> None:
        self._worked = True

    def _begins_failing(self) -> bool:
        """Whether what failed now had worked before: it committed, or stood open for long.

        Having opened its shards is not enough: each attempt to do what fails each time begins so.
        """
        patience = self._settings.times.patience.total_seconds()
        return self._worked or time.monotonic() - self._open_since > patience

    async def _check_deployment(self) -> None:
        found = await kafka.partition_counts(self._settings, self.service.subscription.topics)
        await check_deployment(self._settings, self._pool, found)

    async def _first_news(self, stop: asyncio.Event) -> None:
        """Whether there is a policy is known once its topic has been read."""
        await _first_of([stop, self._policies.read], self._settings.times.statement)

    async def _pause(self, stop: asyncio.Event, within: timedelta) -> None:
        self._policies.changed.clear()
        await _first_of([stop, self._policies.changed], within)


async def _first_of(events: Sequence[asyncio.Event], within: timedelta) -> None:
    """Until one of these is set, or the time is over."""
    waits = [asyncio.create_task(event.wait()) for event in events]
    seconds = within.total_seconds()
    await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()


async def _until_one_ends(*works: Coroutine[None, None, None]) -> None:
    """Until the first of these ends; the others are cancelled. Raises what the first raised."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
