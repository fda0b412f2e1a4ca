"""The events by which routing says what became of a lead."""

from datetime import datetime
from uuid import UUID

from baton.events import LeadReleased, LeadRouted, LeadUnrouted, Reason, ReleaseCode
from routing.domain import codes
from routing.domain.codes import Cause
from routing.domain.state import Assignment, Lead, Scored


def routed(
    lead_id: UUID, scored: Scored, held: Assignment, reasons: tuple[Reason, ...], at: datetime
) -> LeadRouted:
    """A rep has the lead since `at`."""
    terms = held.terms
    return LeadRouted(
        lead_id=lead_id,
        occurred_at=at,
        assignment_id=held.id,
        decision_id=held.decision_id,
        enquiry=held.enquiry,
        attempt=held.attempt,
        rep=held.rep,
        role=terms.role,
        team=held.team,
        pool=terms.pool,
        rule=terms.rule,
        sla_policy=terms.sla_policy,
        previous_rep=held.previous_rep,
        reasons=reasons,
        score=scored.score,
        stage=scored.stage,
        profile=scored.profile,
        change=held.change,
        previous_assignment=held.previous_assignment,
    )


def unrouted(
    lead_id: UUID,
    lead: Lead,
    decision_id: UUID,
    cause: Cause,
    reasons: tuple[Reason, ...],
    retry_at: datetime | None,
    at: datetime,
) -> LeadUnrouted:
    """The event that no rep has the lead, with the reason."""
    return LeadUnrouted(
        lead_id=lead_id,
        occurred_at=at,
        decision_id=decision_id,
        enquiry=lead.scored.enquiry if lead.scored else None,
        attempt=lead.attempts + 1,
        code=str(cause),
        retry_at=retry_at,
        reasons=reasons,
        exclusion=codes.excluded_id(cause),
    )


def released(
    lead_id: UUID,
    held: Assignment,
    decision_id: UUID,
    code: ReleaseCode,
    reason: str | None,
    at: datetime,
) -> LeadReleased:
    """A rep no longer has the lead since `at`."""
    return LeadReleased(
        lead_id=lead_id,
        occurred_at=at,
        assignment_id=held.id,
        decision_id=decision_id,
        rep=held.rep,
        pool=held.terms.pool,
        code=code,
        reason=reason,
    )
