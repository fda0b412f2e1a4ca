"""Intake's side tasks: one that fails begins anew, and intake is only degraded meanwhile."""

import asyncio
import contextlib
import random
import time
from dataclasses import replace
from datetime import timedelta
from functools import partial

from prometheus_client import Counter

from baton.logs import logger
from baton.runtime.status import Status
from baton.service import Task

LONGEST_PAUSE = timedelta(seconds=30)

_LOG = logger(__name__)


class EndedError(Exception):
    """A task that runs as long as the process has returned."""


class Supervisor:
    """Keeps side tasks running: what one of them meets must not keep intake from taking leads.

    Only a shutdown ends a supervised task: `stop`, or its cancellation.
    """

    def __init__(
        self,
        stop: asyncio.Event,
        status: Status,
        failures: Counter,
        first_pause: timedelta,
        longest_pause: timedelta,
    ) -> None:
        """`status` is told under a task's name while the task fails.

        The pause before a new beginning doubles with each failure, up to `longest_pause`. A task
        that has run for longer than that works again.
        """
        self._stop = stop
        self._status = status
        self._failures = failures
        self._first = first_pause.total_seconds()
        self._longest = longest_pause.total_seconds()

    def supervise(self, task: Task) -> Task:
        """The same task, which begins anew when it fails."""
        return replace(task, work=partial(self._keep, task))

    async def _keep(self, task: Task) -> None:
        failures = 0
        loop = asyncio.get_running_loop()
        while not self._stop.is_set():
            began_at = time.monotonic()
            recovery = loop.call_later(self._longest, self._status.ready, task.name)
            try:
                error = await self._failure(task)
            finally:
                recovery.cancel()
            if is_cancelled():
                # A task may have kept its cancellation back, or have failed while it ended.
                raise asyncio.CancelledError from error
            if error is None:
                return
            worked = time.monotonic() - began_at > self._longest
            failures = 1 if worked else failures + 1
            self._say(task.name, error)
            await self._pause(failures)

    async def _failure(self, task: Task) -> BaseException | None:
        """Run the task; what it failed with, or None where it ended because of `stop`."""
        try:
            await task.work()
        except asyncio.CancelledError as error:
            # A library may raise one though nobody has cancelled this task: that is a failure.
            return error
        except Exception as error:  # noqa: BLE001 - whatever it is, leads must be taken
            return error
        return None if self._stop.is_set() else EndedError("it has returned")

    def _say(self, name: str, error: BaseException) -> None:
        kind = type(error).__name__
        # What an error says may be a person's data, and readyz is open to all.
        self._status.not_ready(name, f"it fails and begins anew: {kind}; the log says where")
        self._failures.labels(name).inc()
        _LOG.error("a side task failed and starts again", task=name, exc_info=error)

    async def _pause(self, failures: int) -> None:
        longest = min(self._first * 2 ** min(failures - 1, 30), self._longest)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(random.uniform(longest / 2, longest)):  # noqa: S311 - jitter
                await self._stop.wait()


def is_cancelled() -> bool:
    """Whether the end of the present task was asked for, also where a library keeps that back."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
