"""Where a lead stands, by marketing's definitions and by what sales does."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from baton.events import ActivityType, FollowupType, LeadScored, Stage
from baton.policy.bundle import Bundle
from baton.runtime.inputs import EventInput
from scoring.domain import Lead

A = ActivityType
F = FollowupType
DAY = timedelta(days=1)

Made = Callable[..., EventInput]
DecideAll = Callable[..., tuple[Lead, list[LeadScored]]]


@pytest.mark.parametrize(
    ("profile", "stage"),
    [
        ({"request": {"message": "hello"}}, Stage.SUSPECT),
        ({"contact": {"email": "somebody@example.com"}}, Stage.PROSPECT),
        ({"company": {"employees": 100}}, Stage.LEAD),
    ],
)
def test_before_sales_does_anything_the_highest_definition_that_holds_is_the_stage(
    enquiry: Made, decide_all: DecideAll, profile: dict[str, object], stage: Stage
) -> None:
    _, told = decide_all(enquiry(**profile))
    assert told[-1].stage is stage


def test_engagement_makes_a_fitting_lead_an_mql(
    enquiry: Made, activity: Made, decide_all: DecideAll
) -> None:
    _, told = decide_all(enquiry(), activity(A.WEBINAR_ATTENDED))
    assert [event.stage for event in told] == [Stage.LEAD, Stage.MQL]
    assert told[-1].stage_before is Stage.LEAD


@pytest.mark.parametrize(
    ("done", "stage"),
    [
        ([F.ACCEPTED], Stage.SAL),
        ([F.CLAIMED], Stage.SAL),
        ([F.MEETING_BOOKED], Stage.SAL),
        ([F.MEETING_BOOKED, F.MEETING_HELD], Stage.SQL),
        ([F.ACCEPTED, F.CONVERTED], Stage.SQL),
        ([F.ACCEPTED, F.OPPORTUNITY], Stage.OPPORTUNITY),
        ([F.OPPORTUNITY, F.ACCEPTED], Stage.OPPORTUNITY),
        ([F.OPPORTUNITY, F.WON], Stage.CUSTOMER),
        ([F.OPPORTUNITY, F.LOST], Stage.NURTURE),
        ([F.LOST, F.ACCEPTED], Stage.SAL),
        ([F.WON, F.LOST], Stage.CUSTOMER),
        ([F.WON, F.OPPORTUNITY], Stage.CUSTOMER),
        ([F.WON, F.REJECTED], Stage.CUSTOMER),
        ([F.REJECTED], Stage.NURTURE),
    ],
)
def test_what_sales_did_moves_a_lead_up_until_it_is_given_back(
    enquiry: Made,
    followup: Made,
    decide_all: DecideAll,
    now: datetime,
    done: list[F],
    stage: Stage,
) -> None:
    started = now - 10 * DAY
    followups = [followup(type_, started + i * DAY) for i, type_ in enumerate(done, start=1)]
    _, told = decide_all(enquiry(started), *followups)
    assert told[-1].stage is stage


@pytest.mark.parametrize(
    "type_",
    [
        F.DECLINED,
        F.ATTEMPTED,
        F.CONTACTED,
        F.MEETING_MISSED,
        F.MEETING_MOVED,
        F.DISPOSITION,
        F.OWNER_CHANGED,
        F.MERGED,
        F.DELETED,
        F.NOTE,
    ],
)
def test_a_followup_that_says_nothing_of_quality_is_kept_and_changes_nothing(
    enquiry: Made, followup: Made, decide_all: DecideAll, type_: F
) -> None:
    lead, told = decide_all(enquiry(), followup(type_, reason="not-mine"))
    assert len(lead.followups) == 1
    assert [event.stage for event in told] == [Stage.LEAD]


@pytest.mark.parametrize(
    ("reason", "stage"),
    [
        ("not-now", Stage.NURTURE),
        ("spam", Stage.DISQUALIFIED),
        ("no-longer-in-the-table", Stage.NURTURE),
        ("not-mine", Stage.LEAD),
    ],
)
@pytest.mark.parametrize("type_", [F.REJECTED, F.LOST])
def test_the_reason_says_what_becomes_of_a_lead_that_sales_gives_back(
    enquiry: Made,
    followup: Made,
    decide_all: DecideAll,
    type_: F,
    reason: str,
    stage: Stage,
) -> None:
    _, told = decide_all(enquiry(), followup(type_, reason=reason))
    assert told[-1].stage is stage


def test_a_bundle_with_another_table_of_reasons_sees_the_same_rejection_otherwise(
    enquiry: Made,
    followup: Made,
    changed_bundle: Callable[[str, str, str], Bundle],
    decide_all: DecideAll,
) -> None:
    stricter = changed_bundle("definitions.yaml", "then: nurture", "then: disqualified")
    _, told = decide_all(enquiry(), followup(F.REJECTED, reason="not-now"), under=stricter)
    assert told[-1].stage is Stage.DISQUALIFIED


def test_a_rejected_lead_does_not_qualify_again_by_what_sales_had_seen(
    enquiry: Made, activity: Made, followup: Made, decide_all: DecideAll, now: datetime
) -> None:
    _, told = decide_all(
        enquiry(now - 3 * DAY),
        activity(A.TRIAL_STARTED, now - 3 * DAY),
        followup(F.REJECTED, now - 2 * DAY, reason="not-now"),
        activity(A.PAGE_VIEWED, now - DAY, subject="/pricing"),
    )
    assert told[-1].score.total >= 50
    assert told[-1].stage is Stage.NURTURE


def test_a_lead_in_nurture_qualifies_again_by_what_it_does_since(
    enquiry: Made, activity: Made, followup: Made, decide_all: DecideAll, now: datetime
) -> None:
    _, told = decide_all(
        enquiry(now - 3 * DAY),
        followup(F.REJECTED, now - 2 * DAY, reason="not-now"),
        activity(A.TRIAL_STARTED, now - DAY),
    )
    assert told[-1].stage is Stage.MQL


def test_a_lead_given_back_qualifies_again_by_a_new_enquiry(
    enquiry: Made, activity: Made, followup: Made, decide_all: DecideAll, now: datetime
) -> None:
    for reason in ("not-now", "spam"):
        _, told = decide_all(
            enquiry(now - 3 * DAY),
            activity(A.TRIAL_STARTED, now - 3 * DAY),
            followup(F.REJECTED, now - 2 * DAY, reason=reason),
            enquiry(now - DAY),
        )
        assert told[-1].stage is Stage.MQL


def test_a_disqualified_lead_does_not_qualify_again_by_engagement_alone(
    enquiry: Made, activity: Made, followup: Made, decide_all: DecideAll, now: datetime
) -> None:
    _, told = decide_all(
        enquiry(now - 3 * DAY),
        followup(F.REJECTED, now - 2 * DAY, reason="spam"),
        activity(A.TRIAL_STARTED, now - DAY),
        activity(A.WEBINAR_ATTENDED, now - DAY),
    )
    assert told[-1].stage is Stage.DISQUALIFIED


def test_a_lead_given_back_stays_so_where_its_new_enquiry_does_not_make_it_an_mql(
    enquiry: Made, followup: Made, decide_all: DecideAll, now: datetime
) -> None:
    _, told = decide_all(
        enquiry(now - 3 * DAY),
        followup(F.REJECTED, now - 2 * DAY, reason="not-now"),
        enquiry(now - DAY),
    )
    assert told[-1].stage is Stage.NURTURE
    assert told[-1].new_enquiry


def test_the_reasons_name_the_followup_that_decides_the_stage(
    enquiry: Made, followup: Made, decide_all: DecideAll
) -> None:
    _, told = decide_all(enquiry(), followup(F.REJECTED, reason="spam"))
    first = told[-1].reasons[0]
    assert (first.code, first.label, first.value) == (
        "followup.rejected",
        "Sales: rejected, Spam",
        "spam",
    )
