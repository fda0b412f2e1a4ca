"""The operator's routes of each service with a consumer: dead letters, the breaker, accepted
losses.
"""

from datetime import datetime
from typing import Annotated
from uuid import UUID, uuid4

import asyncpg
from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, StringConstraints

from baton.database import connection
from baton.problems import Problem
from baton.runtime import dead_letters, losses
from baton.runtime.commands import Commands
from baton.runtime.dead_letters import Breaker, Letter
from baton.runtime.inputs import REPLAY
from baton.runtime.losses import Loss
from baton.settings import ServiceSettings
from baton.subjects import LEAD, Subject

_Person = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


_DONE = {"timer": "It is set again, and fires once its shard has read what was told by its time."}
"""The answer to a replay that is not decided on at once, by the kind of the dead letter."""


class Resumption(BaseModel):
    """The person who lets the service go on, and what was done about the cause."""

    by: _Person
    why: Annotated[str, StringConstraints(max_length=1_000)] = ""


class AcceptedLoss(BaseModel):
    """Records that are given up, with who accepts that and why.

    `upto` is the offset behind the last record that is passed over, for records that can't be read;
    without it, the position moves to the nearest record that Kafka has.
    """

    shard: int = Field(ge=0)
    topic: str
    upto: int | None = Field(None, ge=1)
    by: _Person
    why: _Person


class Replayed(BaseModel):
    """The result of a replay. `status` is 202 until its shard has processed it."""

    status: int
    detail: str


def router(  # noqa: C901 - FastAPI's way: each route is a function in it
    pool: asyncpg.Pool, settings: ServiceSettings, commands: Commands
) -> APIRouter:
    """The routes under `/v1`."""
    routes = APIRouter(prefix="/v1", tags=["operations"])

    @routes.get("/dead-letters")
    async def list_dead_letters(
        before: datetime | None = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        lead_id: UUID | None = None,
        *,
        replayed: bool = False,
    ) -> list[Letter]:
        """Dead letters, the newest first, without their content."""
        async with connection(pool) as db:
            return await dead_letters.page(db, before, limit, lead_id, replayed_too=replayed)

    @routes.get("/dead-letters/{letter_id}")
    async def show_dead_letter(letter_id: UUID) -> Letter:
        """One dead letter, whole."""
        return await _letter(letter_id)

    @routes.post("/dead-letters/{letter_id}/replay", response_model=Replayed)
    async def replay_dead_letter(letter_id: UUID) -> JSONResponse:
        """Have its shard decide on it again, decoded anew."""
        letter = await _letter(letter_id)
        if letter.replayed_at is not None:
            raise Problem(409, "Replayed already", f"It took effect at {letter.replayed_at}.")
        subject = Subject(letter.subject_kind or LEAD, letter.subject_id or uuid4())
        answer = await commands.ask(subject, REPLAY, str(letter_id), shard=letter.shard)
        after = await _letter(letter_id)
        if after.replayed_at is not None:
            done = Replayed(status=200, detail=_DONE.get(letter.kind, "It took effect."))
        elif answer is None and after.failures == letter.failures:
            done = Replayed(status=202, detail="Its shard has not come to it yet.")
        else:
            raise Problem(409, "It failed again", after.reason)
        return JSONResponse(done.model_dump(), status_code=done.status)

    @routes.get("/breaker")
    async def show_breaker() -> Breaker:
        """Whether the service has stopped itself."""
        async with connection(pool) as db:
            return await dead_letters.breaker(db)

    @routes.post("/resume")
    async def resume(body: Resumption) -> Breaker:
        """Let a service that has stopped itself go on."""
        async with connection(pool) as db:
            await dead_letters.resume(db, body.by, body.why)
            return await dead_letters.breaker(db)

    @routes.post("/accept-loss")
    async def accept_loss(body: AcceptedLoss) -> Loss:
        """Move a position over records that Kafka no longer has."""
        place = (body.shard, body.topic)
        return await losses.accept(pool, settings, place, body.by, body.why, upto=body.upto)

    async def _letter(letter_id: UUID) -> Letter:
        async with connection(pool) as db:
            letter = await dead_letters.get(db, letter_id)
        if letter is None:
            raise Problem(404, "No such dead letter", f"There is no dead letter {letter_id}.")
        return letter

    return routes
