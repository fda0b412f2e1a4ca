"""The route that lists unmatched deliveries."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from baton import cloudevents
from baton.cloudevents import NotDecodableError, UnknownTypeError
from baton.events import LeadActivity, LeadFollowup
from ingest.features.unmatched.store import Waiting, WaitingTable


class Name(BaseModel):
    """A name of a lead; `kind` is the kind of a record, or `phone`."""

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
    unreadable: str | None = Field(
        None, description="why this release can't read it; null where it can"
    )


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
        return [_shown(delivery) for delivery in await table.page(source, after, limit)]

    return routes


def _shown(waiting: Waiting) -> WaitingDelivery:
    type_, unreadable = _type(waiting)
    return WaitingDelivery(
        number=waiting.number,
        event_id=waiting.event_id,
        source=waiting.source,
        type=type_,
        names=[Name(kind=name.kind, value=name.value) for name in waiting.names],
        received_at=waiting.received_at,
        reported_at=waiting.reported_at,
        unreadable=unreadable,
    )


def _type(waiting: Waiting) -> tuple[str, str | None]:
    """The readable content of an unmatched delivery, and the reason if some cannot be read."""
    message = waiting.message
    if waiting.unreadable is not None:
        return "unknown", waiting.unreadable
    try:
        data = cloudevents.decode(message.key, message.value, message.headers).data
    except (NotDecodableError, UnknownTypeError) as error:
        return cloudevents.event_type(message.headers) or "unknown", str(error)
    if isinstance(data, LeadActivity | LeadFollowup):
        return data.type, None
    return data.event_type, "it is neither a follow-up nor an activity"
