"""Whom the edge lets in, and for how long: what is too much is told so at once."""

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
    """The requests under way in this process, and the bytes of bodies that they hold.

    Many that are let in together all take longer, and then all are given up by their senders; so
    the rest is sent away while there is nothing lost by it.
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

        `heard` is told the source of each delivery that has come.
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
        """The outcome of the work on a delivery that is here.

        Raises Problem 503 where there are too many, and where it is not done in time: it is not
        known then whether the delivery was kept, and sending it again does no harm.
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
    """What a request has read of its body so far."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self.size = 0

    def add(self, size: int) -> None:
        """Raises Problem 503 as `Admission.hold` does."""
        self._admission.hold(size)
        self.size += size
