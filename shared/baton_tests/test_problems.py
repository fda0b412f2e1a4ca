"""What a request is told where it fails for no fault of its own."""

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from baton import problems


async def answered(error: Exception) -> httpx.Response:
    """The answer of a route that raises this."""
    app = FastAPI()
    problems.handle(app)

    @app.get("/")
    async def route() -> None:
        raise error

    through = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=through, base_url="http://service") as client:
        return await client.get("/")


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.TooManyConnectionsError("sorry, too many clients already"),
        asyncpg.DiskFullError("could not extend file"),
        asyncpg.ReadOnlySQLTransactionError("cannot execute INSERT in a read-only transaction"),
        asyncpg.LockNotAvailableError("canceling statement due to lock timeout"),
        asyncpg.DeadlockDetectedError("deadlock detected"),
        asyncpg.CannotConnectNowError("the database system is starting up"),
        ConnectionRefusedError(),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_where_the_database_cannot_be_used_a_request_is_to_come_again(
    error: Exception,
) -> None:
    answer = await answered(error)
    assert (answer.status_code, answer.json()["title"]) == (503, "The database is away")
    assert int(answer.headers["Retry-After"]) > 0


async def test_a_fault_of_ours_is_a_problem_too_and_says_nothing_of_what_was_sent() -> None:
    answer = await answered(ZeroDivisionError("lead@example.com"))
    assert answer.status_code == 500
    assert answer.headers["Content-Type"] == problems.MEDIA_TYPE
    assert "example.com" not in answer.text
