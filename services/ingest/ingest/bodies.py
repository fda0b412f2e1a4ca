"""A request's body, bounded while it streams."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

from fastapi import Request
from starlette.requests import ClientDisconnect

from ingest import refusals

_LENGTH = re.compile(r"[0-9]{1,18}", re.ASCII)


async def whole(request: Request, limit: int) -> bytes:
    """The body. Raises Problem: 413 as soon as it is known to be over `limit`, 415 if encoded."""
    refuse_encoded(request)
    if _announced(request) > limit:
        raise refusals.body_too_large(limit)
    body = bytearray()
    async for chunk in chunks(request):
        body += chunk
        if len(body) > limit:
            raise refusals.body_too_large(limit)
    return bytes(body)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a body, counted from 1. `text` is None where it was longer than the limit."""

    number: int
    text: bytes | None


async def lines(request: Request, limit: int) -> AsyncIterator[list[Line]]:
    """The lines of a body of any length, those together that came together.

    No more than a line and a chunk is in memory; nothing is read ahead of who takes them.
    """
    refuse_encoded(request)
    number = 1
    held = bytearray()
    over = False
    async for chunk in chunks(request):
        came = []
        *ended, rest = chunk.split(b"\n")
        for part in ended:
            over = over or len(held) + len(part) > limit
            came.append(Line(number, None if over else bytes(held) + part))
            number += 1
            held.clear()
            over = False
        over = over or len(held) + len(rest) > limit
        if over:
            held.clear()
        else:
            held += rest
        if came:
            yield came
    if held or over:
        yield [Line(number, None if over else bytes(held))]


async def chunks(request: Request) -> AsyncIterator[bytes]:
    """The body as it comes. Raises Problem where it ends before its end."""
    try:
        async for chunk in request.stream():
            yield chunk
    except ClientDisconnect as error:
        raise refusals.cut_off() from error


def refuse_encoded(request: Request) -> None:
    """A compressed body may unfold to any size, and signatures are over what was sent."""
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise refusals.encoded()


def _announced(request: Request) -> int:
    length = request.headers.get("content-length", "")
    return int(length) if _LENGTH.fullmatch(length) else 0
