"""Leads that sales had before: they are known and scored, and are no new MQLs by that."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from baton.events import ActivityType, FollowupType, History, LeadScored, Outcome, Stage
from baton.runtime.inputs import EventInput
from scoring.domain import Lead

Made = Callable[..., EventInput]
DecideAll = Callable[..., tuple[Lead, list[LeadScored]]]

DAY = timedelta(days=1)


@pytest.fixture
def webinars(activity: Made, now: datetime) -> list[EventInput]:
    """What would make the lead an MQL, from before the import."""
    when = now - DAY
    return [activity(ActivityType.WEBINAR_ATTENDED, when + n * timedelta(hours=1)) for n in (0, 1)]


def test_an_import_is_told_marked_and_asks_for_nobody(
    enquiry: Made, decide_all: DecideAll, now: datetime
) -> None:
    history = History(owner="rep-1")
    _, (told,) = decide_all(enquiry(now - 90 * DAY, history=history))
    assert (told.history, told.new_enquiry) == (history, False)
    assert told.profile.contact.email == "buyer@example.com"


def test_an_import_makes_no_mql(
    enquiry: Made, webinars: list[EventInput], decide_all: DecideAll, now: datetime
) -> None:
    history = enquiry(now - 90 * DAY, history=History())
    _, told = decide_all(*webinars, history)
    assert (told[-1].score.total >= 50, told[-1].stage) == (True, Stage.LEAD)


@pytest.mark.parametrize("stage", Stage)
def test_the_stage_that_is_told_holds(
    stage: Stage, enquiry: Made, webinars: list[EventInput], decide_all: DecideAll, now: datetime
) -> None:
    outcomes = (Outcome(type=FollowupType.CONTACTED, occurred_at=now - 5 * DAY),)
    history = History(stage=stage, outcomes=outcomes)
    _, told = decide_all(*webinars, enquiry(now - 90 * DAY, history=history))
    assert told[-1].stage is stage


@pytest.mark.parametrize(
    ("done", "stage"),
    [
        ([FollowupType.ACCEPTED, FollowupType.MEETING_HELD], Stage.SQL),
        ([FollowupType.WON], Stage.CUSTOMER),
        ([FollowupType.ACCEPTED, FollowupType.LOST], Stage.NURTURE),
    ],
)
def test_without_a_stage_the_outcomes_say_it(
    done: list[FollowupType], stage: Stage, enquiry: Made, decide_all: DecideAll, now: datetime
) -> None:
    outcomes = tuple(
        Outcome(type=type_, occurred_at=now - 30 * DAY + n * DAY) for n, type_ in enumerate(done)
    )
    _, (told,) = decide_all(enquiry(now - 90 * DAY, history=History(outcomes=outcomes)))
    assert told.stage is stage


def test_what_is_heard_of_the_person_later_counts_as_ever(
    enquiry: Made,
    activity: Made,
    webinars: list[EventInput],
    decide_all: DecideAll,
    now: datetime,
) -> None:
    history = enquiry(now - 90 * DAY, history=History(stage=Stage.LEAD))
    trial = activity(ActivityType.TRIAL_STARTED, now + DAY)
    _, told = decide_all(*webinars, history, trial, at=now + DAY)
    assert (told[-1].stage, told[-1].history) == (Stage.MQL, None)


def test_a_new_enquiry_is_an_enquiry_as_ever(
    enquiry: Made, webinars: list[EventInput], decide_all: DecideAll, now: datetime
) -> None:
    history = enquiry(now - 90 * DAY, history=History(stage=Stage.PROSPECT))
    _, told = decide_all(*webinars, history, enquiry(now + DAY), at=now + DAY)
    assert (told[-1].stage, told[-1].new_enquiry) == (Stage.MQL, True)


@pytest.mark.parametrize(
    ("told_stage", "then", "stage"),
    [
        (Stage.SAL, FollowupType.OPPORTUNITY, Stage.OPPORTUNITY),
        (Stage.OPPORTUNITY, FollowupType.ACCEPTED, Stage.OPPORTUNITY),
        (Stage.OPPORTUNITY, FollowupType.LOST, Stage.NURTURE),
        (Stage.CUSTOMER, FollowupType.LOST, Stage.CUSTOMER),
    ],
)
def test_sales_goes_on_from_the_stage_that_was_told(
    told_stage: Stage,
    then: FollowupType,
    stage: Stage,
    enquiry: Made,
    followup: Made,
    decide_all: DecideAll,
    now: datetime,
) -> None:
    history = enquiry(now - 90 * DAY, history=History(stage=told_stage))
    _, told = decide_all(history, followup(then, now + DAY), at=now + DAY)
    assert told[-1].stage is stage


def test_a_followup_from_before_the_import_that_comes_late_is_in_what_was_told(
    enquiry: Made, followup: Made, decide_all: DecideAll, now: datetime
) -> None:
    history = enquiry(now - 90 * DAY, history=History(stage=Stage.SAL))
    _, told = decide_all(history, followup(FollowupType.OPPORTUNITY, now - DAY))
    assert told[-1].stage is Stage.SAL


def test_one_that_was_rejected_does_not_qualify_again_by_an_import(
    enquiry: Made, followup: Made, webinars: list[EventInput], decide_all: DecideAll, now: datetime
) -> None:
    given_back = followup(FollowupType.REJECTED, now - 10 * DAY, reason="spam")
    history = enquiry(now - 5 * DAY, history=History())
    _, told = decide_all(*webinars, given_back, history)
    assert told[-1].stage is Stage.DISQUALIFIED
