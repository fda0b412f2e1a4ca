"""What is known of a person who has asked more than once."""

from collections.abc import Callable
from datetime import datetime, timedelta

from baton.events import ConsentStatus, LeadScored, Profile
from baton.runtime.inputs import EventInput
from scoring.domain import Lead, merged

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
    assert merged(lead.counted_enquiries).contact.country is None
    assert [(event.test, event.score.fit) for event in told] == [(False, 0), (True, 0)]


def test_a_lead_of_trial_enquiries_alone_is_scored_as_a_trial(
    enquiry: Made, decide_all: DecideAll
) -> None:
    _, told = decide_all(enquiry(test=True))
    assert [(event.test, event.score.fit) for event in told] == [(True, 35)]
