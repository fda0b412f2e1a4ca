"""The route that exports the data that ingest holds on a lead."""

import json
from collections.abc import Awaitable, Callable
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field, JsonValue

from baton import cloudevents
from baton.cloudevents import Message
from ingest.features.enrichment import api as fetching
from ingest.features.enrichment.api import IncompleteView
from ingest.features.failed import api as failed_api
from ingest.features.failed.api import WholeDeliveryView
from ingest.features.privacy.holdings import Holdings
from ingest.features.quarantine import api as quarantine
from ingest.features.quarantine.api import WholeHeldView

HoldingsOf = Callable[[UUID], Awaitable[Holdings]]


class NameView(BaseModel):
    """An alias of a lead: its id in another system, or the digits of a phone number."""

    kind: str
    brand: str
    source: str
    value: str


class EventView(BaseModel):
    """An event that is kept here until it can be published."""

    type: str | None
    data: JsonValue


class HoldingsView(BaseModel):
    """All that an erasure of the lead would remove here; nothing where nothing is held."""

    names: list[NameView]
    spooled: list[EventView] = Field(description="taken while Kafka was away")
    waiting: list[EventView] = Field(description="may be about the lead once that is known")
    fetching: list[IncompleteView] = Field(description="its details are with the vendor yet")
    quarantine: list[WholeHeldView]
    deliveries: list[WholeDeliveryView] = Field(description="not understood, may name the lead")


def router(holdings_of: HoldingsOf) -> APIRouter:
    """The routes under `/v1`."""
    routes = APIRouter(prefix="/v1/privacy", tags=["privacy"])

    # Generated clients have a method of this name.
    @routes.get("/leads/{lead_id}", operation_id="held_v1_privacy_leads__lead_id__get")
    async def holdings(lead_id: UUID) -> HoldingsView:
        """All that is held here on a lead, whole. The other services have the rest."""
        found = await holdings_of(lead_id)
        return HoldingsView(
            names=[
                NameView(kind=name.kind, brand=name.brand, source=name.source, value=name.value)
                for name in found.names
            ],
            spooled=[_event(event) for event in found.spooled],
            waiting=[_event(unmatched.message) for unmatched in found.waiting],
            fetching=[fetching.view(incomplete) for incomplete in found.fetching],
            quarantine=[quarantine.whole_view(*enquiry) for enquiry in found.quarantine],
            deliveries=[failed_api.whole_view(*delivery) for delivery in found.deliveries],
        )

    return routes


def _event(message: Message) -> EventView:
    return EventView(type=cloudevents.event_type(message.headers), data=json.loads(message.value))
