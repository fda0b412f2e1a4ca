"""Commands of reps by HTTP: accept a lead, or decline it."""

from typing import Literal
from uuid import UUID

from baton.events import FollowupType, LeadFollowup
from baton.runtime.inputs import CommandInput
from baton.values import Name
from routing.domain import followups
from routing.domain.handling import Handling
from routing.domain.outcomes import (
    Accepted,
    Declined,
    Holder,
    NotTheOwner,
    UnknownLead,
    UnknownReason,
    Unrouted,
    WhoHasIt,
    WithoutOwner,
)
from routing.domain.state import Assignment, Part

ACCEPT = "accept"
DECLINE = "decline"


class Acceptance(Part):
    """A rep takes a lead on."""

    rep: Name
    assignment_id: UUID


class Refusal(Acceptance):
    """A rep says that a lead is not theirs."""

    reason: Name


def commanded(handling: Handling, command: CommandInput) -> None:
    """Do what was asked, at once, and say what came of it.

    Raises ValueError for a kind that there is not.
    """
    if command.kind == ACCEPT:
        _accept(handling, command, Acceptance.model_validate(command.body))
    elif command.kind == DECLINE:
        _decline(handling, command, Refusal.model_validate(command.body))
    else:
        raise ValueError(f"there is no command {command.kind!r}")


def _accept(handling: Handling, command: CommandInput, asked: Acceptance) -> None:
    held = _current(handling, asked)
    if held is None:
        return
    if held.accepted_at is None:
        handling.events.append(_fact(command, FollowupType.ACCEPTED, asked, None))
        handling.amend(accepted_at=command.time)
    handling.outcome = Accepted(lead=_who_has_it(handling))


def _decline(handling: Handling, command: CommandInput, asked: Refusal) -> None:
    held = _current(handling, asked)
    if held is None:
        return
    reasons = handling.bundle.definitions.reasons_for(FollowupType.DECLINED)
    allowed = tuple(reason.code for reason in reasons)
    if asked.reason not in allowed:
        handling.outcome = UnknownReason(reason=asked.reason, allowed=allowed)
        return
    handling.events.append(_fact(command, FollowupType.DECLINED, asked, asked.reason))
    followups.decline(handling, asked.reason, command.time)
    handling.outcome = Declined(lead=_who_has_it(handling))


def _current(handling: Handling, asked: Acceptance) -> Assignment | None:
    """The current assignment, if it is what was meant; otherwise the outcome says what is."""
    lead = handling.lead
    if lead.scored is None and lead.unrouted is None:
        handling.outcome = UnknownLead(lead_id=handling.given.subject.id)
        return None
    held = lead.held
    if held is None:
        handling.outcome = WithoutOwner(code=lead.unrouted.code if lead.unrouted else None)
        return None
    if asked.rep == held.rep.id and held.has_id(asked.assignment_id):
        return held
    named: Literal["rep", "assignment_id"] = "rep" if asked.rep != held.rep.id else "assignment_id"
    handling.outcome = NotTheOwner(named=named, rep=held.rep.id, assignment_id=held.id)
    return None


def _who_has_it(handling: Handling) -> WhoHasIt:
    lead = handling.lead
    held = lead.held and Holder(
        assignment_id=lead.held.id,
        rep=lead.held.rep.id,
        attempt=lead.held.attempt,
        accepted_at=lead.held.accepted_at,
    )
    unrouted = lead.unrouted and Unrouted(code=lead.unrouted.code, retry_at=lead.unrouted.retry_at)
    return WhoHasIt(lead_id=handling.given.subject.id, assignment=held, unrouted=unrouted)


def _fact(
    command: CommandInput, done: FollowupType, asked: Acceptance, reason: str | None
) -> LeadFollowup:
    return LeadFollowup(
        lead_id=command.subject.id,
        occurred_at=command.time,
        received_at=command.time,
        source="routing",
        type=done,
        rep=asked.rep,
        assignment_id=asked.assignment_id,
        reason=reason,
    )
