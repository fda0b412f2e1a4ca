"""Since when a lead is qualified: what tells routing whether it qualified again after a rejection.

The lead of these tests is an MQL by a trial, which gives enough points by itself.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from baton.events import ActivityType, FollowupType, History, LeadScored, Stage
from baton.policy.bundle import Bundle
from baton.runtime.inputs import EventInput, TimerInput
from baton.subjects import Subject
from scoring.domain import Lead, decide
from scoring.domain.decision import COOLING

A = ActivityType
F = FollowupType
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)

Made = Callable[..., EventInput]
DecideAll = Callable[..., tuple[Lead, list[LeadScored]]]


def _since(told: list[LeadScored]) -> list[datetime | None]:
    return [event.qualified_at for event in told]


def test_a_lead_is_qualified_since_the_fact_that_made_it_so(
    enquiry: Made, activity: Made, decide_all: DecideAll, now: datetime
) -> None:
    trial = activity(A.TRIAL_STARTED, now - HOUR)
    _, told = decide_all(enquiry(now - DAY), trial, activity(A.WEBINAR_ATTENDED, now))
    assert _since(told) == [None, now - HOUR, now - HOUR]


def test_an_older_fact_told_late_does_not_change_since_when(
    enquiry: Made, activity: Made, decide_all: DecideAll, now: datetime
) -> None:
    _, told = decide_all(
        enquiry(now - DAY), activity(A.TRIAL_STARTED, now - HOUR), enquiry(now - 3 * DAY)
    )
    assert _since(told)[-1] == now - HOUR


def test_who_qualifies_again_after_a_rejection_does_so_by_what_came_after_it(
    enquiry: Made, activity: Made, followup: Made, decide_all: DecideAll, now: datetime
) -> None:
    _, told = decide_all(
        enquiry(now - DAY),
        activity(A.TRIAL_STARTED, now - 5 * HOUR),
        followup(F.REJECTED, now - 3 * HOUR, reason="not-now"),
        activity(A.TRIAL_STARTED, now - 2 * HOUR),
    )
    assert _since(told) == [None, now - 5 * HOUR, None, now - 2 * HOUR]


@pytest.mark.parametrize("type_", [F.REJECTED, F.LOST])
def test_a_rejection_told_after_newer_evidence_is_told_of_though_the_stage_is_the_same(
    enquiry: Made, activity: Made, followup: Made, decide_all: DecideAll, now: datetime, type_: F
) -> None:
    _, told = decide_all(
        enquiry(now - DAY),
        activity(A.TRIAL_STARTED, now - 5 * HOUR),
        activity(A.TRIAL_STARTED, now - 2 * HOUR),
        followup(type_, now - 3 * HOUR, reason="not-now"),
    )
    assert [event.stage for event in told[-2:]] == [Stage.MQL, Stage.MQL]
    assert told[-2].score == told[-1].score
    assert _since(told)[-2:] == [now - 5 * HOUR, now - 2 * HOUR]


def test_an_enquiry_after_a_rejection_is_seen_as_such_whatever_comes_in_between(
    enquiry: Made, activity: Made, followup: Made, decide_all: DecideAll, now: datetime
) -> None:
    """An enquiry of days ago comes after it, and then the rejection."""
    _, told = decide_all(
        enquiry(now - 4 * DAY),
        activity(A.TRIAL_STARTED, now - 4 * DAY),
        enquiry(now - HOUR),
        enquiry(now - 3 * DAY),
        followup(F.REJECTED, now - 2 * HOUR, reason="spam"),
    )
    assert told[-1].stage is Stage.MQL
    assert told[-1].qualified_at == now - HOUR


def test_an_older_fact_told_late_does_not_go_past_a_rejection(
    enquiry: Made, activity: Made, followup: Made, decide_all: DecideAll, now: datetime
) -> None:
    _, told = decide_all(
        enquiry(now - DAY),
        followup(F.REJECTED, now - 3 * HOUR, reason="not-now"),
        activity(A.TRIAL_STARTED, now - 2 * HOUR),
        activity(A.TRIAL_STARTED, now - 5 * HOUR),
        enquiry(now - 6 * HOUR),
        followup(F.REJECTED, now - 7 * HOUR, reason="not-now"),
    )
    assert set(_since(told)[2:]) == {now - 2 * HOUR}


def test_an_older_fact_that_qualifies_a_lead_again_makes_it_so_since_the_later_evidence(
    enquiry: Made, activity: Made, followup: Made, decide_all: DecideAll, now: datetime
) -> None:
    """What was known after the rejection was not enough until the company became known."""
    _, told = decide_all(
        enquiry(now - DAY, contact={"country": "DE"}),
        followup(F.REJECTED, now - 3 * HOUR, reason="not-now"),
        activity(A.TRIAL_STARTED, now - 2 * HOUR),
        enquiry(now - 6 * HOUR),
    )
    assert (told[-2].stage, told[-1].stage) == (Stage.NURTURE, Stage.MQL)
    assert told[-1].qualified_at == now - 2 * HOUR


def test_sales_itself_may_take_on_again_what_it_gave_back_in_the_same_minute(
    enquiry: Made, followup: Made, decide_all: DecideAll, now: datetime
) -> None:
    _, told = decide_all(
        enquiry(now - DAY),
        followup(F.REJECTED, now - HOUR, id_=1, reason="not-now"),
        followup(F.ACCEPTED, now - HOUR, id_=2),
    )
    assert told[-1].stage is Stage.SAL
    assert told[-1].qualified_at is not None
    assert told[-1].qualified_at > now - HOUR


def test_what_was_lost_after_it_was_won_breaks_nothing(
    enquiry: Made, followup: Made, decide_all: DecideAll, now: datetime
) -> None:
    _, told = decide_all(
        enquiry(now - DAY), followup(F.WON, now - 2 * HOUR), followup(F.LOST, now - HOUR)
    )
    assert _since(told) == [None, now - 2 * HOUR]


def test_a_rejection_that_is_no_verdict_breaks_nothing(
    enquiry: Made, activity: Made, followup: Made, decide_all: DecideAll, now: datetime
) -> None:
    _, told = decide_all(
        enquiry(now - DAY),
        activity(A.TRIAL_STARTED, now - 2 * HOUR),
        followup(F.REJECTED, now - HOUR, reason="not-mine"),
    )
    assert _since(told) == [None, now - 2 * HOUR]


def test_a_trial_lead_is_not_qualified_whatever_its_stage(
    enquiry: Made, activity: Made, decide_all: DecideAll, now: datetime
) -> None:
    _, told = decide_all(enquiry(now, test=True), activity(A.TRIAL_STARTED))
    assert told[-1].stage is Stage.MQL
    assert set(_since(told)) == {None}


def test_a_real_enquiry_of_a_trial_lead_qualifies_it_from_then_on(
    enquiry: Made, activity: Made, decide_all: DecideAll, now: datetime
) -> None:
    _, told = decide_all(
        enquiry(now - DAY, test=True), activity(A.TRIAL_STARTED, now - DAY), enquiry(now)
    )
    assert told[-1].qualified_at == now


def test_an_import_alone_does_not_qualify_and_what_is_heard_later_does(
    enquiry: Made, activity: Made, decide_all: DecideAll, now: datetime
) -> None:
    imported = enquiry(now - 90 * DAY, history=History(stage=Stage.SAL))
    _, told = decide_all(imported, activity(A.PAGE_VIEWED, now + HOUR), at=now + HOUR)
    assert [event.stage for event in told] == [Stage.SAL, Stage.SAL]
    assert _since(told) == [None, now + HOUR]


def test_a_rejection_from_before_an_import_that_is_told_after_it_is_a_break(
    enquiry: Made, activity: Made, followup: Made, decide_all: DecideAll, now: datetime
) -> None:
    """The import says that sales has the lead again."""
    _, told = decide_all(
        enquiry(now - 3 * DAY),
        activity(A.TRIAL_STARTED, now - 3 * DAY),
        enquiry(now - 90 * DAY, history=History(stage=Stage.SAL)),
        followup(F.REJECTED, now - DAY, reason="not-now"),
    )
    assert told[-1].stage is Stage.SAL
    assert _since(told)[-2:] == [now - 3 * DAY, now]


def test_a_trial_enquiry_hides_no_change_from_routing_which_passes_it_over(
    enquiry: Made,
    activity: Made,
    changed_bundle: Callable[[str, str, str], Bundle],
    decide_all: DecideAll,
    now: datetime,
) -> None:
    lead, _ = decide_all(enquiry(now - DAY))
    earlier = changed_bundle("routing.yaml", "rules:", "from_stage: lead\nrules:")
    told: list[LeadScored] = []
    state: Lead | None = lead
    for each in (enquiry(now, test=True), activity(A.OTHER, now)):
        decision = decide(state, None, each, earlier, now)
        state = decision.state
        told += [event for event in decision.events if isinstance(event, LeadScored)]
    assert [(event.test, event.qualified_at) for event in told] == [(True, now), (False, now)]


@pytest.mark.parametrize("rejected", [True, False])
def test_a_lead_that_cooled_and_qualifies_again_does_so_since_then(
    enquiry: Made,
    activity: Made,
    followup: Made,
    decide_all: DecideAll,
    bundle: Bundle,
    now: datetime,
    rejected: bool,  # noqa: FBT001 - the case
) -> None:
    """Also where it qualifies by a fact that happened before it cooled."""
    before = [followup(F.REJECTED, now - HOUR, reason="not-now")] if rejected else []
    lead, (*_, hot) = decide_all(enquiry(now - DAY), *before, activity(A.WEBINAR_ATTENDED, now))
    assert (hot.stage, hot.qualified_at) == (Stage.MQL, now)
    due = now + 5 * DAY
    timer = TimerInput(id=UUID(int=7), subject=Subject.lead(hot.lead_id), name=COOLING, due_at=due)
    cooled = decide(lead, None, timer, bundle, due)
    (event,) = cooled.events
    assert isinstance(event, LeadScored)
    assert event.qualified_at is None
    late = activity(A.TRIAL_STARTED, now + DAY)
    (again,) = decide(cooled.state, None, late, bundle, due + DAY).events
    assert isinstance(again, LeadScored)
    assert again.qualified_at == due


def test_a_timer_that_qualifies_a_lead_does_so_when_it_is_due(
    enquiry: Made,
    activity: Made,
    changed_bundle: Callable[[str, str, str], Bundle],
    decide_all: DecideAll,
    now: datetime,
) -> None:
    """The bundle has changed since the last fact."""
    lead, told = decide_all(enquiry(now), activity(A.PAGE_VIEWED, now, subject="/pricing"))
    earlier = changed_bundle("routing.yaml", "rules:", "from_stage: lead\nrules:")
    due = now + HOUR
    timer = TimerInput(
        id=UUID(int=7), subject=Subject.lead(told[0].lead_id), name=COOLING, due_at=due
    )
    (event,) = decide(lead, None, timer, earlier, due).events
    assert isinstance(event, LeadScored)
    assert event.qualified_at == due


def test_a_lead_that_an_older_release_told_of_says_its_oldest_enquiry_once(
    enquiry: Made, activity: Made, decide_all: DecideAll, bundle: Bundle, now: datetime
) -> None:
    """It never seems to have qualified after a rejection that scoring has not read yet."""
    lead, _ = decide_all(enquiry(now - DAY), activity(A.TRIAL_STARTED, now - HOUR))
    new = {"qualified_at", "lapsed_at", "consent"}
    old = Lead.model_validate(lead.model_dump(exclude={"told": new}))
    first = decide(old, None, activity(A.OTHER, now), bundle, now)
    assert [e.qualified_at for e in first.events if isinstance(e, LeadScored)] == [now - DAY]
    assert decide(first.state, None, activity(A.OTHER, now), bundle, now).events == ()
