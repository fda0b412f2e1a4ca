"""A promise was broken, or a breach was taken back.

A broken promise gives the lead to another rep, if there is one who can take it. Where nobody else
can, the owner keeps it, since a late owner is better than none. So it is where the rep has spoken
with the lead meanwhile, if late: a second caller would only confuse.

A breach that was wrong is taken back once the fact is known that kept the promise. The lead then
returns to the rep who answered, unless the present owner has touched it.
"""

from baton.events import AssignmentChange, ReleaseCode, SlaBreached, SlaRetracted
from routing.domain.codes import DecisionCode
from routing.domain.handling import Follows, Handling
from routing.domain.state import BREACHED_KEPT, Assignment, Lead
from routing.policy.routing import ROUTING

ANSWERED_IN_TIME = "answered_in_time"
"""The code of `sla.retracted` which says that the named fact kept the promise."""


def breached(handling: Handling, data: SlaBreached) -> None:
    """Reassign the lead; a breach of any but the present owner's assignments changes nothing."""
    held = handling.lead.held
    if held is None or data.assignment_id is None:
        return
    if not held.has_clock(data.assignment_id, data.rep):
        return
    if held.answered(data.assignment_id):
        return
    if not (data.reassign and handling.bundle.section(ROUTING).reassign_on_breach):
        return
    if not handling.qualified:
        handling.decide(DecisionCode.KEPT)
        return
    asked, found, chosen = handling.choose()
    if chosen.rep is None:
        handling.decide(DecisionCode.KEPT, asked, chosen)
        return
    handling.release(ReleaseCode.BREACHED)
    handling.become(breached=(*handling.lead.breached, held)[-BREACHED_KEPT:])
    handling.assign(asked, found, chosen, Follows(AssignmentChange.BREACHED, held.id))


def retracted(handling: Handling, data: SlaRetracted) -> None:
    """Give the lead back to the rep who answered in time."""
    if data.code != ANSWERED_IN_TIME or data.fact is None:
        return
    lead = handling.lead
    before = _that_ended(lead, data)
    if before is None:
        return
    present = lead.held
    if handling.bundle.teams.rep(before.rep.id) is None or (present and present.touched):
        handling.decide(DecisionCode.KEPT)
        return
    if present is not None:
        before = _with_contact_of(handling, before, present)
        handling.release(ReleaseCode.BREACH_RETRACTED, at=present.since, give_back_turn=True)
    handling.give_back(before)
    if present is not None and present.enquiry != before.enquiry:
        handling.renew(handling.match())
    handling.decide(AssignmentChange.RETURNED)


def _with_contact_of(handling: Handling, before: Assignment, present: Assignment) -> Assignment:
    """A contact from before the present assignment was the former one's, though read as its own."""
    at = present.worked_at
    if not before.open or at is None or at >= present.since:
        return before
    worked = before.model_copy(update={"worked_at": at, "credit_changes": {}})
    breached = handling.lead.breached
    handling.become(breached=tuple(worked if one is before else one for one in breached))
    return worked


def _that_ended(lead: Lead, data: SlaRetracted) -> Assignment | None:
    return next((one for one in lead.breached if one.has_clock(data.assignment_id, data.rep)), None)
