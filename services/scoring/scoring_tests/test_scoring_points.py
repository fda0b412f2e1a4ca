"""Points and their reasons. How points decay is tested in test_scoring_worth."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from baton.events import ActivityType, FollowupType, LeadActivity, LeadCaptured, LeadScored, Reason
from baton.policy.bundle import Bundle
from baton.runtime.inputs import EventInput
from scoring.domain import Lead, assess_profile
from scoring.domain.assessment import NOT_MATCHED_TOLD, VALUE_TOLD

A = ActivityType
DAY = timedelta(days=1)

Made = Callable[..., EventInput]
DecideAll = Callable[..., tuple[Lead, list[LeadScored]]]


@pytest.mark.parametrize(
    ("done", "engagement", "grade"),
    [
        ([], 0, "B"),
        ([(A.WEBINAR_ATTENDED, 0, None)], 15, "A"),
        ([(A.WEBINAR_ATTENDED, 10, None)], 8, "B"),
        ([(A.WEBINAR_ATTENDED, 0, None)] * 3, 30, "A"),
        ([(A.WEBINAR_ATTENDED, -5, None)], 15, "A"),
        ([(A.WEBINAR_ATTENDED, 3650, None)], 0, "B"),
        ([(A.PAGE_VIEWED, 0, "https://www.example.com/Pricing?a=1")], 8, "B"),
        ([(A.PAGE_VIEWED, 0, None)], 0, "B"),
        ([(A.TRIAL_STARTED, 3650, None)], 20, "A"),
        ([(A.UNSUBSCRIBED, 0, None)], -25, "C"),
        (
            [(A.UNSUBSCRIBED, 0, None), (A.UNSUBSCRIBED, 1, None), (A.TRIAL_STARTED, 0, None)],
            -5,
            "B",
        ),
    ],
)
def test_engagement_counts_up_to_a_cap_and_halves_with_time(
    enquiry: Made,
    activity: Made,
    decide_all: DecideAll,
    now: datetime,
    done: list[tuple[A, int, str | None]],
    engagement: int,
    grade: str,
) -> None:
    _, told = decide_all(
        *[activity(type_, now - ago * DAY, subject=subject) for type_, ago, subject in done],
        enquiry(),
    )
    score = told[-1].score
    assert (score.fit, score.engagement, score.total) == (35, engagement, 35 + engagement)
    assert score.grade == grade


def test_the_points_of_the_reasons_add_up_to_the_score(
    enquiry: Made, activity: Made, decide_all: DecideAll
) -> None:
    _, told = decide_all(
        enquiry(contact={"country": "DE", "job_title": "Student"}, company={"employees": 100}),
        activity(A.WEBINAR_ATTENDED),
        activity(A.UNSUBSCRIBED),
    )
    assert sum(reason.points or 0 for reason in told[-1].reasons) == told[-1].score.total == -5


def test_each_criterion_says_what_it_saw_and_whether_it_could_tell(
    enquiry: Made, activity: Made, decide_all: DecideAll
) -> None:
    _, told = decide_all(
        enquiry(contact={"country": "ZZ"}, company={"employees": 250}),
        activity(A.WEBINAR_ATTENDED),
        activity(A.WEBINAR_ATTENDED),
    )
    seen = {r.code: (r.matched, r.field, r.value, r.points) for r in told[-1].reasons}
    assert seen["fit.mid-size"] == (True, "company.employees", 250, 25)
    assert seen["fit.served"] == (False, "contact.country", "ZZ", 0)
    assert seen["fit.student"] == (None, "contact.job_title", None, 0)
    assert seen["engagement.webinar"] == (True, "activities", 2, 30)
    assert seen["engagement.trial"] == (False, "activities", 0, 0)


def test_what_matched_stands_before_what_did_not(
    enquiry: Made, activity: Made, decide_all: DecideAll
) -> None:
    _, told = decide_all(enquiry(), activity(A.WEBINAR_ATTENDED))
    codes = [reason.code for reason in told[0].reasons if " is " not in reason.label]
    assert codes[:4] == ["stage.lead", "fit.mid-size", "fit.served", "stage.mql"]


def test_a_long_value_is_cut_in_the_reasons_and_nowhere_else(
    enquiry: Made, decide_all: DecideAll
) -> None:
    title = "student " * 100
    _, told = decide_all(enquiry(contact={"job_title": title}))
    reason = next(r for r in told[0].reasons if r.code == "fit.student")
    assert reason.value == title[:VALUE_TOLD] + "…"
    assert told[0].profile.contact.job_title == title


def test_only_so_much_of_what_did_not_match_is_told(
    enquiry: Made, decide_all: DecideAll, changed_bundle: Callable[[str, str, str], Bundle]
) -> None:
    when = "{field: custom.seats, exists: true}"
    many = "".join(
        f"  - {{id: seats-{n}, label: Seats, when: {when}, points: 1}}\n"
        for n in range(NOT_MATCHED_TOLD + 20)
    )
    bundle = changed_bundle("scoring.yaml", "fit:\n", f"fit:\n{many}")
    _, told = decide_all(enquiry(), under=bundle)

    def whole(reason: Reason) -> bool:
        return reason.code.startswith(("fit.", "engagement."))

    assert len([r for r in told[0].reasons if not r.matched]) <= NOT_MATCHED_TOLD
    assert len([r for r in told[0].reasons if whole(r) and r.matched]) == 2


def test_points_since_sales_gave_a_lead_back_are_among_the_reasons(
    enquiry: Made, activity: Made, followup: Made, decide_all: DecideAll, now: datetime
) -> None:
    _, told = decide_all(
        enquiry(now - 9 * DAY),
        activity(A.TRIAL_STARTED, now - 9 * DAY),
        followup(FollowupType.REJECTED, now - 2 * DAY, reason="not-now"),
        activity(A.PAGE_VIEWED, now, subject="/pricing"),
    )
    since = next(r for r in told[-1].reasons if r.code == "engagement-since")
    assert (since.matched, since.value, since.points) == (True, 8, None)
    assert told[-1].score.engagement == 28


def test_a_bundle_s_own_tests_can_ask_what_would_become_of_somebody(
    enquiry: Made, activity: Made, decide_all: DecideAll, bundle: Bundle, now: datetime
) -> None:
    asked, done = enquiry(), activity(A.WEBINAR_ATTENDED, now - 3 * DAY)
    _, told = decide_all(asked, done)
    captured, viewed = asked.event.data, done.event.data
    assert isinstance(captured, LeadCaptured)
    assert isinstance(viewed, LeadActivity)
    found = assess_profile(captured.profile, [viewed], bundle, now)
    assert (found.score, found.stage) == (told[-1].score, told[-1].stage)
    assert found.reasons() == told[-1].reasons
