"""What waits for its lead, in the open."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel

from baton import cloudevents
from baton.events import LeadActivity, LeadFollowup
from ingest.waiting.store import Waiting, WaitingTable


class Name(BaseModel):
    """What a lead is named by: `kind` is that of a record, or `phone`."""

    kind: str
    value: str


class WaitingDelivery(BaseModel):
    """A delivery that waits. A page goes on after the `number` of its last one."""

    number: int
    event_id: UUID
    source: str
    type: str
    names: list[Name]
    received_at: datetime
    reported_at: datetime | None


def router(table: WaitingTable) -> APIRouter:
    """The routes under `/v1`."""
    routes = APIRouter(prefix="/v1", tags=["operations"])

    @routes.get("/waiting")
    async def waiting(
        source: str | None = None,
        after: Annotated[int, Query(ge=0, le=2**63 - 1)] = 0,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> list[WaitingDelivery]:
        """Follow-ups and activities of people whom nobody has captured, the first one first."""
        return [_shown(each) for each in await table.page(source, after, limit)]

    return routes


def _shown(waiting: Waiting) -> WaitingDelivery:
    message = waiting.message
    data = cloudevents.decode(message.key, message.value, message.headers).data
    assert isinstance(data, LeadActivity | LeadFollowup)  # noqa: S101 - nothing else waits
    return WaitingDelivery(
        number=waiting.number,
        event_id=waiting.event_id,
        source=waiting.source,
        type=data.type,
        names=[Name(kind=name.kind, value=name.value) for name in waiting.names],
        received_at=waiting.received_at,
        reported_at=waiting.reported_at,
    )
