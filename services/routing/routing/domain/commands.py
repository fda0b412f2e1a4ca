"""What a rep asks for by HTTP: to accept a lead, or to decline it."""

from datetime import datetime
from uuid import UUID

from pydantic import JsonValue

from baton.events import FollowupType, LeadFollowup
from baton.runtime.inputs import Answer, CommandInput
from baton.values import Moment, Name
from routing.domain import followups
from routing.domain.handling import Handling
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


class Refused(Part):
    """Why a command was not done; `field` is what of it does not fit."""

    title: str
    detail: str = ""
    field: str | None = None


class Holder(Part):
    """Who has a lead."""

    assignment_id: UUID
    rep: str
    attempt: int
    accepted_at: Moment | None


class Unrouted(Part):
    """Why nobody has the lead, as last told; it is tried again at `retry_at`."""

    code: Name
    retry_at: datetime | None


class WhoHasIt(Part):
    """Who has a lead now; where nobody has, `unrouted` says why."""

    lead_id: UUID
    assignment: Holder | None
    unrouted: Unrouted | None


def commanded(handling: Handling, given: CommandInput) -> None:
    """Do what was asked, at once, and answer. Raises ValueError for a kind that there is not."""
    if given.kind == ACCEPT:
        _accept(handling, given, Acceptance.model_validate(given.body))
    elif given.kind == DECLINE:
        _decline(handling, given, Refusal.model_validate(given.body))
    else:
        raise ValueError(f"there is no command {given.kind!r}")


def _accept(handling: Handling, given: CommandInput, asked: Acceptance) -> None:
    held = _current(handling, asked)
    if held is None:
        return
    if held.accepted_at is None:
        handling.events.append(_fact(given, FollowupType.ACCEPTED, asked, None))
        handling.amend(accepted_at=given.time)
    handling.answer = Answer(200, _who_has_it(handling))


def _decline(handling: Handling, given: CommandInput, asked: Refusal) -> None:
    held = _current(handling, asked)
    if held is None:
        return
    reasons = handling.bundle.definitions.reasons_for(FollowupType.DECLINED)
    codes = [reason.code for reason in reasons]
    if asked.reason not in codes:
        detail = f"no reason to decline a lead is {asked.reason!r}; there are {', '.join(codes)}"
        handling.answer = _refused(422, "Unknown reason", detail, field="reason")
        return
    handling.events.append(_fact(given, FollowupType.DECLINED, asked, asked.reason))
    followups.decline(handling, asked.reason, given.time)
    handling.answer = Answer(200, _who_has_it(handling))


def _current(handling: Handling, asked: Acceptance) -> Assignment | None:
    """The current assignment, if it is what was meant; otherwise the answer says what is."""
    if handling.lead.scored is None and handling.lead.unrouted is None:
        handling.answer = _refused(
            404, "Unknown lead", f"lead {handling.given.lead_id} is not known"
        )
        return None
    held = handling.lead.held
    if held is None:
        unrouted = handling.lead.unrouted
        why = f" ({unrouted.code})" if unrouted else ""
        detail = f"nobody has the lead now{why}"
        handling.answer = _refused(409, "Not the current assignment", detail, field="assignment_id")
        return None
    if asked.rep == held.rep.id and held.has_id(asked.assignment_id):
        return held
    field = "rep" if asked.rep != held.rep.id else "assignment_id"
    detail = f"{held.rep.id} has the lead now, by assignment {held.id}"
    handling.answer = _refused(409, "Not the current assignment", detail, field=field)
    return None


def _refused(status: int, title: str, detail: str, field: str | None = None) -> Answer:
    return Answer(status, Refused(title=title, detail=detail, field=field).model_dump())


def _who_has_it(handling: Handling) -> JsonValue:
    lead = handling.lead
    held = lead.held and Holder(
        assignment_id=lead.held.id,
        rep=lead.held.rep.id,
        attempt=lead.held.attempt,
        accepted_at=lead.held.accepted_at,
    )
    unrouted = lead.unrouted and Unrouted(code=lead.unrouted.code, retry_at=lead.unrouted.retry_at)
    now = WhoHasIt(lead_id=handling.given.lead_id, assignment=held, unrouted=unrouted)
    body: JsonValue = now.model_dump(mode="json")
    return body


def _fact(
    given: CommandInput, done: FollowupType, asked: Acceptance, reason: str | None
) -> LeadFollowup:
    return LeadFollowup(
        lead_id=given.lead_id,
        occurred_at=given.time,
        received_at=given.time,
        source="routing",
        type=done,
        rep=asked.rep,
        assignment_id=asked.assignment_id,
        reason=reason,
    )
