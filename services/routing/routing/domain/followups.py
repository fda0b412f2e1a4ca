"""What the rep or the CRM did with a lead, as far as it changes who has it.

Facts come late, twice, and from systems that name neither the assignment nor the rep. They are
understood as the SLA monitor understands them:

- Whoever of sales speaks with a lead, wins or loses it, does so for the current assignment,
  whichever rep or assignment is named, unless it was before that. Clocks differ, and many senders
  cut the time to the minute: it is before only if both its times are, or one by more than `SKEW`.
- What is about an assignment (accepted, declined, rejected) counts for the one that it names. Where
  it names only the rep, it is about the rep's assignment, unless it is older by more than `SKEW`.
  Where it names neither, it must be later than the assignment: else a copy of what one rep did
  would hit the next.
"""

from datetime import datetime, timedelta

from baton.events import FollowupType, LeadFollowup, Reason, ReleaseCode
from routing.domain import choice as choosing
from routing.domain.floor import WORKED
from routing.domain.handling import Handling
from routing.domain.scored import tell_not_qualified
from routing.domain.state import Assignment, Terms

TAKEN = frozenset({FollowupType.CLAIMED, FollowupType.OWNER_CHANGED})
"""Somebody else has the lead, by another's decision."""

ENDS = {
    FollowupType.DECLINED: ReleaseCode.DECLINED,
    FollowupType.REJECTED: ReleaseCode.REJECTED,
    FollowupType.WON: ReleaseCode.CLOSED,
    FollowupType.LOST: ReleaseCode.CLOSED,
    FollowupType.MERGED: ReleaseCode.CLOSED,
    FollowupType.DELETED: ReleaseCode.CLOSED,
}
"""The rep no longer has the lead; one that was merged or deleted there, no longer as this one."""

OF_ASSIGNMENT = frozenset({FollowupType.ACCEPTED, FollowupType.DECLINED, FollowupType.REJECTED})
SKEW = timedelta(minutes=2)


def followed_up(handling: Handling, data: LeadFollowup) -> None:
    """Keep what was done. What does not concern the current assignment changes nothing."""
    if data.type in TAKEN:
        _taken(handling, data)
        return
    held = handling.lead.held
    if held is None or not _concerns(data, held):
        return
    if data.type is FollowupType.ACCEPTED and held.accepted_at is None:
        handling.amend(accepted_at=data.occurred_at)
    elif data.type in WORKED and held.open:
        handling.floor = handling.floor.without_lead(held.rep.id)
        handling.amend(worked_at=data.occurred_at, credit_changes={})
    elif data.type is FollowupType.DECLINED:
        decline(handling, data.reason)
    elif data.type in ENDS:
        _end(handling, data, held)


def decline(handling: Handling, reason: str | None) -> None:
    """The lead is not the rep's: another one gets it at once, or it is told why nobody does."""
    _release(handling, ReleaseCode.DECLINED, reason)
    if handling.qualified:
        handling.route()
    else:
        tell_not_qualified(handling)


def _end(handling: Handling, data: LeadFollowup, held: Assignment) -> None:
    """Rejected, won, lost or gone. An enquiry that came after that is not meant, and is routed."""
    _release(handling, ENDS[data.type], data.reason)
    scored = handling.scored
    if scored.enquiry == held.enquiry or scored.enquired_at is None:
        return
    if handling.qualified and scored.enquired_at > data.occurred_at:
        handling.route()


def _release(handling: Handling, code: ReleaseCode, reason: str | None) -> None:
    known = handling.bundle.definitions.reason(reason) if reason else None
    give_back = known is not None and known.give_back_turn
    handling.release(code, reason, give_back_turn=give_back)


def _concerns(data: LeadFollowup, held: Assignment) -> bool:
    at = _happened_at(data)
    nearly_since = at >= held.assigned_at - SKEW
    if data.type not in OF_ASSIGNMENT:
        return nearly_since and max(data.occurred_at, data.received_at) >= held.assigned_at
    if data.assignment_id is not None:
        return data.assignment_id == held.id
    if data.rep is not None:
        return data.rep == held.rep.id and nearly_since
    return at > held.assigned_at


def _happened_at(data: LeadFollowup) -> datetime:
    """A sender's clock may be fast, but nothing is received before it happens."""
    return min(data.occurred_at, data.received_at)


def _taken(handling: Handling, data: LeadFollowup) -> None:
    """A lead was claimed, or given to somebody, outside of routing.

    Whom the bundle knows has it from now on, on the terms of who had it, or else of the rule that
    takes it. Whom it does not know has it too, but without us.
    """
    lead = handling.lead
    if data.rep is None or lead.scored is None:
        return
    if lead.held is not None and (
        data.rep == lead.held.rep.id
        or data.assignment_id not in (None, lead.held.id)
        or _happened_at(data) < lead.held.assigned_at
    ):
        return
    known = handling.bundle.teams.rep(data.rep) is not None
    terms = _terms(handling, data)
    if lead.held is not None:
        handling.release(ReleaseCode.OWNER_CHANGED)
    if known and terms is not None:
        reason = Reason(
            code=data.type, label=f"{data.rep} has it", matched=True, field="rep", value=data.rep
        )
        handling.give(data.rep, terms, (reason,))
        handling.decide(data.type)


def _terms(handling: Handling, data: LeadFollowup) -> Terms | None:
    if handling.lead.held is not None:
        return handling.lead.held.terms.model_copy(update={"rule": data.type})
    scored = handling.scored
    rule = choosing.match(scored.profile, scored.score, scored.stage, handling.bundle).rule
    if rule is None:
        return None
    return Terms(rule=data.type, pool=rule.pool, role=rule.role, sla_policy=rule.sla)
