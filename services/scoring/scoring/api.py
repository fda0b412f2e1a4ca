"""Scoring's HTTP interface: what is known of a lead, and why it has the score that it has."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict
from sqlalchemy import RowMapping

from baton.events import ActivityType, FollowupType, History, Profile, Reason, Score, Stage
from baton.problems import Problem, ProblemBody
from scoring.domain import merged
from scoring.store import Reads, StoredLead
from scoring.tables import HISTORY_KEPT


class EnquiryView(BaseModel):
    """An enquiry; `id` is its event's id, `profile` has the fields of this enquiry alone. With
    `history` it was imported from the CRM.
    """

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    occurred_at: AwareDatetime
    source: str
    test: bool
    history: History | None = None
    profile: Profile


class ActivityView(BaseModel):
    """Something the lead did; `id` is its event's.

    `bot` says why it is taken for a scanner's instead, and counts for nothing.
    """

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    occurred_at: AwareDatetime
    source: str
    type: ActivityType
    subject: str | None
    bot: str | None


class FollowupView(BaseModel):
    """A follow-up; `id` is its event's id."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    occurred_at: AwareDatetime
    type: FollowupType
    reason: str | None


class ScoreChangeView(BaseModel):
    """One `lead.scored`: `number` counts them from 1, `at` is when it was decided."""

    number: int
    event_id: UUID
    at: AwareDatetime
    occurred_at: AwareDatetime
    cause: UUID
    enquiry: UUID | None
    new_enquiry: bool
    test: bool
    history: History | None = None
    score: Score
    stage_before: Stage | None
    stage: Stage
    reasons: tuple[Reason, ...]
    policy: str
    qualified_at: AwareDatetime | None = None


class LeadView(BaseModel):
    """A lead. Score, stage and reasons are those that were told last; null before an enquiry.

    `qualified_at` is since when the lead is qualified without a break; null where it is not.
    `activities` counts those that are kept, `latest_activities` has the newest of them, oldest
    first.
    """

    lead_id: UUID
    profile: Profile | None
    score: Score | None
    stage: Stage | None
    qualified_at: AwareDatetime | None = None
    scored_at: AwareDatetime | None
    policy: str | None
    reasons: tuple[Reason, ...]
    enquiries: tuple[EnquiryView, ...]
    activities: int
    latest_activities: tuple[ActivityView, ...]
    followups: tuple[FollowupView, ...]
    history: tuple[ScoreChangeView, ...]


def router(reads: Reads) -> APIRouter:
    """The routes; they only read."""
    routes = APIRouter(prefix="/v1", tags=["leads"])

    @routes.get("/leads/{lead_id}", responses={404: {"model": ProblemBody}})
    async def lead(
        lead_id: UUID,
        history: Annotated[
            int, Query(ge=0, le=HISTORY_KEPT, description="score changes to give, newest first")
        ] = 50,
        activities: Annotated[
            int, Query(ge=0, le=10_000, description="activities to give, the newest")
        ] = 50,
    ) -> LeadView:
        """The profile of a lead, its score with the reasons, and the history of its scores."""
        stored = await reads.lead(lead_id, max(1, history))
        if stored is None:
            raise Problem(404, "No such lead", "nothing is known of this lead, or it was erased")
        return _view(lead_id, stored, history, activities)

    return routes


def _view(lead_id: UUID, stored: StoredLead, history: int, activities: int) -> LeadView:
    lead = stored.lead
    shown = lead.activities[max(0, len(lead.activities) - activities) :]
    changes = [_change(row) for row in stored.changes]
    latest = changes[0] if changes else None
    return LeadView(
        lead_id=lead_id,
        profile=merged(lead) if lead.enquiries else None,
        score=lead.told.score if lead.told else None,
        stage=lead.told.stage if lead.told else None,
        qualified_at=lead.told.qualified_at if lead.told else None,
        scored_at=latest.at if latest else None,
        policy=latest.policy if latest else None,
        reasons=latest.reasons if latest else (),
        enquiries=tuple(
            EnquiryView(
                id=enquiry.id,
                occurred_at=enquiry.occurred_at,
                source=enquiry.profile.source,
                test=enquiry.test,
                history=enquiry.history,
                profile=enquiry.profile,
            )
            for enquiry in lead.enquiries
        ),
        activities=len(lead.activities),
        latest_activities=tuple(ActivityView.model_validate(activity) for activity in shown),
        followups=tuple(FollowupView.model_validate(followup) for followup in lead.followups),
        history=tuple(changes[:history]),
    )


def _change(row: RowMapping) -> ScoreChangeView:
    return ScoreChangeView.model_validate(
        {
            **row,
            "score": {name: row[name] for name in ("fit", "engagement", "total", "grade")},
        }
    )
