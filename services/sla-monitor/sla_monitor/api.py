"""The monitor's HTTP interface: the clocks of a lead, and the promises that were broken."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from baton import paging
from baton.paging import Position
from baton.problems import ProblemBody
from baton.values import Moment
from sla_monitor.records import ClockRecord
from sla_monitor.store import BreachFilter, Reads

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]


class BreachesQuery(BaseModel):
    """Which breaches are asked for."""

    since: Moment | None = Field(None, description="only what was called a breach from then on")
    team: Id | None = None
    pool: Id | None = None
    retracted: bool = Field(
        default=False, description="also those that were taken back; their state says so"
    )
    limit: int = Field(100, ge=1, le=500)
    cursor: str | None = Field(
        None, max_length=paging.LONGEST_CURSOR, description="next_cursor of the page before"
    )


class ClocksView(BaseModel):
    """All clocks of a lead, by their start."""

    clocks: tuple[ClockRecord, ...]


class BreachesView(BaseModel):
    """A page of breaches, newest first; `next_cursor` is null on the last."""

    breaches: tuple[ClockRecord, ...]
    next_cursor: str | None


def router(reads: Reads) -> APIRouter:
    """The routes; they only read."""
    routes = APIRouter(prefix="/v1", tags=["promises"])

    @routes.get("/leads/{lead_id}/clocks", summary="The clocks of a lead")
    async def clocks(lead_id: UUID) -> ClocksView:
        """All promises about a lead and how they stand; none where nobody has had the lead."""
        return ClocksView(clocks=tuple(await reads.clocks(lead_id)))

    @routes.get(
        "/breaches", summary="Promises that were broken", responses={422: {"model": ProblemBody}}
    )
    async def breaches(query: Annotated[BreachesQuery, Query()]) -> BreachesView:
        """Breaches, newest first. A page goes on where the one before it ended, whatever is new."""
        breach_filter = BreachFilter(query.since, query.team, query.pool, query.retracted)
        after = None if query.cursor is None else paging.position(query.cursor)
        found = await reads.breaches(breach_filter, query.limit + 1, after)
        page = tuple(found[: query.limit])
        more = len(found) > query.limit
        return BreachesView(breaches=page, next_cursor=_cursor(page[-1]) if more else None)

    return routes


def _cursor(last: ClockRecord) -> str:
    assert last.breached_at is not None  # noqa: S101 - it is what these records are chosen by
    return paging.cursor(Position(last.breached_at, last.clock_id))
