"""Drafts: what senders say, field by field, before anybody has checked it."""

from dataclasses import fields
from typing import get_args

import pytest
from pydantic import BaseModel, JsonValue

from baton.events import LeadFollowup, Profile
from ingest.capture.submissions import ActivityIn, FollowupIn, LeadIn, PassedOnErasure
from ingest.senders.kit.draft_fields import LeadField, answered, mapped, placed, value_at
from ingest.senders.kit.drafts import (
    ActivityDraft,
    CompanyDraft,
    ConsentDraft,
    ContactDraft,
    ErasureDraft,
    FollowupDraft,
    LeadDraft,
    RequestDraft,
    lead_draft,
)

NOT_OF_A_DRAFT = {"brand", "source", "custom"}


def paths(model: type[BaseModel]) -> set[str]:
    """Each field of a model by its path, down to what is no model."""
    found = set()
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            found |= {f"{name}.{path}" for path in paths(inner)}
        elif name not in NOT_OF_A_DRAFT:
            found.add(name)
    return found


def test_each_field_of_a_profile_has_its_place_in_a_draft() -> None:
    assert set(get_args(LeadField)) == paths(Profile) | {"delivery_id", "occurred_at"}
    for field in get_args(LeadField):
        assert value_at(mapped(LeadDraft(), field, "x"), field) == "x"


@pytest.mark.parametrize(
    ("draft", "model"),
    [
        (LeadDraft, LeadIn),
        (ActivityDraft, ActivityIn),
        (FollowupDraft, FollowupIn),
        (ErasureDraft, PassedOnErasure),
    ],
)
def test_no_draft_has_a_field_that_its_submission_does_not_know(
    draft: type[LeadDraft], model: type[BaseModel]
) -> None:
    assert {each.name for each in fields(draft)} <= set(model.model_fields)


def test_each_field_of_a_followup_that_a_bundle_may_name_is_in_its_draft() -> None:
    ours = {"lead_id", "occurred_at", "received_at", "source", "brand"}
    assert set(LeadFollowup.model_fields) - ours <= {each.name for each in fields(FollowupDraft)}


@pytest.mark.parametrize("path", ["contact.e_mail", "contacts.email", "subject", "email.address"])
def test_a_path_that_is_no_fields_is_an_error_and_no_answer(path: str) -> None:
    with pytest.raises(LookupError):
        mapped(LeadDraft(), path, "x")


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (None, None),
        ("", None),
        ("x", "x"),
        (49, "49"),
        (1.5, "1.5"),
        (["A", "B"], "A, B"),
        (True, True),
        ({}, {}),
        ([1, "a"], [1, "a"]),
    ],
)
def test_a_value_is_as_its_vendor_has_it_but_for_choices_and_numbers(
    value: JsonValue, found: JsonValue
) -> None:
    assert ContactDraft(phone=value).phone == found
    assert mapped(LeadDraft(), "contact.phone", value).contact.phone == found


def test_a_number_for_a_custom_field_stays_one() -> None:
    assert mapped(LeadDraft(), "custom.seats", 5).custom == {"seats": 5}


def test_a_box_that_nobody_ticked_is_no_refusal() -> None:
    assert ConsentDraft(status=False).status == "unknown"
    assert mapped(LeadDraft(), "consent.status", True).consent.status == "granted"  # noqa: FBT003


def test_what_is_empty_leaves_what_was_there() -> None:
    draft = placed(LeadDraft(external_id="1"), {"external_id": "", "contact.email": None})
    assert draft == LeadDraft(external_id="1")
    assert answered(draft, {"a": None, "b": ""}) == draft


def test_a_document_has_what_was_said_and_nothing_else() -> None:
    draft = LeadDraft(
        external_id="1",
        company=CompanyDraft(name=""),
        request=RequestDraft(form_id=7),
        test=False,
        answers={},
    )
    assert draft.document() == {
        "external_id": "1",
        "request": {"form_id": "7"},
        "test": False,
        "answers": {},
    }
    assert lead_draft(draft.document()) == draft


@pytest.mark.parametrize(
    "document", [{"contact": "Ada"}, {"contact": {"e_mail": "x"}}, {"of_another_release": 1}]
)
def test_a_document_of_another_release_is_no_draft(document: dict[str, JsonValue]) -> None:
    with pytest.raises(ValueError, match="not a lead draft"):
        lead_draft(document)
