"""What the rep or the CRM did with a lead, as far as it changes who has it.

When a fact happened and whether it counts is said by `baton.followups`. Beside that:

- What is about an assignment and names only the rep counts up to `SKEW` before it began: a decline
  must take effect though the CRM's clock is slow.
- A rep who keeps the lead through several enquiries has it without a break: each id of the rep's
  assignments names the current one, and the first of them says since when facts count.
- A breach may have moved the lead although it was closed, or had another owner, before that; this
  is told late. It counts, as long as the present rep has not touched the lead.
- What happened before a rep last gave the lead up, or before the newest enquiry of a lead that no
  rep has, is out of date.
"""

from datetime import datetime

from baton.events import AssignmentChange, FollowupType, LeadFollowup, Reason, ReleaseCode
from baton.followups import (
    OF_ASSIGNMENT,
    SKEW,
    TAKING,
    counted_since,
    happened_at,
    is_of_rep,
)
from routing.domain import choice as choosing
from routing.domain.handling import Follows, Handling
from routing.domain.loads import WORKED
from routing.domain.scored import tell_given_up, tell_not_qualified
from routing.domain.state import Assignment, Terms
from routing.policy.reads import PROMISE_NAMES

ENDS = {
    FollowupType.DECLINED: ReleaseCode.DECLINED,
    FollowupType.REJECTED: ReleaseCode.REJECTED,
    FollowupType.WON: ReleaseCode.CLOSED,
    FollowupType.LOST: ReleaseCode.CLOSED,
    FollowupType.MERGED: ReleaseCode.CLOSED,
    FollowupType.DELETED: ReleaseCode.CLOSED,
}
"""The code with which each of these ends an assignment."""

TOUCHES = WORKED | {
    FollowupType.ACCEPTED,
    FollowupType.ATTEMPTED,
    FollowupType.MEETING_MISSED,
    FollowupType.MEETING_MOVED,
    FollowupType.DISPOSITION,
    FollowupType.NOTE,
}
"""The rep has done something about the lead."""


def followed_up(handling: Handling, data: LeadFollowup) -> None:
    """Apply a follow-up. One that does not concern the present assignment changes nothing."""
    if data.type in TAKING:
        _taken(handling, data)
        return
    held = handling.lead.held
    if held is None:
        return
    if not concerns(data, held):
        _before_a_breach(handling, data, held)
        return
    if data.type in TOUCHES:
        _touch(handling, data, held)
    elif data.type is FollowupType.DECLINED:
        decline(handling, data.reason, happened_at(data))
    elif data.type in ENDS:
        _end(handling, data, ENDS[data.type])


def decline(handling: Handling, reason: str | None, at: datetime) -> None:
    """The lead is not the rep's: another one gets it at once, or it is told why nobody does."""
    declined = handling.held.id
    _release(handling, ReleaseCode.DECLINED, reason, at)
    if handling.qualified:
        handling.route(Follows(AssignmentChange.DECLINED, declined))
    else:
        tell_not_qualified(handling)


def _touch(handling: Handling, data: LeadFollowup, held: Assignment) -> None:
    at = happened_at(data)
    by_the_rep = data.rep in (None, held.rep.id) and at >= held.since
    if by_the_rep and held.touched_at is None:
        handling.become(held=held.model_copy(update={"touched_at": at}))
    if data.type is FollowupType.ACCEPTED and held.accepted_at is None:
        handling.amend(accepted_at=data.occurred_at)
    elif data.type in WORKED and held.open:
        handling.loads = handling.loads.without_lead(held.rep.id)
        # Up to `SKEW` before the start, it may be the rep's before a breach: then the turn returns.
        changes = held.credit_changes if at < held.since else {}
        handling.amend(worked_at=data.occurred_at, credit_changes=changes)
    elif data.type in WORKED and not held.knows_contact(data.occurred_at):
        handling.become(held=held.model_copy(update={"contacted_at": data.occurred_at}))


def _end(handling: Handling, data: LeadFollowup, code: ReleaseCode, *, void: bool = False) -> None:
    """Rejected, won, lost or gone. A `void` assignment should never have been: its turn returns.

    A lead that has made an enquiry or qualified since then is routed: that is not what was meant.
    Any other waits for one of these, and an event says so.
    """
    _release(handling, code, data.reason, happened_at(data), void=void)
    _tell_ended(handling, code, happened_at(data))


def _tell_ended(handling: Handling, code: ReleaseCode, at: datetime) -> None:
    """Say what comes of a lead that sales gave up, or took elsewhere, at `at`."""
    handling.become(breached=())
    if handling.qualified and handling.scored.follows(at):
        handling.become(attempts=0, tried=())
        handling.route()
    else:
        tell_given_up(handling, code)


def _before_a_breach(handling: Handling, data: LeadFollowup, held: Assignment) -> None:
    """Apply a follow-up of the rep who had the lead before a breach."""
    former = _former(handling, data)
    if former is None:
        return
    if data.type in WORKED and former.open:
        worked = former.model_copy(update={"worked_at": data.occurred_at, "credit_changes": {}})
        breached = handling.lead.breached
        handling.become(breached=tuple(worked if one is former else one for one in breached))
    elif data.type in ENDS and data.type is not FollowupType.DECLINED and not held.touched:
        _end(handling, data, ENDS[data.type], void=True)


def _former(handling: Handling, data: LeadFollowup) -> Assignment | None:
    """The assignment that ended by a breach and that a fact is about; None where there is none."""
    return next((one for one in reversed(handling.lead.breached) if concerns(data, one)), None)


def _release(
    handling: Handling,
    code: ReleaseCode,
    reason: str | None,
    at: datetime,
    *,
    void: bool = False,
) -> None:
    known = handling.bundle.definitions.reason(reason) if reason else None
    give_back = void or (known is not None and known.give_back_turn)
    handling.release(code, reason, at=at, give_back_turn=give_back)


def concerns(data: LeadFollowup, held: Assignment) -> bool:
    """Whether a fact is about an assignment, by what it names and when it happened."""
    if data.type not in OF_ASSIGNMENT:
        return counted_since(data, held.since) is not None
    if data.assignment_id is not None:
        return held.has_id(data.assignment_id)
    return is_of_rep(data, held.rep.id, held.since, early=SKEW)


def _taken(handling: Handling, data: LeadFollowup) -> None:
    """A rep claimed the lead, or the CRM gave it to an owner, outside of routing. If the bundle
    knows the rep, the rep owns the lead from now on, on the terms of the former assignment, or else
    of the matching rule. An owner whom the bundle does not know owns it too, but Baton does not
    watch that owner.
    """
    lead = handling.lead
    if data.rep is None or lead.scored is None or _out_of_date(handling, data):
        return
    released = lead.held.id if lead.held else None
    known = handling.bundle.teams.rep(data.rep) is not None
    terms = _terms(handling, data)
    if lead.held is not None:
        handling.release(ReleaseCode.OWNER_CHANGED, at=happened_at(data))
    if known and terms is not None:
        handling.become(breached=())
        reason = Reason(
            code=data.type, label=f"{data.rep} has it", matched=True, field="rep", value=data.rep
        )
        handling.give(data.rep, terms, (reason,), Follows(AssignmentChange.TAKEN, released))
        handling.decide(data.type)
    elif lead.held is not None:
        _tell_ended(handling, ReleaseCode.OWNER_CHANGED, happened_at(data))


def _out_of_date(handling: Handling, data: LeadFollowup) -> bool:
    lead, at = handling.lead, happened_at(data)
    if lead.held is None:
        enquired_at = lead.scored.enquired_at if lead.scored else None
        asked_since = enquired_at is not None and at < enquired_at - SKEW
        return asked_since or (lead.ended_at is not None and at < lead.ended_at)
    if data.rep == lead.held.rep.id:
        return True
    if at >= lead.held.since:
        return data.assignment_id is not None and not lead.held.has_id(data.assignment_id)
    former = _former(handling, data)
    if former is None or lead.held.touched:
        return True
    # Else the CRM's echo of the assignment itself would take the lead back to its former rep.
    to_former_rep = any(data.rep == one.rep.id for one in lead.breached)
    names_another = data.assignment_id is not None and not former.has_id(data.assignment_id)
    return to_former_rep or names_another


def _terms(handling: Handling, data: LeadFollowup) -> Terms | None:
    if handling.lead.held is not None:
        terms = handling.lead.held.terms
        if (
            not terms.promised
            or terms.sla_policy not in handling.bundle.section(PROMISE_NAMES).policies
        ):
            terms = terms.model_copy(update=handling.promise(handling.match(), terms))
        return terms.model_copy(update={"rule": data.type})
    scored = handling.scored
    rule = choosing.match(scored.profile, scored.score, scored.stage, handling.bundle).rule
    if rule is None:
        return None
    return Terms(rule=data.type, pool=rule.pool, role=rule.role, sla_policy=rule.sla)
