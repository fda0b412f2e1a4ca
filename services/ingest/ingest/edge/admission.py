"""Limits the requests, bodies and batches that the process handles at one time. Further ones are
refused at once.
"""

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from typing import Any, TypeVar

from ingest.deadline import within
from ingest.edge import problems
from ingest.edge.rates import Rates
from ingest.policy.source import RateLimit

T = TypeVar("T")


class Admission:
    """The requests in progress in this process, and the bytes of their bodies. If too many were
    accepted together, all would become slow and their senders would give up. So further requests
    are refused at once, when a retry costs little.
    """

    def __init__(
        self,
        requests: int,
        held_bytes: int,
        batches: int,
        patience: timedelta,
        rates: Rates,
        record_arrival: Callable[[str], None],
    ) -> None:
        """`patience`: how long a request that was let in may take to be answered.

        `record_arrival` gets the source of each delivery.
        """
        self._most_requests = requests
        self._most_bytes = held_bytes
        self._most_batches = batches
        self._patience = patience
        self._rates = rates
        self.record_arrival = record_arrival
        self._requests = 0
        self._bytes = 0
        self._batches = 0

    def check(self) -> None:
        """Raises Problem 503 where nobody more would be let in: before a body is read."""
        if self._requests >= self._most_requests or self._bytes >= self._most_bytes:
            raise problems.too_busy()

    def count_arrival(self, name: str, limit: RateLimit) -> None:
        """A delivery of a source has come. Raises Problem 429 where that are too many."""
        self.record_arrival(name)
        wait = self._rates.wait(name, limit)
        if wait:
            raise problems.too_many(name, wait)

    async def answered(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The result of the work on a delivery. Raises Problem 503 if there are too many requests,
        or if the work takes too long. In the second case the delivery may have been stored; sending
        it again does no harm.
        """
        self.check()
        self._requests += 1
        try:
            return await within(self._patience, work())
        except TimeoutError as error:
            raise problems.away() from error
        finally:
            self._requests -= 1

    @asynccontextmanager
    async def reading(self) -> AsyncIterator["BodyShare"]:
        """For as long as a request holds its body."""
        self.check()
        share = BodyShare(self)
        try:
            yield share
        finally:
            self._bytes -= share.size

    @contextmanager
    def batch(self) -> Iterator[None]:
        """For as long as a batch goes on. Raises Problem 503 where too many do, or as `check`.

        Each holds some pages of lines, however large it is as a whole.
        """
        self.check()
        if self._batches >= self._most_batches:
            raise problems.too_busy()
        self._batches += 1
        try:
            yield
        finally:
            self._batches -= 1

    def hold(self, size: int) -> None:
        """Raises Problem 503 where bodies would take more memory than they may."""
        if self._bytes + size > self._most_bytes:
            raise problems.too_busy()
        self._bytes += size


class BodyShare:
    """The bytes of its body that a request has read so far."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self.size = 0

    def add(self, size: int) -> None:
        """Raises Problem 503 as `Admission.hold` does."""
        self._admission.hold(size)
        self.size += size
