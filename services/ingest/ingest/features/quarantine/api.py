"""The quarantine by HTTP: listed, shown, released, discarded."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field, JsonValue, StringConstraints

from baton import paging
from baton.events import Profile, Reason
from baton.paging import Position
from baton.problems import ProblemBody
from baton.values import Moment
from ingest.edge.problems import as_problems, problem_of
from ingest.features.quarantine.decisions import Quarantine, unknown
from ingest.features.quarantine.store import (
    Decision,
    Filter,
    QuarantinedEnquiry,
    QuarantineTable,
    Standing,
)

_Person = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
_Name = Annotated[str, StringConstraints(max_length=100)]


class Listed(StrEnum):
    """Which part of the quarantine a list has."""

    IN_QUARANTINE = "held"
    RELEASED = "released"
    DISCARDED = "discarded"
    ALL = "all"


class QuarantineQuery(BaseModel):
    """Which enquiries are asked for."""

    state: Listed = Listed.IN_QUARANTINE
    rule: _Name | None = Field(None, description="only those that this rule holds")
    source: _Name | None = None
    lead_id: UUID | None = None
    limit: int = Field(50, ge=1, le=500)
    cursor: str | None = Field(
        None, max_length=paging.LONGEST_CURSOR, description="next_cursor of the page before"
    )


class HeldView(BaseModel):
    """An enquiry that a rule has held back; `reasons` has what the rule saw."""

    event_id: UUID
    lead_id: UUID
    source: str
    rule: str
    reasons: tuple[Reason, ...]
    occurred_at: Moment
    received_at: Moment
    policy: str | None = Field(description="the hash of the bundle that has the rule")
    profile: Profile
    decision: Decision | None = Field(description="null while nobody has decided")
    decided_at: Moment | None
    decided_by: str | None
    why: str | None


class WholeHeldView(HeldView):
    """With what the sender said beside the profile."""

    answers: dict[str, JsonValue]
    as_sent: dict[str, str]


class QuarantineView(BaseModel):
    """A page of enquiries, by when they came, newest first."""

    enquiries: tuple[HeldView, ...]
    next_cursor: str | None = Field(description="null on the last page")


class DecisionIn(BaseModel):
    """The person who decides, and the reason."""

    by: _Person
    why: Annotated[str, StringConstraints(max_length=1_000)] = ""


class DecidedView(BaseModel):
    """Where the enquiry is now: `published`, `spooled` while Kafka is away, or `discarded`."""

    event_id: UUID
    state: str


def router(table: QuarantineTable, quarantine: Quarantine) -> APIRouter:
    """The routes under `/v1`."""
    routes = APIRouter(prefix="/v1/quarantine", tags=["quarantine"])
    not_there: dict[int | str, dict[str, object]] = {404: {"model": ProblemBody}}
    refusals = not_there | {409: {"model": ProblemBody}}

    # Generated clients have a method of this name.
    @routes.get("", operation_id="held_v1_quarantine_get")
    async def list_enquiries(query: Annotated[QuarantineQuery, Query()]) -> QuarantineView:
        """Enquiries that rules of the bundle have held back, newest first."""
        after = None if query.cursor is None else paging.position(query.cursor)
        found = await table.page(_filter(query), query.limit + 1, after)
        page = found[: query.limit]
        more = len(found) > query.limit
        return QuarantineView(
            enquiries=tuple(HeldView.model_validate(_view(*enquiry)) for enquiry in page),
            next_cursor=_cursor(page[-1][0]) if more else None,
        )

    @routes.get("/{event_id}", responses=not_there)
    async def enquiry(event_id: UUID) -> WholeHeldView:
        """One enquiry, whole."""
        found = await table.get(event_id)
        if found is None:
            raise problem_of(unknown(event_id))
        return whole_view(*found)

    @routes.post("/{event_id}/release", responses=refusals)
    async def release(event_id: UUID, body: DecisionIn) -> DecidedView:
        """Send an enquiry on: it is scored and routed like any other, once."""
        with as_problems():
            state = await quarantine.release(event_id, body.by, body.why)
        return DecidedView(event_id=event_id, state=state)

    @routes.post("/{event_id}/discard", responses=refusals)
    async def discard(event_id: UUID, body: DecisionIn) -> DecidedView:
        """Keep an enquiry from everybody; for 30 days it can still be released."""
        with as_problems():
            await quarantine.discard(event_id, body.by, body.why)
        return DecidedView(event_id=event_id, state=Decision.DISCARDED)

    return routes


def whole_view(enquiry: QuarantinedEnquiry, standing: Standing) -> WholeHeldView:
    """An enquiry with what was decided on it."""
    data = enquiry.event.data
    return WholeHeldView.model_validate(
        _view(enquiry, standing) | {"answers": data.answers, "as_sent": data.as_sent}
    )


def _filter(query: QuarantineQuery) -> Filter:
    decided = query.state in (Listed.RELEASED, Listed.DISCARDED)
    return Filter(
        decision=Decision(query.state) if decided else None,
        decided_too=query.state is Listed.ALL,
        rule=query.rule,
        source=query.source,
        lead_id=query.lead_id,
    )


def _cursor(last: QuarantinedEnquiry) -> str:
    return paging.cursor(Position(last.event.time, last.event.id))


def _view(enquiry: QuarantinedEnquiry, standing: Standing) -> dict[str, object]:
    data = enquiry.event.data
    return {
        "event_id": enquiry.event.id,
        "lead_id": data.lead_id,
        "source": data.profile.source,
        "rule": enquiry.rule,
        "reasons": enquiry.reasons,
        "occurred_at": data.occurred_at,
        "received_at": enquiry.event.time,
        "policy": enquiry.event.policyversion,
        "profile": data.profile,
        "decision": standing.decision,
        "decided_at": standing.decided_at,
        "decided_by": standing.decided_by,
        "why": standing.why,
    }
