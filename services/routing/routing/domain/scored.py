"""What scoring says of a lead: from it follows whether somebody must get it."""

from baton.events import LeadScored, Reason
from routing.domain.choice import FOR_GOOD
from routing.domain.handling import Handling
from routing.domain.imports import imported
from routing.domain.state import Scored

NOT_QUALIFIED = "not_qualified"
TEST = "test"
HAS_OWNER = "has_owner"


def scored(handling: Handling, data: LeadScored) -> None:
    """Route a lead that makes an enquiry or becomes qualified, unless somebody has it already."""
    if data.test:
        _tell_trial(handling, data)
        return
    before = handling.lead.scored
    new_enquiry = data.new_enquiry and (before is None or data.enquiry != before.enquiry)
    qualified = handling.bundle.routing.takes(data.stage)
    newly_qualified = qualified and not (before and before.qualified)
    enquired_at = data.occurred_at if new_enquiry else before and before.enquired_at
    handling.become(
        scored=Scored(
            enquiry=data.enquiry,
            enquired_at=enquired_at,
            qualified=qualified,
            score=data.score,
            stage=data.stage,
            profile=data.profile,
        )
    )
    if data.history is not None:
        imported(handling, data, data.history)
        return
    if handling.lead.held is not None:
        if new_enquiry:
            _stay(handling)
        return
    if new_enquiry:
        handling.become(attempts=0)
    if new_enquiry or newly_qualified:
        handling.become(tried=(), waits=0)
    if not qualified:
        if new_enquiry or _waits(handling):
            tell_not_qualified(handling)
    elif new_enquiry or newly_qualified:
        handling.route()
    else:
        _look_again(handling)


def tell_not_qualified(handling: Handling) -> None:
    """Nobody has the lead, since its stage is not one that sales takes."""
    stage = handling.scored.stage
    reason = Reason(
        code=NOT_QUALIFIED,
        label=f"routed from {handling.bundle.routing.from_stage} on",
        matched=True,
        field="stage",
        value=stage,
    )
    handling.unrouted(NOT_QUALIFIED, (reason,))


def _tell_trial(handling: Handling, data: LeadScored) -> None:
    """A trial delivery changes nothing for a lead that is real as well."""
    told = handling.lead.unrouted is not None and handling.lead.unrouted.code == TEST
    if handling.lead.held is None and not _waits(handling) and (data.new_enquiry or not told):
        reason = Reason(code=TEST, label="a trial delivery is never routed", matched=True)
        handling.unrouted(TEST, (reason,))


def _stay(handling: Handling) -> None:
    """A new enquiry of a lead with an owner stays with the owner, as the first attempt at it."""
    handling.become(attempts=1, tried=(handling.held.rep.id,))
    handling.decide(HAS_OWNER)


def _waits(handling: Handling) -> bool:
    return handling.lead.unrouted is not None and handling.lead.unrouted.retry_at is not None


def _look_again(handling: Handling) -> None:
    """What a lead is now may match where it did not before. Says nothing where it does not."""
    told = handling.lead.unrouted
    if told is None or told.retry_at is not None or told.code in FOR_GOOD:
        return
    asked, found, chosen = handling.choose()
    if chosen.rep is not None:
        handling.assign(asked, found, chosen)
    elif chosen.code != told.code:
        handling.tell_unrouted(asked, found, chosen)
