"""Scoring's decision on each input."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from baton import identity, topics
from baton.events import (
    History,
    LeadActivity,
    LeadCaptured,
    LeadErased,
    LeadFollowup,
    LeadScored,
)
from baton.policy.bundle import Bundle
from baton.runtime.decisions import Arm, Decision, Row
from baton.runtime.inputs import CommandInput, EventInput, Input, Subscription, TimerInput
from scoring.domain import points, qualifying
from scoring.domain.assessment import Assessment, assess
from scoring.domain.state import Lead, PublishedScore

SUBSCRIPTION = Subscription(
    topics=(
        topics.LEAD_CAPTURED,
        topics.LEAD_ACTIVITY,
        topics.LEAD_FOLLOWUP,
        topics.LEAD_SLA,
        topics.LEAD_IDENTITY,
    ),
    uses=(LeadCaptured, LeadActivity, LeadFollowup, LeadErased),
)
"""`lead-sla` is subscribed to from the first day; a later release decides on what it says."""

COOLING = "cooling"
"""The timer that looks, once a day, whether a lead's grade or stage has decayed."""

_DAY = timedelta(days=1)


class NotForScoringError(TypeError):
    """An input that this release of scoring does not decide on."""


@dataclass(frozen=True, slots=True)
class ScoreChange(Row):
    """One `lead.scored` for the lead's history; `number` counts them from 1, `at` is `ce_time`."""

    number: int
    event_id: UUID
    at: datetime
    policy: str
    event: LeadScored


def decide(
    state: Lead | None,
    shared: None,  # noqa: ARG001 - what the shards share, which is nothing here
    cause: Input,
    bundle: Bundle,
    now: datetime,
) -> Decision[Lead, None]:
    """Store the fact and publish `lead.scored` if needed. Each enquiry is published, also a late
    one, because a person waits for an answer. An activity or follow-up is published if it changes
    score, grade or stage; the passing of time, if it changes grade or stage. A change of
    `qualified_at` or of the consent is published too. A lead without an enquiry has no profile yet
    and is not published.

    Raises NotForScoringError for any other event, timer or command: a dead letter keeps it for a
    release that knows it.
    """
    match cause:
        case EventInput():
            return _on_event(state, cause, bundle, now)
        case TimerInput(name=name) if name == COOLING:
            return _on_cooling(state, cause, bundle, now)
        case TimerInput(name=name):
            msg = f"scoring has no timer {name!r}"
            raise NotForScoringError(msg)
        case CommandInput():
            msg = f"scoring takes no commands, and this is one: {cause.kind}"
            raise NotForScoringError(msg)


def _on_event(
    state: Lead | None, event: EventInput, bundle: Bundle, now: datetime
) -> Decision[Lead, None]:
    before = state or Lead()
    data = event.event.data
    match data:
        case LeadErased():
            return _since_erased(before, event, data, bundle, now)
        case LeadCaptured():
            if any(enquiry.id == event.id for enquiry in before.enquiries):
                return Decision(state)
            lead = before.with_enquiry(event.id, data)
            cause = _captured(event, data.occurred_at, event.id, data.history, test=data.test)
        case LeadActivity() | LeadFollowup():
            if isinstance(data, LeadActivity):
                lead = before.with_activity(event.id, data)
            else:
                lead = before.with_followup(event.id, data)
            if lead is before:
                return Decision(state)
            if not lead.enquiries:
                return Decision(points.counted(lead, bundle))
            cause = _without_enquiry(lead, event, data.occurred_at)
        case _:
            msg = f"scoring does not decide on {data.event_type}"
            raise NotForScoringError(msg)
    lead = points.counted(lead, bundle)
    found = assess(lead, bundle, now)
    told = lead.told
    changed = told is None or (told.score, told.stage) != (found.score, found.stage)
    tell = cause.new_enquiry or cause.history is not None or changed
    return _decision(lead, cause, found, bundle, now, tell=tell)


def _since_erased(
    before: Lead, event: EventInput, data: LeadErased, bundle: Bundle, now: datetime
) -> Decision[Lead, None]:
    """If an enquiry from after the erasure was read before it, its score is published again, as the
    lead's first one.
    """
    lead = before.since(data.occurred_at)
    if lead == Lead():
        return Decision(None)
    lead = points.counted(lead, bundle)
    if not lead.enquiries:
        return Decision(lead)
    latest = lead.counted_enquiries[-1]
    cause = _captured(event, latest.occurred_at, latest.id, latest.history, test=latest.test)
    return _decision(lead, cause, assess(lead, bundle, now), bundle, now, tell=True)


def _on_cooling(
    state: Lead | None, timer: TimerInput, bundle: Bundle, now: datetime
) -> Decision[Lead, None]:
    if state is None or not state.enquiries:
        return Decision(state)
    lead = points.counted(state, bundle)
    found = assess(lead, bundle, now)
    cause = _without_enquiry(lead, timer, timer.due_at)
    told = lead.told
    changed = told is None or (told.score.grade, told.stage) != (found.score.grade, found.stage)
    return _decision(lead, cause, found, bundle, now, tell=changed)


@dataclass(frozen=True, slots=True)
class _Cause:
    """Why a lead is looked at, and the enquiry that its score is then about."""

    given: EventInput | TimerInput
    occurred_at: datetime
    enquiry: UUID
    new_enquiry: bool
    test: bool
    history: History | None = None


def _captured(
    given: EventInput, at: datetime, enquiry: UUID, history: History | None, *, test: bool
) -> _Cause:
    return _Cause(given, at, enquiry, new_enquiry=history is None, test=test, history=history)


def _without_enquiry(lead: Lead, given: EventInput | TimerInput, occurred_at: datetime) -> _Cause:
    latest = lead.counted_enquiries[-1]
    return _Cause(given, occurred_at, latest.id, new_enquiry=False, test=latest.test)


def _decision(
    lead: Lead, cause: _Cause, found: Assessment, bundle: Bundle, now: datetime, *, tell: bool
) -> Decision[Lead, None]:
    given = cause.given
    due = _next_look(given.subject.id, now) if found.engagement.cools else None
    arm = (Arm(COOLING, due),) if due is not None and due != lead.cools_at else ()
    cancel = (COOLING,) if due is None and lead.cools_at is not None else ()
    qualified_at = qualifying.qualified_at(lead, cause.occurred_at, found.stage, bundle)
    if not tell and not _says_more(lead.told, found, qualified_at):
        return Decision(lead.model_copy(update={"cools_at": due}), arm=arm, cancel=cancel)
    event = LeadScored(
        lead_id=given.subject.id,
        occurred_at=cause.occurred_at,
        cause=given.id,
        enquiry=cause.enquiry,
        new_enquiry=cause.new_enquiry,
        score=found.score,
        stage_before=lead.told.stage if lead.told else None,
        stage=found.stage,
        reasons=found.reasons(),
        profile=found.profile,
        test=cause.test,
        history=cause.history,
        qualified_at=qualified_at,
    )
    told = _told(lead, event, bundle, by_time=isinstance(given, TimerInput))
    row = ScoreChange(
        number=told.number,
        event_id=identity.following_id(given.id, given.time, event.event_type, 0),
        at=now,
        policy=bundle.hash,
        event=event,
    )
    after = lead.model_copy(update={"cools_at": due, "told": told})
    return Decision(after, events=(event,), arm=arm, cancel=cancel, rows=(row,))


def _says_more(
    told: PublishedScore | None, found: Assessment, qualified_at: datetime | None
) -> bool:
    """Whether routing needs the event although score, grade and stage are unchanged."""
    if told is None:
        return True
    consent = found.profile.consent.status
    return told.qualified_at != qualified_at or told.consent not in (None, consent)


def _told(lead: Lead, event: LeadScored, bundle: Bundle, *, by_time: bool) -> PublishedScore:
    """The score as it is published by this event. Readers ignore events of test enquiries, so for a
    real lead such an event does not count as published.
    """
    before = lead.told
    told = PublishedScore(
        number=before.number + 1 if before else 1,
        score=event.score,
        stage=event.stage,
        qualified_at=event.qualified_at,
        lapsed_at=before.lapsed_at if before else None,
        consent=event.profile.consent.status,
    )
    if before is None:
        return told
    if event.test and not lead.is_test:
        unheard = ("qualified_at", "consent")
        return told.model_copy(update={name: getattr(before, name) for name in unheard})
    since = qualifying.known_since(lead, bundle)
    if by_time and since is not None and told.qualified_at is None:
        return told.model_copy(update={"lapsed_at": event.occurred_at})
    return told


def _next_look(lead_id: UUID, now: datetime) -> datetime:
    """Once a day, at a time of day (UTC) of the lead's own, so that not all are due at once."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    due = midnight + timedelta(seconds=lead_id.int % int(_DAY.total_seconds()))
    return due if due > now else due + _DAY
