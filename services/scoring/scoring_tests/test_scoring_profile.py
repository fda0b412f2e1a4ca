"""What is known of a person who has asked more than once."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from baton.events import ActivityType, ConsentStatus, FollowupType, LeadScored, Profile, Stage
from baton.policy.bundle import Bundle
from baton.runtime.inputs import EventInput
from scoring.domain import Lead, decide, merged
from scoring.domain.state import ENQUIRIES_KEPT

A = ActivityType
F = FollowupType
DAY = timedelta(days=1)

Made = Callable[..., EventInput]
DecideAll = Callable[..., tuple[Lead, list[LeadScored]]]


def _merged(decide_all: DecideAll, *enquiries: EventInput) -> Profile:
    _, told = decide_all(*enquiries)
    return told[-1].profile


def test_newer_values_win_and_empty_ones_never_do(
    enquiry: Made, decide_all: DecideAll, now: datetime
) -> None:
    profile = _merged(
        decide_all,
        enquiry(
            now - DAY,
            contact={"email": "old@example.com", "first_name": "Old", "job_title": "director"},
            company={"employees": 5, "name": "Old Works"},
            custom={"seats": 3, "plan": "basic"},
        ),
        enquiry(
            now,
            contact={"email": "new@example.com", "first_name": " ", "job_title": None},
            company={"employees": 0},
            custom={"seats": None, "plan": "large"},
        ),
    )
    assert profile.contact.email == "new@example.com"
    assert profile.contact.first_name == "Old"
    assert profile.contact.job_title == "director"
    assert (profile.company.employees, profile.company.name) == (0, "Old Works")
    assert profile.custom == {"seats": 3, "plan": "large"}


def test_what_only_means_something_together_is_taken_together(
    enquiry: Made, decide_all: DecideAll, now: datetime
) -> None:
    profile = _merged(
        decide_all,
        enquiry(
            now - DAY,
            external_id="old",
            campaign={"utm_source": "ads", "utm_term": "boilers"},
            request={"form_id": "demo", "message": "call me"},
        ),
        enquiry(now, source="webinars", campaign={"utm_source": "mail"}, request={"message": " "}),
    )
    assert (profile.source, profile.external_id) == ("webinars", None)
    assert (profile.campaign.utm_source, profile.campaign.utm_term) == ("mail", None)
    assert (profile.request.form_id, profile.request.message) == ("demo", "call me")


def test_an_enquiry_that_did_not_ask_for_consent_takes_none_back(
    enquiry: Made, decide_all: DecideAll, now: datetime
) -> None:
    asked = enquiry(now - 2 * DAY, consent={"status": "granted", "text": "yes"})
    unasked = enquiry(now - DAY, contact={"email": "a@example.com"})
    refused = enquiry(now, consent={"status": "denied"})
    assert _merged(decide_all, asked, unasked).consent.text == "yes"
    assert _merged(decide_all, asked, unasked, refused).consent.status is ConsentStatus.DENIED


def test_a_trial_enquiry_says_nothing_of_a_person_who_really_asked(
    enquiry: Made, decide_all: DecideAll, now: datetime
) -> None:
    real = enquiry(now - DAY, contact={"email": "a@example.com"})
    trial = enquiry(now, test=True, contact={"email": "b@example.com", "country": "DE"})
    lead, told = decide_all(real, trial)
    assert merged(lead).contact.country is None
    assert [(event.test, event.score.fit) for event in told] == [(False, 0), (True, 0)]


def test_a_lead_of_trial_enquiries_alone_is_scored_as_a_trial(
    enquiry: Made, decide_all: DecideAll
) -> None:
    _, told = decide_all(enquiry(test=True))
    assert [(event.test, event.score.fit) for event in told] == [(True, 35)]


@pytest.fixture
def asked(enquiry: Made) -> Callable[[datetime, str], EventInput]:
    """Makes an enquiry that says this of marketing mail."""
    return lambda at, status: enquiry(at, consent={"status": status})


@pytest.fixture(params=["unsubscribed", "complaint"])
def withdrawal(
    request: pytest.FixtureRequest, activity: Made, followup: Made
) -> Callable[[datetime], EventInput]:
    """Makes each way in which a person has no more mail."""
    if request.param == "unsubscribed":
        return lambda at: activity(A.UNSUBSCRIBED, at)
    return lambda at: followup(F.COMPLAINT, at)


Asked = Callable[[datetime, str], EventInput]
Withdrawn = Callable[[datetime], EventInput]


def test_who_leaves_the_list_or_complains_has_taken_the_consent_back(
    asked: Asked, withdrawal: Withdrawn, decide_all: DecideAll, now: datetime
) -> None:
    granted, left = asked(now - DAY, "granted"), withdrawal(now)
    for order in ([granted, left], [left, granted]):
        _, told = decide_all(*order)
        consent = told[-1].profile.consent
        assert (consent.status, consent.at) == (ConsentStatus.DENIED, now)


def test_a_later_enquiry_gives_the_consent_again_and_one_that_did_not_ask_does_not(
    asked: Asked, withdrawal: Withdrawn, decide_all: DecideAll, now: datetime
) -> None:
    left = withdrawal(now - 2 * DAY)
    unasked, granted = asked(now - DAY, "unknown"), asked(now, "granted")
    for facts, status in (
        ([asked(now - 3 * DAY, "granted"), left, unasked], ConsentStatus.DENIED),
        ([unasked, left], ConsentStatus.DENIED),
        ([left, granted], ConsentStatus.GRANTED),
        ([granted, left], ConsentStatus.GRANTED),
    ):
        lead, _ = decide_all(*facts)
        assert merged(lead).consent.status is status


def test_a_no_holds_against_a_yes_of_the_same_moment(
    asked: Asked, withdrawal: Withdrawn, decide_all: DecideAll, now: datetime
) -> None:
    granted, denied = asked(now, "granted"), asked(now, "denied")
    for facts in ([granted, withdrawal(now)], [denied, granted], [granted, denied]):
        lead, _ = decide_all(*facts)
        assert merged(lead).consent.status is ConsentStatus.DENIED


def test_a_consent_counts_from_when_it_was_given_not_from_when_it_was_passed_on(
    enquiry: Made, withdrawal: Withdrawn, decide_all: DecideAll, now: datetime
) -> None:
    given = {"status": "granted", "at": (now - 9 * DAY).isoformat()}
    lead, _ = decide_all(withdrawal(now - DAY), enquiry(now, consent=given))
    assert merged(lead).consent.status is ConsentStatus.DENIED


def test_a_consent_from_the_future_does_not_outlive_the_enquiry_that_told_it(
    enquiry: Made, withdrawal: Withdrawn, decide_all: DecideAll, now: datetime
) -> None:
    given = {"status": "granted", "at": (now + 900 * DAY).isoformat()}
    lead, _ = decide_all(enquiry(now - DAY, consent=given), withdrawal(now))
    assert merged(lead).consent.status is ConsentStatus.DENIED


def test_a_change_of_consent_is_told_though_score_and_stage_are_the_same(
    asked: Asked, followup: Made, decide_all: DecideAll, now: datetime
) -> None:
    facts = [asked(now - DAY, "granted"), followup(F.COMPLAINT), followup(F.COMPLAINT)]
    _, told = decide_all(*facts)
    assert [event.profile.consent.status for event in told] == ["granted", "denied"]
    assert [event.stage for event in told] == [Stage.SUSPECT, Stage.SUSPECT]
    assert told[-1].score == told[0].score


def test_what_a_bot_did_takes_no_consent_back(
    asked: Asked, activity: Made, decide_all: DecideAll, now: datetime
) -> None:
    lead, _ = decide_all(asked(now - DAY, "granted"), activity(A.UNSUBSCRIBED, bot=True))
    assert merged(lead).consent.status is ConsentStatus.GRANTED


def test_a_trial_enquiry_gives_no_consent_for_a_person_who_really_asked(
    asked: Asked, enquiry: Made, withdrawal: Withdrawn, decide_all: DecideAll, now: datetime
) -> None:
    trial = enquiry(now, test=True, consent={"status": "granted"})
    lead, _ = decide_all(asked(now - 2 * DAY, "granted"), withdrawal(now - DAY), trial)
    assert merged(lead).consent.status is ConsentStatus.DENIED


@pytest.mark.parametrize("said", ["granted", "denied"])
def test_enquiries_past_keeping_turn_no_consent_back(
    asked: Asked, withdrawal: Withdrawn, decide_all: DecideAll, now: datetime, said: str
) -> None:
    """A yes after a withdrawal is still newer, and a no still a no."""
    others = [asked(now, "unknown") for _ in range(ENQUIRIES_KEPT)]
    before = [withdrawal(now - 2 * DAY), asked(now - DAY, said)]
    for order in ([*before, *others], [*others, *before]):
        lead, _ = decide_all(*order)
        assert len(lead.enquiries) == ENQUIRIES_KEPT
        assert merged(lead).consent.status == said


def test_a_state_of_an_older_release_loses_no_consent(
    asked: Asked, withdrawal: Withdrawn, bundle: Bundle, decide_all: DecideAll, now: datetime
) -> None:
    lead, _ = decide_all(asked(now - 2 * DAY, "granted"))
    old = Lead.model_validate(lead.model_dump(exclude={"agreement": True, "told": {"consent"}}))
    assert merged(old).consent.status is ConsentStatus.GRANTED
    after = decide(old, None, withdrawal(now), bundle, now).state
    assert after is not None
    assert merged(after).consent.status is ConsentStatus.DENIED
