"""The time limit of requests to the database, and the errors that mean that it is away."""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, TypeVar

from baton.database import DATABASE_ERRORS

T = TypeVar("T")

DATABASE_AWAY = DATABASE_ERRORS


async def within(patience: timedelta, work: Coroutine[Any, Any, T]) -> T:
    """The outcome of `work`, if it is there in time; otherwise TimeoutError, at once.

    A driver that is cancelled may first wait for the server that does not answer.
    """
    task = asyncio.ensure_future(work)
    task.add_done_callback(_noticed)
    await asyncio.wait({task}, timeout=patience.total_seconds())
    if task.done():
        return task.result()
    task.cancel()
    raise TimeoutError


def _noticed(task: "asyncio.Task[Any]") -> None:
    if not task.cancelled():
        task.exception()
