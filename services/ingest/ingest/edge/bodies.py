"""A request's body, bounded while it streams: in its length, and in the time it takes."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from fastapi import Request
from starlette.requests import ClientDisconnect

from ingest.edge import problems
from ingest.edge.problems import problem_of
from ingest.errors import TooLargeError
from ingest.settings import Settings

_LENGTH = re.compile(r"[0-9]{1,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Pace:
    """How slowly a body may come: what it may be waited for is `seconds`, and more as it comes.

    `rate` is in bytes a second. Time in which we ourselves don't read is not counted.
    """

    seconds: float
    rate: int

    def allows(self, received_bytes: int) -> float:
        """The seconds that so many bytes may be waited for, all together."""
        return self.seconds + received_bytes / self.rate


@dataclass(frozen=True, slots=True)
class Bounds:
    """`limit`: the most bytes of a body, or of one of its lines."""

    limit: int
    pace: Pace

    @classmethod
    def of(cls, settings: Settings) -> "Bounds":
        pace = Pace(settings.body_wait.total_seconds(), settings.body_rate)
        return cls(settings.body_limit, pace)


async def read_body(
    request: Request, bounds: Bounds, reading: Callable[[int], None] = lambda _: None
) -> bytes:
    """The body. `reading` is told of each piece's length.

    Raises Problem: 413 as soon as it is known to be too long, 415 if encoded, 408 if too slow, and
    what `reading` raises.
    """
    refuse_encoded(request)
    if _announced(request) > bounds.limit:
        raise problem_of(too_large(bounds.limit))
    body = bytearray()
    async for chunk in chunks(request, bounds.pace):
        body += chunk
        if len(body) > bounds.limit:
            raise problem_of(too_large(bounds.limit))
        reading(len(chunk))
    return bytes(body)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a body, counted from 1. `text` is None where it was longer than the limit."""

    number: int
    text: bytes | None


async def lines(request: Request, bounds: Bounds) -> AsyncIterator[list[Line]]:
    """The lines of a body of any length, those together that came together.

    No more than a line and a chunk is in memory; nothing is read ahead of who takes them.
    """
    refuse_encoded(request)
    limit = bounds.limit
    number = 1
    unfinished = bytearray()
    over = False
    async for chunk in chunks(request, bounds.pace):
        complete = []
        *ended, rest = chunk.split(b"\n")
        for part in ended:
            over = over or len(unfinished) + len(part) > limit
            complete.append(Line(number, None if over else bytes(unfinished) + part))
            number += 1
            unfinished.clear()
            over = False
        over = over or len(unfinished) + len(rest) > limit
        if over:
            unfinished.clear()
        else:
            unfinished += rest
        if complete:
            yield complete
    if unfinished or over:
        yield [Line(number, None if over else bytes(unfinished))]


async def chunks(request: Request, pace: Pace) -> AsyncIterator[bytes]:
    """The body as it comes. Raises Problem where it ends before its end, and where it is slow."""
    loop = asyncio.get_running_loop()
    stream = request.stream()
    received_bytes, waited = 0, 0.0
    while True:
        since = loop.time()
        try:
            async with asyncio.timeout(pace.allows(received_bytes) - waited):
                chunk = await anext(stream, None)
        except TimeoutError as error:
            raise problems.too_slow(pace.rate) from error
        except ClientDisconnect as error:
            raise problems.cut_off() from error
        if chunk is None:
            return
        waited += loop.time() - since
        received_bytes += len(chunk)
        yield chunk


def too_large(limit: int) -> TooLargeError:
    """Of a body, or of a line of a batch, that is longer than `limit`."""
    return TooLargeError(f"at most {limit} bytes are taken", title="Body too large")


def refuse_encoded(request: Request) -> None:
    """A compressed body may unfold to any size, and signatures are over what was sent."""
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise problems.encoded()


def _announced(request: Request) -> int:
    length = request.headers.get("content-length", "")
    return int(length) if _LENGTH.fullmatch(length) else 0
