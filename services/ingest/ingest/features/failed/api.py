"""Kept deliveries by HTTP: listed, shown whole, replayed."""

import base64
from dataclasses import asdict
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from baton import paging
from baton.paging import Position
from baton.problems import ProblemBody
from baton.values import Moment
from ingest.capture.intake import IntakeResult
from ingest.edge.problems import as_problems, problem_of
from ingest.features.failed.replay import Replays, unknown
from ingest.features.failed.store import FailedDeliveries, FailedDelivery, Failure


class DeliveriesQuery(BaseModel):
    """Which deliveries are asked for."""

    source: str | None = Field(None, max_length=100, description="only those of this source")
    replayed: bool = Field(
        default=False, description="those that were replayed, instead of those that wait for it"
    )
    limit: int = Field(50, ge=1, le=500)
    cursor: str | None = Field(
        None, max_length=paging.LONGEST_CURSOR, description="next_cursor of the page before"
    )


class DeliveryView(BaseModel):
    """A delivery that was not understood, without what it holds."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    source: str
    reason: str
    failures: int = Field(description="how often it was not understood")
    received_at: Moment
    failed_at: Moment = Field(description="when it last was not")
    replayed_at: Moment | None


class DeliveriesView(BaseModel):
    """A page of deliveries, by when they came, newest first."""

    deliveries: tuple[DeliveryView, ...]
    next_cursor: str | None = Field(description="null on the last page")


class WholeDeliveryView(DeliveryView):
    """With all that came but signatures and credentials."""

    headers: dict[str, str]
    body: str
    encoding: str = Field(description="of `body`: utf-8, or base64 where it is not that")
    lead_ids: tuple[UUID, ...] = Field(description="whom it may be about, by what is known so far")


class TakenView(BaseModel):
    """The result of one item of a delivery."""

    model_config = ConfigDict(from_attributes=True)

    state: str
    lead_id: UUID | None
    event_id: UUID


class ReplayedView(BaseModel):
    """Everything that the delivery tells; nothing where the bundle has its kind ignored."""

    results: tuple[TakenView, ...]


def router(failed: FailedDeliveries, replays: Replays) -> APIRouter:
    """The routes under `/v1`."""
    routes = APIRouter(prefix="/v1/deliveries", tags=["deliveries"])
    not_there: dict[int | str, dict[str, object]] = {404: {"model": ProblemBody}}

    @routes.get("")
    async def deliveries(query: Annotated[DeliveriesQuery, Query()]) -> DeliveriesView:
        """Authentic deliveries that could not be read, by the time of receipt, newest first."""
        after = None if query.cursor is None else paging.position(query.cursor)
        found = await failed.page(query.source, query.limit + 1, after, replayed=query.replayed)
        page = found[: query.limit]
        more = len(found) > query.limit
        return DeliveriesView(
            deliveries=tuple(DeliveryView.model_validate(delivery) for delivery in page),
            next_cursor=_cursor(page[-1]) if more else None,
        )

    @routes.get("/{delivery_id}", responses=not_there)
    async def delivery(delivery_id: UUID) -> WholeDeliveryView:
        """One delivery, whole."""
        found = await failed.get(delivery_id)
        if found is None:
            raise problem_of(unknown(delivery_id))
        return whole_view(*found)

    @routes.post("/{delivery_id}/replay", responses=not_there | {409: {"model": ProblemBody}})
    async def replay(delivery_id: UUID) -> ReplayedView:
        """Read it again, as of when it came: its events have the ids that they had got then."""
        with as_problems():
            results = await replays.replay(delivery_id)
        return ReplayedView(results=tuple(map(_view_of_result, results)))

    return routes


def _cursor(last: Failure) -> str:
    return paging.cursor(Position(last.received_at, last.id))


def whole_view(delivery: FailedDelivery, stands: Failure) -> WholeDeliveryView:
    """A delivery with how it stands."""
    try:
        body, encoding = delivery.body.decode(), "utf-8"
    except UnicodeDecodeError:
        body, encoding = base64.b64encode(delivery.body).decode(), "base64"
    return WholeDeliveryView(
        **asdict(stands),
        headers=dict(delivery.headers),
        body=body,
        encoding=encoding,
        lead_ids=tuple(delivery.lead_ids),
    )


def _view_of_result(result: IntakeResult) -> TakenView:
    return TakenView(state=result.state.value, lead_id=result.lead_id, event_id=result.event_id)
