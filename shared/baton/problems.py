"""RFC 9457 problem details: every error that a request can cause, in one shape."""

from collections.abc import Mapping
from typing import Any

import asyncpg
import sqlalchemy.exc
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from baton.logs import logger

_LOG = logger(__name__)
_DATABASE_AWAY = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    # Too many connections, a full disk; a standby that takes no writes, a transaction that took too
    # long; a lock that others hold; a deadlock.
    asyncpg.InsufficientResourcesError,
    asyncpg.InvalidTransactionStateError,
    asyncpg.ObjectNotInPrerequisiteStateError,
    asyncpg.TransactionRollbackError,
    sqlalchemy.exc.DBAPIError,
)
MEDIA_TYPE = "application/problem+json"


class ProblemBody(BaseModel):
    """The body of every answer from 400 on."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    field: str | None = None


class Problem(Exception):  # noqa: N818 - the RFC's own name
    """A request that can't be served; `field` names the part of it that is wrong."""

    def __init__(
        self,
        status: int,
        title: str,
        detail: str,
        field: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.body = ProblemBody(title=title, status=status, detail=detail, field=field)
        self.headers = dict(headers or {})


def response(problem: Problem) -> JSONResponse:
    """The HTTP answer of a problem."""
    return JSONResponse(
        problem.body.model_dump(exclude_none=True),
        status_code=problem.body.status,
        headers=problem.headers,
        media_type=MEDIA_TYPE,
    )


def describe_problems(document: dict[str, Any]) -> dict[str, Any]:
    """An OpenAPI document in which each answer from 400 on is a problem.

    FastAPI has them as JSON of any kind, and refusals of parameters in a shape of its own.
    """
    schema = ProblemBody.model_json_schema()
    for path in document["paths"].values():
        for operation in path.values():
            for status, answer in operation["responses"].items():
                if status[0] in "45" and "application/json" in answer.get("content", {}):
                    answer["content"] = {MEDIA_TYPE: {"schema": schema}}
    for unused in ("HTTPValidationError", "ValidationError", "ProblemBody"):
        document.get("components", {}).get("schemas", {}).pop(unused, None)
    return document


def handle(app: FastAPI) -> None:
    """Have an application answer with problem bodies, also where FastAPI itself refuses."""

    async def on_problem(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Problem)  # noqa: S101 - registered for this type alone
        return response(error)

    async def on_http(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for this type alone
        titles = {404: "Not found", 405: "Method not allowed"}
        title = titles.get(error.status_code, "Request refused")
        return response(Problem(error.status_code, title, str(error.detail), headers=error.headers))

    async def on_validation(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this type
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
        return response(Problem(422, "Invalid request", str(first["msg"]), field=field))

    async def on_database_away(_: Request, error: Exception) -> JSONResponse:
        _LOG.warning("a request failed, the database is away", error=type(error).__name__)
        detail = "The database can't be used. What was sent is not lost if it is sent again."
        headers = {"Retry-After": "5"}
        return response(Problem(503, "The database is away", detail, headers=headers))

    async def on_fault(_: Request, error: Exception) -> JSONResponse:
        _LOG.error("a request failed by a fault of Baton", error=type(error).__name__)
        detail = "The fault is this service's, and its log has it."
        return response(Problem(500, "Internal error", detail))

    for away in _DATABASE_AWAY:
        app.add_exception_handler(away, on_database_away)
    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(RequestValidationError, on_validation)
    app.add_exception_handler(Exception, on_fault)
