"""Consent in three states, whatever word a form has for it, with its time."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import JsonValue, ValidationError

from baton.events import Consent, ConsentStatus
from ingest.capture.normalisation import consents
from ingest.capture.submissions import ConsentIn, LeadIn

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "status"),
    [
        *((word, "granted") for word in ("granted", "Yes", " TRUE ", "on", "1", "y", "Opt-In")),
        *((word, "granted") for word in ("opted_in", "subscribed", "agree", "ja", "Sí", True)),
        *((word, "denied") for word in ("denied", "NO", "opt_out", "OPT-OUT", "refused")),
        *((word, "denied") for word in ("unsubscribed", "Nein", "withdrawn")),
        # A box that nobody ticked.
        *((word, "unknown") for word in (False, "false", "FALSE", "off", "0", "unchecked")),
        *((word, "unknown") for word in ("unknown", "", "  ", "pending", "n/a", "NOT_SPECIFIED")),
        *((word, "unknown") for word in ("none", None)),
    ],
)
def test_only_a_clear_word_is_a_yes_or_a_no(said: JsonValue, status: str) -> None:
    assert ConsentIn.model_validate({"status": said}).status is ConsentStatus(status)


def test_the_status_may_stand_in_place_of_the_whole_consent() -> None:
    for said, status in ((True, "granted"), ("opt-out", "denied"), (False, "unknown")):
        document = {"source": "website", "consent": said}
        assert LeadIn.model_validate(document).consent.status is ConsentStatus(status)


@pytest.mark.parametrize("said", ["maybe", "I agree to everything", "-", 1, 0, 2.5, [], {}])
def test_what_is_no_word_for_it_is_refused_by_its_field(said: JsonValue) -> None:
    with pytest.raises(ValidationError, match="consent.status"):
        LeadIn.model_validate({"source": "website", "consent": {"status": said}})


def test_a_consent_without_a_time_was_given_with_the_enquiry() -> None:
    for status in (ConsentStatus.GRANTED, ConsentStatus.DENIED):
        assert consents.dated(Consent(status=status), NOW).at == NOW
    earlier = Consent(status=ConsentStatus.GRANTED, at=NOW - timedelta(days=9))
    assert consents.dated(earlier, NOW) == earlier
    assert consents.dated(Consent(), NOW).at is None
