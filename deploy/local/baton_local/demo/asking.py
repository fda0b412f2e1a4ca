"""A request as a well-behaved sender makes it: again, when it is told to come again."""

import asyncio
import time
from http import HTTPStatus

import httpx

_PATIENCE_S = 20.0


async def ask(client: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
    """The answer; one with 503 only where there was no other for 20 s."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        answer = await client.send(request)
        wait = float(answer.headers.get("Retry-After", 1))
        if answer.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
            return answer
        if time.monotonic() + wait > deadline:
            return answer
        await asyncio.sleep(wait)
