"""Addresses: one way to write them, and what kind they are, whatever was sent."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from baton.events import Contact, EmailKind, LeadCaptured, Profile
from baton.policy.bundle import Bundle
from ingest.capture.normalisation.mailboxes import kind_of
from ingest.capture.normalisation.profile import NormalProfile, normalise
from ingest.policy.reads import READS
from ingest.policy.sources import sources_of
from ingest_tests.harness import FILES


@pytest.mark.parametrize(
    ("email", "kind"),
    [
        ("ada@example.com", EmailKind.BUSINESS),
        ("ada@mail.example.co.uk", EmailKind.BUSINESS),
        ("ada@xn--mller-kva.example.com", EmailKind.BUSINESS),
        ("jürgen@example.com", EmailKind.BUSINESS),
        ("ada+demo@gmail.com", EmailKind.FREE),
        ("ada@gmx.de", EmailKind.FREE),
        ("ada@t-online.de", EmailKind.FREE),
        ("ada@outlook.com", EmailKind.FREE),
        ("ada@mailinator.com", EmailKind.DISPOSABLE),
        ("ada@10minutemail.com", EmailKind.DISPOSABLE),
        ("ada@of.somebody.mailinator.com", EmailKind.DISPOSABLE),
        ("ada..l@example.com", EmailKind.INVALID),
        ("ada@example", EmailKind.INVALID),
        ("ada@-example.com", EmailKind.INVALID),
        ("ada@localhost", EmailKind.INVALID),
        ("ada@under_score.example.com", EmailKind.INVALID),
        (f"{'a' * 65}@example.com", EmailKind.INVALID),
        ("none", EmailKind.INVALID),
        ("@", EmailKind.INVALID),
    ],
)
def test_an_address_is_of_the_kind_that_its_domain_is(email: str, kind: EmailKind) -> None:
    assert kind_of(email) is kind


BUNDLE = Bundle.parse(FILES, READS)


def understood(email: str | None) -> NormalProfile:
    said = Profile(brand="main", source="website", contact=Contact(email=email))
    return normalise(said, {}, sources_of(BUNDLE)["website"], BUNDLE.definitions)


@pytest.mark.parametrize(
    ("sent", "written"),
    [
        ("ada@example.com", "ada@example.com"),
        (" Ada.L@EXAMPLE.com ", "ada.l@example.com"),
        ("Ada@MÜLLER.example.com", "ada@xn--mller-kva.example.com"),
        ("nobody at example.com", "nobody at example.com"),
    ],
)
def test_an_address_is_written_as_the_leads_id_has_it_and_kept_as_sent(
    sent: str, written: str
) -> None:
    found = understood(sent)
    assert found.profile.contact.email == written
    assert found.as_sent == ({} if sent == written else {"contact.email": sent})


def test_without_an_address_nothing_is_said_of_its_kind() -> None:
    found = understood(None)
    assert found.profile.contact.email_kind is None
    assert found.as_sent == {}


@given(st.text(max_size=1_000))
@example("İ" * 900 + "@example.com")
def test_whatever_is_sent_readers_can_read(email: str) -> None:
    found = understood(email)
    Profile.model_validate_json(found.profile.model_dump_json())
    assert found.profile.contact.email_kind is not None or not email


def test_an_older_reader_passes_over_what_is_new_and_an_older_event_reads_as_before() -> None:
    fields = LeadCaptured.model_fields
    assert fields["as_sent"].get_default(call_default_factory=True) == {}
    assert Contact.model_fields["email_kind"].default is None
