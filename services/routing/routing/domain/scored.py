"""Applies a `lead.scored`: decides whether a rep must get the lead."""

from datetime import datetime

from baton.cloudevents import Event
from baton.events import LeadScored, Reason, ReleaseCode, Stage, SubjectEvent
from routing.domain.choice import FOR_GOOD
from routing.domain.codes import Cause, DecisionCode, UnroutedCode
from routing.domain.handling import Handling
from routing.domain.imports import imported
from routing.domain.state import Scored
from routing.policy.routing import ROUTING

GIVEN_UP: frozenset[Cause] = frozenset(
    {UnroutedCode.REJECTED, UnroutedCode.CLOSED, UnroutedCode.OWNER_CHANGED}
)
"""Sales has given the lead up, or has it without us: only a new enquiry, or qualifying anew, helps.
"""


def scored(handling: Handling, event: Event[SubjectEvent], data: LeadScored) -> None:
    """Route a lead that makes an enquiry or becomes qualified, unless somebody has it already.

    A new enquiry of a lead with an owner is the owner's.
    """
    before = handling.lead.scored
    if data.test:
        _tell_trial(handling, data)
        return
    new_enquiry = data.new_enquiry and (before is None or before.makes_new(data.enquiry))
    if before is None or not _out_of_date(event, before):
        after = _snapshot(handling, event, data, before, new_enquiry=new_enquiry)
    elif new_enquiry:
        after = before.model_copy(update=_enquiry(data, before))
    else:
        return
    handling.become(scored=after)
    if data.history is not None:
        imported(handling, data, data.history)
        if handling.lead.held is not None or after.qualified_at is None:
            return
        if data.history.owner is not None:
            tell_given_up(handling, ReleaseCode.OWNER_CHANGED)
            return
        # Scoring says that it knows more of the lead than its import, and that it is qualified.
    if handling.lead.held is None:
        anew = after.qualified and (before is None or _qualified_anew(before, after))
        _without_owner(handling, new_enquiry=new_enquiry, newly_qualified=anew)
    elif new_enquiry:
        _stay(handling)


def _without_owner(handling: Handling, *, new_enquiry: bool, newly_qualified: bool) -> None:
    if new_enquiry:
        handling.become(attempts=0)
    if new_enquiry or newly_qualified:
        handling.become(tried=(), waits=0, breached=())
    if not handling.scored.qualified:
        if new_enquiry or _waits(handling):
            tell_not_qualified(handling)
    elif new_enquiry or newly_qualified:
        handling.route()
    else:
        _look_again(handling)


def _out_of_date(event: Event[SubjectEvent], before: Scored) -> bool:
    """Whether scoring has said something newer already: a dead letter is replayed late, say.

    Both the number and the time tell, since a database that was restored counts anew.
    """
    if event.sequence is None or before.sequence is None or before.decided_at is None:
        return False
    return event.sequence < before.sequence and event.time <= before.decided_at


def _snapshot(
    handling: Handling,
    event: Event[SubjectEvent],
    data: LeadScored,
    before: Scored | None,
    *,
    new_enquiry: bool,
) -> Scored:
    enquired_at = before.enquired_at if before else None
    return Scored(
        enquiry=data.enquiry,
        enquired_at=_later(enquired_at, data.occurred_at) if new_enquiry else enquired_at,
        qualified=handling.bundle.section(ROUTING).takes(data.stage),
        score=data.score,
        stage=data.stage,
        profile=data.profile,
        qualified_at=data.qualified_at,
        sequence=event.sequence,
        decided_at=event.time,
        new_enquiry=data.enquiry if new_enquiry else before and before.new_enquiry,
    )


def _enquiry(data: LeadScored, before: Scored) -> dict[str, object]:
    return {
        "enquiry": data.enquiry,
        "enquired_at": _later(before.enquired_at, data.occurred_at),
        "new_enquiry": data.enquiry,
    }


def _qualified_anew(before: Scored, after: Scored) -> bool:
    """Whether the lead qualifies now and did not before, or did not in between."""
    if not before.qualified:
        return True
    since, until = before.qualified_at, after.qualified_at
    return since is not None and until is not None and until > since


def _later(known: datetime | None, moment: datetime) -> datetime:
    return moment if known is None else max(known, moment)


def tell_given_up(handling: Handling, code: ReleaseCode) -> None:
    """No rep has the lead, because sales rejected it."""
    label = "routed again once it makes an enquiry or qualifies anew"
    handling.unrouted(UnroutedCode(code), (Reason(code=code, label=label, matched=True),))


def tell_not_qualified(handling: Handling) -> None:
    """No rep has the lead, because leads of its stage are not routed."""
    stage = handling.scored.stage
    reason = Reason(
        code=UnroutedCode.NOT_QUALIFIED,
        label=f"routed from {handling.bundle.section(ROUTING).from_stage} on",
        matched=True,
        field="stage",
        value=stage,
    )
    handling.unrouted(UnroutedCode.NOT_QUALIFIED, (reason,))


def _tell_trial(handling: Handling, data: LeadScored) -> None:
    """A trial delivery changes nothing for a lead that is real as well."""
    lead = handling.lead
    told = lead.unrouted is not None and lead.unrouted.cause is UnroutedCode.TEST
    if lead.held is None and lead.scored is None and (data.new_enquiry or not told):
        reason = Reason(
            code=UnroutedCode.TEST, label="a trial delivery is never routed", matched=True
        )
        handling.unrouted(UnroutedCode.TEST, (reason,))


def _stay(handling: Handling) -> None:
    """A new enquiry of a lead with an owner is the owner's, as the first attempt at it.

    An owner who is no longer in the policy can't answer it: the lead is routed anew.
    """
    if handling.bundle.teams.rep(handling.held.rep.id) is not None:
        handling.renew(handling.match())
        handling.decide(DecisionCode.HAS_OWNER)
        return
    handling.release(ReleaseCode.OWNER_LEFT)
    handling.become(attempts=0, tried=(), waits=0, breached=())
    if handling.qualified:
        handling.route()
    else:
        tell_not_qualified(handling)


def _waits(handling: Handling) -> bool:
    return handling.lead.unrouted is not None and handling.lead.unrouted.retry_at is not None


def _look_again(handling: Handling) -> None:
    """Route a waiting lead whose new score may match a rule. Publishes nothing if it does not."""
    told = handling.lead.unrouted
    if told is None:
        _tell_at_last(handling)
        return
    if told.retry_at is not None or told.cause in FOR_GOOD | GIVEN_UP:
        return
    asked, found, chosen = handling.choose()
    if chosen.rep is not None:
        handling.assign(asked, found, chosen)
    elif chosen.cause != told.cause:
        handling.tell_unrouted(asked, found, chosen)


def _tell_at_last(handling: Handling) -> None:
    """An older release ended the assignment without a decision about the lead. An MQL is routed,
    because no rep works on it. A lead of a later stage is closed.
    """
    if handling.scored.stage is Stage.MQL:
        handling.route()
    else:
        tell_given_up(handling, ReleaseCode.CLOSED)
