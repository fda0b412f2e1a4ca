"""Records as another service would write them, for each service that reads topics."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from baton import cloudevents, identity
from baton.cloudevents import Event, Message
from baton.events import (
    ActivityType,
    EventData,
    LeadActivity,
    LeadCaptured,
    LeadRouted,
    LeadScored,
    Profile,
    Rep,
    Request,
    Score,
    Stage,
)
from tests.e2e.deployment import PARTITIONS
from tests.e2e.people import RUN
from tests.e2e.world import World

_NUMBERS = itertools.count(1)


def new_lead(shard: int = 0, partitions: int = PARTITIONS) -> UUID:
    """The id of a lead that nobody knows, of a shard."""
    while True:
        lead_id = identity.named_id("lead of a test", RUN, str(next(_NUMBERS)))
        if identity.shard_of(str(lead_id).encode(), partitions) == shard:
            return lead_id


def event(data: EventData, lead_id: UUID, **changes: Any) -> Event[EventData]:
    """An event of a lead as any service might write it; `changes` are CloudEvents attributes."""
    now = datetime.now(UTC)
    cause = identity.named_id("cause", RUN, str(next(_NUMBERS)))
    usual: dict[str, Any] = {
        "id": identity.following_id(cause, now, data.event_type, 0),
        "source": "/tests",
        "time": now,
        "subject": str(lead_id),
        "data": data,
    }
    return Event(**(usual | changes))


def message(data: EventData, lead_id: UUID, **changes: Any) -> Message:
    """The record of such an event."""
    return cloudevents.encode(event(data, lead_id, **changes))


def profile(**changes: Any) -> Profile:
    """Of somebody who asked for sales, for the pool of three reps."""
    usual: dict[str, Any] = {
        "brand": "main",
        "source": "website",
        "request": Request(form_id="demo"),
        "custom": {"pool": "patient"},
    }
    return Profile(**(usual | changes))


def captured(lead_id: UUID, **changes: Any) -> LeadCaptured:
    now = datetime.now(UTC)
    usual = profile(external_id=str(lead_id))
    return LeadCaptured(
        lead_id=lead_id, occurred_at=now, received_at=now, profile=changes.get("profile", usual)
    )


def activity(lead_id: UUID) -> LeadActivity:
    now = datetime.now(UTC)
    return LeadActivity(
        lead_id=lead_id,
        occurred_at=now,
        received_at=now,
        source="website",
        type=ActivityType.PAGE_VIEWED,
    )


def scored(lead_id: UUID, **changes: Any) -> LeadScored:
    enquiry = identity.named_id("enquiry", str(lead_id))
    return LeadScored(
        lead_id=lead_id,
        occurred_at=datetime.now(UTC),
        cause=enquiry,
        enquiry=enquiry,
        new_enquiry=True,
        score=Score(fit=25, engagement=0, total=25, grade="A"),
        stage_before=None,
        stage=Stage.MQL,
        reasons=(),
        profile=changes.get("profile", profile()),
    )


def routed(lead_id: UUID, **changes: Any) -> LeadRouted:
    usual: dict[str, Any] = {
        "lead_id": lead_id,
        "occurred_at": datetime.now(UTC),
        "assignment_id": identity.named_id("assignment", str(lead_id)),
        "decision_id": identity.named_id("decision", str(lead_id)),
        "enquiry": None,
        "attempt": 1,
        "rep": Rep(id="rep-patient-1", name="Rep Patient 1"),
        "role": "sales",
        "team": "inside",
        "pool": "patient",
        "rule": "patient",
        "sla_policy": "hours",
        "reasons": (),
        "score": Score(fit=25, engagement=0, total=25, grade="A"),
        "stage": Stage.MQL,
        "profile": profile(),
    }
    return LeadRouted(**(usual | changes))


@dataclass(frozen=True)
class Reader:
    """A service with an event that it decides on, and how the effect is seen.

    `table` gets a row of the lead by it, whose id is in `column`.
    """

    service: str
    table: str
    make: Callable[[UUID], EventData]
    column: str = "lead_id"

    async def took_effect(self, world: World, lead_id: UUID) -> bool:
        found = f"SELECT count(*) FROM {self.service}.{self.table} WHERE {self.column} = $1"  # noqa: S608 - the tests' own
        return bool(await world.db.fetchval(found, lead_id))


READERS = (
    Reader("ingest", "alias", captured),
    Reader("scoring", "subject", activity, column="id"),
    Reader("routing", "assignment", scored),
    Reader("sla_monitor", "clock", routed),
)
