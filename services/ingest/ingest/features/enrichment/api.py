"""Leads whose details are still with their vendor, by HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field, JsonValue

from baton import paging
from baton.paging import Position
from baton.values import Moment
from ingest.features.enrichment.store import FetchTable, Incomplete


class FetchesQuery(BaseModel):
    """Which leads are asked for."""

    source: str | None = Field(None, max_length=100, description="only those of this source")
    limit: int = Field(50, ge=1, le=500)
    cursor: str | None = Field(
        None, max_length=paging.LONGEST_CURSOR, description="next_cursor of the page before"
    )


class IncompleteView(BaseModel):
    """A lead that its delivery names by an id alone; `document` is what it said besides."""

    event_id: UUID
    source: str
    record: str
    record_id: str
    document: dict[str, JsonValue]
    received_at: Moment
    attempts: int
    due_at: Moment = Field(description="when its vendor is asked next")
    reason: str = Field(description="why not before")


class FetchesView(BaseModel):
    """A page of leads, by when they came, newest first."""

    leads: tuple[IncompleteView, ...]
    next_cursor: str | None = Field(description="null on the last page")


def router(table: FetchTable) -> APIRouter:
    """The route under `/v1`; it only reads."""
    routes = APIRouter(prefix="/v1", tags=["deliveries"])

    @routes.get("/fetches")
    async def fetches(query: Annotated[FetchesQuery, Query()]) -> FetchesView:
        """Leads whose vendor is still to be asked for the rest, newest first."""
        after = None if query.cursor is None else paging.position(query.cursor)
        found = await table.page(query.source, query.limit + 1, after)
        page = found[: query.limit]
        more = len(found) > query.limit
        return FetchesView(
            leads=tuple(map(view, page)), next_cursor=_cursor(page[-1]) if more else None
        )

    return routes


def view(incomplete: Incomplete) -> IncompleteView:
    """A lead that waits for its details."""
    return IncompleteView(
        event_id=incomplete.event_id,
        source=incomplete.delivery.source,
        record=incomplete.fetch.record,
        record_id=incomplete.fetch.id,
        document=incomplete.draft.document(),
        received_at=incomplete.delivery.received_at,
        attempts=incomplete.attempts,
        due_at=incomplete.due_at,
        reason=incomplete.delivery.reason,
    )


def _cursor(last: Incomplete) -> str:
    return paging.cursor(Position(last.delivery.received_at, last.event_id))
