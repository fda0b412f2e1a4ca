"""Decides which rep gets a lead. Pure functions: the decision follows from the arguments alone."""

from dataclasses import replace
from datetime import datetime

from baton import topics
from baton.cloudevents import Event
from baton.events import (
    LeadErased,
    LeadFollowup,
    LeadScored,
    ReleaseCode,
    SlaBreached,
    SlaRetracted,
    SubjectEvent,
)
from baton.policy.bundle import Bundle
from baton.runtime.decisions import Decision
from baton.runtime.inputs import CommandInput, EventInput, Input, Subscription, TimerInput
from routing.domain.breaches import breached, retracted
from routing.domain.commands import commanded
from routing.domain.followups import followed_up
from routing.domain.handling import RETRY, Handling
from routing.domain.loads import Loads
from routing.domain.scored import scored, tell_not_qualified
from routing.domain.state import Lead

SUBSCRIPTION = Subscription(
    topics=(topics.LEAD_SCORED, topics.LEAD_FOLLOWUP, topics.LEAD_SLA, topics.LEAD_IDENTITY),
    uses=(LeadScored, LeadFollowup, SlaBreached, SlaRetracted, LeadErased),
)


def decide(
    state: Lead | None, loads: Loads, cause: Input, bundle: Bundle, now: datetime
) -> Decision[Lead, Loads]:
    """Decide on one input of a lead. `loads` has the loads of the reps and pools that `needs.needs`
    names for the batch. Raises ValueError for an unknown command or timer.
    """
    handling = Handling(cause, state or Lead(), loads, bundle, now)
    match cause:
        case EventInput(event=event) if isinstance(event.data, LeadErased):
            return _forget(handling, event.data, loads)
        case EventInput(event=event):
            _heard(handling, event)
        case TimerInput(name=name) if name == RETRY:
            _try_again(handling)
        case TimerInput(name=name):
            raise ValueError(f"there is no timer {name!r}")
        case CommandInput():
            commanded(handling, cause)
    return handling.decision(loads)


def _heard(handling: Handling, event: Event[SubjectEvent]) -> None:
    match event.data:
        case LeadScored() as data:
            scored(handling, event, data)
        case LeadFollowup() as data:
            followed_up(handling, data)
        case SlaBreached() as data:
            breached(handling, data)
        case SlaRetracted() as data:
            retracted(handling, data)


def _try_again(handling: Handling) -> None:
    if handling.lead.held is not None or handling.lead.scored is None:
        return
    if handling.qualified:
        handling.route()
    else:
        tell_not_qualified(handling)


def _forget(handling: Handling, data: LeadErased, before: Loads) -> Decision[Lead, Loads]:
    """Erase the lead: its assignment ends, and no state remains. If scoring has published an
    enquiry from after the erasure, routing begins anew with it.
    """
    if handling.lead.held is not None:
        handling.release(ReleaseCode.ERASED)
    scored = handling.lead.scored
    if scored is None or scored.enquired_at is None or scored.enquired_at <= data.occurred_at:
        return replace(handling.decision(before), state=None, rows=())
    handling.begin_anew(scored)
    if handling.qualified:
        handling.route()
    else:
        tell_not_qualified(handling)
    return handling.decision(before)
