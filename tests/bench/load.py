"""Load: by the clock, whatever has become of what was sent before, or as fast as it is taken."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.bench.figures import NothingFoundError

Send = Callable[[int], Awaitable[bool]]
"""Sends number n; returns, once there is an answer, whether it was taken."""


class RefusedError(NothingFoundError):
    """Something that should have been taken was not."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of each, by its number. Times are in Unix seconds.

    A time to be sent that was missed counts as if it had been kept, so that a stop of the server
    shows in all that should have been sent meanwhile.
    """

    due: list[float]
    answered: list[float]
    taken: list[bool]

    @property
    def waits(self) -> list[float]:
        """Seconds from when each was due to be sent to its answer."""
        return [answer - due for due, answer in zip(self.due, self.answered, strict=True)]

    @property
    def rate(self) -> float:
        """So many were taken a second, from the first that was due to the last answer."""
        return sum(self.taken) / (max(self.answered) - min(self.due))

    @property
    def refused(self) -> float:
        """So many percent were not taken."""
        return self.taken.count(False) * 100 / len(self.taken)

    def require_all_taken(self) -> None:
        """Raises RefusedError where one was not."""
        if not all(self.taken):
            raise RefusedError(f"{self.taken.count(False)} of {len(self.taken)} were not taken")


async def send_evenly(send: Send, count: int, rate: float) -> Sent:
    """Send so many, `rate` a second; returns when all have been answered."""
    loop = asyncio.get_running_loop()
    sending = _Sending(send, count)
    begin = loop.time()
    async with asyncio.TaskGroup() as tasks:
        for number in range(count):
            due = begin + number / rate
            if (left := due - loop.time()) > 0:
                await asyncio.sleep(left)
            tasks.create_task(sending.one(number, due))
    return sending.sent


async def send_at_once(send: Send, count: int, at_once: int) -> Sent:
    """Send so many, so many of them at a time, each as soon as there is room for it."""
    loop = asyncio.get_running_loop()
    sending = _Sending(send, count)
    numbers = iter(range(count))

    async def one_after_the_other() -> None:
        for number in numbers:
            await sending.one(number, loop.time())

    async with asyncio.TaskGroup() as tasks:
        for _ in range(at_once):
            tasks.create_task(one_after_the_other())
    return sending.sent


class _Sending:
    def __init__(self, send: Send, count: int) -> None:
        self.sent = Sent([0.0] * count, [0.0] * count, [False] * count)
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._wall = time.time() - self._loop.time()

    async def one(self, number: int, due: float) -> None:
        """`due` is by the loop's clock."""
        self.sent.due[number] = self._wall + due
        self.sent.taken[number] = await self._send(number)
        self.sent.answered[number] = self._wall + self._loop.time()
