"""Whose a delivery is."""

from typing import Any

import pytest

from baton import identity
from ingest.identity.person import NoIdentityError, Person, full_name, usable_email

KEY = b"an id key of the tests, long enough"


def person(**said: Any) -> Person:
    return Person(brand="main", source="website", **said)


def test_the_email_comes_before_the_external_id_and_that_before_the_phone() -> None:
    email, external_id, phone = "a@example.com", "42", "+49 30 901820"
    by_email = identity.lead_id(KEY, "main", *identity.email_identity(email))
    by_external_id = identity.lead_id(
        KEY, "main", *identity.external_identity("website", external_id)
    )
    by_phone = identity.lead_id(KEY, "main", *identity.phone_identity("website", phone, "Ada L"))
    said = {"external_id": external_id, "phone": phone, "name": "Ada L"}

    assert person(email=email, **said).identified(KEY).lead_id == by_email
    assert person(**said).identified(KEY).lead_id == by_external_id
    assert person(phone=phone, name="Ada L").identified(KEY).lead_id == by_phone


@pytest.mark.parametrize("blank", ["", "  ", "\t"])
def test_what_is_blank_says_nothing(blank: str) -> None:
    named = person(email=blank, external_id="42").identified(KEY)
    assert named == person(external_id="42").identified(KEY)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({}, "email"),
        ({"name": "Ada L"}, "email"),
        ({"email": "not an address", "external_id": "42"}, "email"),
        ({"email": "a@\ud800.example"}, "email"),
        ({"external_id": "4\x002"}, "external_id"),
        ({"phone": "12"}, "phone"),
    ],
)
def test_an_unusable_identity_is_refused_by_its_field(said: dict[str, str], field: str) -> None:
    with pytest.raises(NoIdentityError) as refused:
        person(**said).identified(KEY)
    assert refused.value.field == field


def test_what_nobody_can_mend_is_taken_by_the_next_identity() -> None:
    named = person(email="n/a", external_id="42").identified(KEY, pass_over_unusable=True)
    assert named == person(external_id="42").identified(KEY)


def test_what_nobody_can_mend_and_has_no_identity_is_refused() -> None:
    with pytest.raises(NoIdentityError):
        person(email="n/a", phone="-").identified(KEY, pass_over_unusable=True)


def test_a_person_may_be_several_leads() -> None:
    found = person(email="a@example.com", external_id="42", phone="+49 30 901820").all(KEY)
    assert [each.by for each in found] == ["email", "external_id", "phone"]
    assert len({each.lead_id for each in found}) == 3


def test_brands_have_leads_of_their_own() -> None:
    one = Person("main", "website", email="a@example.com").identified(KEY)
    other = Person("second", "website", email="a@example.com").identified(KEY)
    assert one.lead_id != other.lead_id


def test_a_name_has_one_space_between_its_parts() -> None:
    assert full_name("Ada", "L") == "Ada L"
    assert full_name(None, "L") == "L"
    assert full_name(None, None) == ""


def test_an_address_is_written_as_the_id_has_it_unless_it_is_none() -> None:
    assert usable_email(" First@EXAMPLE.com ") == "first@example.com"
    assert usable_email("n/a") == "n/a"
    assert usable_email(None) is None
