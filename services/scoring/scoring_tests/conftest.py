"""A bundle and facts to try decisions on."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from uuid import UUID

import pytest

from baton.cloudevents import Event
from baton.events import (
    ActivityType,
    FollowupType,
    History,
    LeadActivity,
    LeadCaptured,
    LeadErased,
    LeadEvent,
    LeadFollowup,
    LeadScored,
    Profile,
)
from baton.policy.bundle import Bundle
from baton.runtime.inputs import EventInput, Input
from scoring.domain import Lead, decide
from scoring.policy.reads import READS

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
LEAD_ID = UUID("00000000-0000-8000-8000-00000000abcd")

BUNDLE = {
    "definitions.yaml": """\
custom_fields:
  - {name: seats, label: Seats, type: integer, personal: false}
grades:
  - {id: A, label: Good}
  - {id: B, label: Fair}
  - {id: C, label: Poor}
stages:
  prospect:
    label: Somebody who can be reached
    when: {field: contact.email, exists: true}
  lead:
    label: Fits
    when: {field: score.fit, at_least: 20}
  mql:
    label: Ready for sales
    when:
      all:
        - {field: score.fit, at_least: 20}
        - {field: score.total, at_least: 50}
reasons:
  - {code: not-mine, label: Not mine, then: reroute}
  - {code: not-now, label: Not now, then: nurture}
  - {code: spam, label: Spam, then: disqualified}
""",
    "scoring.yaml": """\
fit:
  - id: mid-size
    label: A company of 100 people or more
    when: {field: company.employees, at_least: 100}
    points: 25
  - id: served
    label: A country that we serve
    when: {field: contact.country, in: [DE, NO]}
    points: 10
  - id: student
    label: A student
    when: {field: contact.job_title, matches: student}
    points: -30
engagement:
  - id: webinar
    label: Attended a webinar
    when: {field: activity.type, equals: webinar_attended}
    points: 15
    at_most: 30
    half_life_days: 10
  - id: pricing
    label: Looked at the prices
    when:
      all:
        - {field: activity.type, equals: page_viewed}
        - {field: activity.subject, contains: /pricing}
    points: 8
    at_most: 20
    half_life_days: 7
  - id: trial
    label: Started a trial
    when: {field: activity.type, equals: trial_started}
    points: 20
  - id: unsubscribed
    label: Unsubscribed
    when: {field: activity.type, equals: unsubscribed}
    points: -25
    at_most: 25
grades:
  by: total
  at_least: {A: 50, B: 20}
  otherwise: C
""",
    "routing.yaml": """\
reassign_on_breach: true
rules:
  - {id: everybody, label: Everybody, pool: all, role: sales, sla: standard}
pools:
  - id: all
    label: All
    members: [{rep: rep-1}]
    capacity: 10
    max_attempts: 2
    retry_after: 10m
""",
}


Made = Callable[..., EventInput]
_ids = count(1_000)


@pytest.fixture(scope="session")
def now() -> datetime:
    """A Monday, noon."""
    return NOW


@pytest.fixture(scope="session")
def lead_id() -> UUID:
    """Whose events the others make."""
    return LEAD_ID


@pytest.fixture(scope="session")
def enquiry() -> Made:
    """Makes an enquiry of these parts of a profile; without any, of somebody who fits.

    One that is history is imported now.
    """

    def make(
        at: datetime = NOW,
        *,
        id_: int | None = None,
        test: bool = False,
        history: History | None = None,
        **profile: object,
    ) -> EventInput:
        parts = profile or {
            "contact": {"email": "buyer@example.com", "country": "DE"},
            "company": {"name": "Example Works", "employees": 250},
        }
        data = LeadCaptured(
            lead_id=LEAD_ID,
            occurred_at=at,
            received_at=at if history is None else NOW,
            profile=Profile.model_validate({"brand": "main", "source": "website", **parts}),
            test=test,
            history=history,
        )
        return _input(data, id_)

    return make


@pytest.fixture(scope="session")
def activity() -> Made:
    """Makes something that the lead, or a bot, did."""

    def make(
        type_: ActivityType,
        at: datetime = NOW,
        *,
        id_: int | None = None,
        subject: str | None = None,
        bot: bool = False,
    ) -> EventInput:
        data = LeadActivity(
            lead_id=LEAD_ID,
            occurred_at=at,
            received_at=at,
            source="website",
            type=type_,
            subject=subject,
            bot=bot,
        )
        return _input(data, id_)

    return make


@pytest.fixture(scope="session")
def followup() -> Made:
    """Makes something that sales did."""

    def make(
        type_: FollowupType,
        at: datetime = NOW,
        *,
        id_: int | None = None,
        reason: str | None = None,
    ) -> EventInput:
        data = LeadFollowup(
            lead_id=LEAD_ID,
            occurred_at=at,
            received_at=at,
            source="crm",
            type=type_,
            reason=reason,
        )
        return _input(data, id_)

    return make


@pytest.fixture(scope="session")
def erasure() -> Made:
    """The person asks to be forgotten."""

    def make(at: datetime = NOW) -> EventInput:
        data = LeadErased(lead_id=LEAD_ID, occurred_at=at, requested_by="dpo", why="asked for it")
        return _input(data, None)

    return make


@pytest.fixture(scope="session")
def bundle() -> Bundle:
    """A small bundle: fit up to 35 points, an MQL from 50 in total."""
    return Bundle.parse(BUNDLE, READS)


@pytest.fixture(scope="session")
def changed_bundle() -> Callable[[str, str, str], Bundle]:
    """The small bundle with one text of one file replaced; it must be there."""

    def change(file: str, old: str, new: str) -> Bundle:
        assert old in BUNDLE[file]
        return Bundle.parse({**BUNDLE, file: BUNDLE[file].replace(old, new, 1)}, READS)

    return change


@pytest.fixture(scope="session")
def decide_all(bundle: Bundle) -> Callable[..., tuple[Lead, list[LeadScored]]]:
    """Decides on inputs in their order, all at one time; gives the state and what was told."""

    def run(
        *given: Input, at: datetime = NOW, under: Bundle = bundle
    ) -> tuple[Lead, list[LeadScored]]:
        state: Lead | None = None
        told: list[LeadScored] = []
        for each in given:
            decision = decide(state, None, each, under, at)
            state = decision.state
            told += [event for event in decision.events if isinstance(event, LeadScored)]
        return state or Lead(), told

    return run


def _input(data: LeadEvent, id_: int | None) -> EventInput:
    event: Event[LeadEvent] = Event(
        id=UUID(int=next(_ids) if id_ is None else id_),
        source="/test",
        time=data.occurred_at,
        subject=str(LEAD_ID),
        data=data,
    )
    return EventInput(event)
