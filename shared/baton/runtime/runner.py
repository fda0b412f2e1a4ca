"""The runner of a service: in the group while it may work, outside it while it must not."""

import asyncio
import random
import time
from collections.abc import Coroutine, Sequence
from datetime import timedelta
from functools import partial
from typing import Generic

from aiokafka.errors import KafkaError

from baton import kafka
from baton.database import DATABASE_ERRORS, connection
from baton.logs import logger
from baton.runtime import dead_letters
from baton.runtime.errors import (
    BreakerTrippedError,
    DeploymentError,
    HaltedError,
    PolicyMissingError,
    RejoinError,
    StalledError,
)
from baton.runtime.inputs import Shared, State
from baton.runtime.line import Line
from baton.runtime.membership import Membership
from baton.runtime.parts import Service, Surroundings
from baton.runtime.shards import check_deployment
from baton.runtime.steps import Step
from baton.runtime.transaction import Transactor

_PART = "runner"
_LOG = logger(__name__)


class Runner(Generic[State, Shared]):
    """Consumes a service's topics, decides, and publishes."""

    def __init__(self, service: Service[State, Shared], around: Surroundings) -> None:
        self._service = service
        self._settings = around.settings
        self._pool = around.pool
        self._policies = around.policies
        self._status = around.status
        self._metrics = around.metrics
        self.wake = asyncio.Event()
        self._worked = False
        self._open_since = float("inf")
        self._leave_out = frozenset(Step(name) for name in around.settings.test_leave_out)
        self._membership = Membership[State, Shared]
        self._transactor = partial(Transactor[State, Shared], service, around)
        around.status.not_ready(_PART, "it has not joined its group yet")

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; raises whatever must end the process.

        I/O that fails is tried again, with jitter, for `Times.patience`.
        """
        failing_since: float | None = None
        if self._leave_out:
            _LOG.warning("steps of the protocol are left out", steps=sorted(self._leave_out))
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
                _LOG.info("left the group to join it again", why=str(error))
            except HaltedError as error:
                failing_since = None
                if self._status.reasons.get(_PART) != str(error):
                    _LOG.error("the service must not go on", why=str(error))
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
        what = "Kafka" if isinstance(error, KafkaError) else "PostgreSQL"
        reason = f"{what} can't be used, and is tried again: {str(error) or type(error).__name__}"
        if self._status.reasons.get(_PART) != reason:
            _LOG.warning("I/O failed and is tried again", of=what, error=type(error).__name__)
        self._status.not_ready(_PART, reason)

    async def _may_work(self) -> None:
        """Raise HaltedError while the breaker is open or there is no policy to decide by."""
        async with connection(self._pool) as db:
            if await db.fetchval("SELECT to_regclass('breaker')") is None:
                msg = "the database has no tables of this service: run `baton migrate`"
                raise DeploymentError(msg)
            breaker = await dead_letters.breaker(db)
            self._metrics.breaker.set(breaker.tripped)
            if breaker.tripped and Step.BREAKER not in self._leave_out:
                raise BreakerTrippedError(self._service.name, breaker.why)
            if self._settings.clock == "database":
                now = await db.fetchval("SELECT clock_timestamp()")
                await self._policies.bundle(db, self._policies.activations, now)
        if not self._policies.activations:
            raise PolicyMissingError(self._policies.missing)

    async def _stay(self, stop: asyncio.Event) -> None:
        settings = self._settings
        consumer = kafka.member(settings, self._service.name, settings.times)
        producer = kafka.producer(settings)
        line = Line(producer, settings.topic_prefix, settings.times, self._metrics, self._leave_out)
        membership = self._membership(
            settings,
            self._service.subscription,
            self._transactor,
            self._pool,
            consumer,
            line,
            self._metrics,
            self.wake,
            self._opened,
            self._working,
        )
        try:
            await self._check_deployment()
            # It tries without end while no broker gives it a producer's id.
            async with kafka.bounded(settings.times.patience):
                await producer.start()
                await consumer.start()
            await _until_one_ends(membership.run(stop), line.run(), self._guard(membership))
        finally:
            self._status.reasons.setdefault(_PART, "it is not in its group")
            self._status.ready("kafka")
            self._metrics.shards_open.set(0)
            await asyncio.gather(
                *(kafka.leave(client, settings.times.session) for client in (consumer, producer))
            )

    async def _guard(self, membership: Membership[State, Shared]) -> None:
        """Say while Kafka does not answer, and end the process where the loop itself hangs."""
        times = self._settings.times
        while True:
            await asyncio.sleep(times.look.total_seconds())
            if membership.kafka_away:
                self._status.not_ready("kafka", "Kafka does not answer")
            else:
                self._status.ready("kafka")
            silent = time.monotonic() - membership.stepped_at
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
        found = await kafka.partitions(self._settings, self._service.subscription.topics)
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
