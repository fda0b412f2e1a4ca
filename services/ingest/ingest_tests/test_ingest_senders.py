"""Deliveries become items, by the bundle's mapping and by the vendor's fixed fields."""

import json
from typing import Any

import pytest
from pydantic import JsonValue

from baton.policy.bundle import Bundle
from ingest.capture.submissions import LeadIn
from ingest.policy.mapped import StandardWebhooksSource
from ingest.policy.sources import sources_of
from ingest.policy.vendors import TypeformSource
from ingest.senders.kit.delivery import Delivery, NotUnderstoodError
from ingest.senders.kit.drafts import CompanyDraft, ConsentDraft, ContactDraft, LeadDraft
from ingest.senders.kit.items import Item
from ingest.senders.kit.payloads import rest
from ingest.senders.vendors import standard_webhooks, typeform
from ingest_tests import vendors

# --- Typeform, beyond the published delivery


def response(**parts: Any) -> dict[str, JsonValue]:
    return {
        "event_id": "evt_1",
        "event_type": "form_response",
        "form_response": {
            "form_id": "f1",
            "token": "t1",
            "submitted_at": "2026-03-02T11:59:00Z",
            "definition": {"id": "f1", "title": "Talk to us", "fields": []},
            "answers": [],
            **parts,
        },
    }


def asked(id_: str, title: str, ref: str | None = None) -> dict[str, JsonValue]:
    return {"id": id_, "title": title, "type": "short_text", "ref": ref}


def answered(id_: str, type_: str, value: JsonValue, question: str = "short_text") -> JsonValue:
    return {"type": type_, type_: value, "field": {"id": id_, "type": question}}


def form(bundle: Bundle, **parts: Any) -> dict[str, JsonValue]:
    source = sources_of(bundle)["forms"]
    assert isinstance(source, TypeformSource)
    body = json.dumps(response(**parts)).encode()
    (item,) = typeform.read(source, Delivery({}, body))
    return item.document


def test_an_answer_is_placed_by_its_questions_title_or_ref(bundle: Bundle) -> None:
    document = form(
        bundle,
        definition={
            "fields": [asked("a", "What is your first name? "), asked("b", "Where?", "company")]
        },
        answers=[answered("a", "text", "Ada"), answered("b", "text", "Example Ltd")],
    )
    assert document["contact"] == {"first_name": "Ada"}
    assert document["company"] == {"name": "Example Ltd"}
    assert document["answers"] == {}


def test_the_first_email_and_phone_need_no_mapping(bundle: Bundle) -> None:
    document = form(
        bundle,
        answers=[
            answered("a", "email", "a@example.com", "email"),
            answered("b", "phone_number", "+4930901820", "phone_number"),
            answered("c", "email", "b@example.com", "email"),
        ],
    )
    assert document["contact"] == {"email": "a@example.com", "phone": "+4930901820"}
    assert document["answers"] == {"c": "b@example.com"}


def test_hidden_fields_carry_the_campaign_and_what_the_bundle_takes_from_them(
    bundle: Bundle,
) -> None:
    document = form(
        bundle,
        hidden={"utm_source": "news", "gclid": "g1", "seats": "5", "page": "/p", "empty": ""},
    )
    assert document["campaign"] == {"utm_source": "news"}
    assert document["custom"] == {"seats": "5"}
    assert document["answers"] == {"hidden.gclid": "g1", "hidden.page": "/p"}


def test_consent_is_granted_only_where_every_one_that_was_asked_for_was_given(
    bundle: Bundle,
) -> None:
    fields = [asked("a", "Newsletter?"), asked("b", "Calls?")]
    given = answered("a", "boolean", True, "legal")  # noqa: FBT003 - as the vendor sends it
    denied = answered("b", "boolean", False, "legal")  # noqa: FBT003 - as the vendor sends it
    one = form(bundle, definition={"fields": fields}, answers=[given])
    both = form(bundle, definition={"fields": fields}, answers=[given, denied])
    none = form(bundle, definition={"fields": fields})
    at = "2026-03-02T11:59:00Z"
    assert one["consent"] == {"status": "granted", "text": "Newsletter?", "at": at}
    assert both["consent"] == {"status": "unknown", "text": "Newsletter?\nCalls?", "at": at}
    assert "consent" not in none


def test_a_no_to_a_question_that_the_bundle_maps_to_consent_is_a_refusal() -> None:
    """A box is passed over, a yes/no question is answered."""
    mapped = "kind: typeform, answers: [{to: consent.status, ref: mail}]"
    source = sources_of(vendors.bundle({"typeform": mapped}))["typeform"]
    assert isinstance(source, TypeformSource)
    for chosen, status in ((True, "granted"), (False, "denied")):
        parts = {
            "definition": {"fields": [asked("a", "May we write to you?", "mail")]},
            "answers": [answered("a", "boolean", chosen, "yes_no")],
        }
        (item,) = typeform.read(source, Delivery({}, json.dumps(response(**parts)).encode()))
        assert item.document["consent"] == {"status": status}


def test_choices_are_kept_by_their_labels(bundle: Bundle) -> None:
    document = form(
        bundle,
        definition={"fields": [asked("a", "One"), asked("b", "Many"), asked("c", "One")]},
        answers=[
            answered("a", "choice", {"other": "something else"}),
            answered("b", "choices", {"labels": ["x", "y"], "other": "z"}),
            answered("c", "choice", {"id": "1", "label": "x"}),
        ],
    )
    assert document["answers"] == {
        "One": "something else",
        "Many": ["x", "y", "z"],
        "One [c]": "x",
    }


@pytest.mark.parametrize(
    "payload",
    [
        [],
        "text",
        {},
        {**response(), "event_type": "form_response_partial"},
        {**response(), "form_response": None},
        response(answers=[{"type": "text"}]),
        response(definition={"fields": "none"}),
    ],
)
def test_a_form_that_is_none_is_not_understood(payload: JsonValue, bundle: Bundle) -> None:
    source = sources_of(bundle)["forms"]
    assert isinstance(source, TypeformSource)
    with pytest.raises(NotUnderstoodError):
        typeform.read(source, Delivery({}, json.dumps(payload).encode()))


# --- Standard Webhooks

HEADERS = {"webhook-id": "msg_1", "webhook-timestamp": "1772452800"}


def hook(bundle: Bundle, payload: JsonValue) -> list[Item]:
    source = sources_of(bundle)["hooks"]
    assert isinstance(source, StandardWebhooksSource)
    return standard_webhooks.read(source, Delivery(HEADERS, json.dumps(payload).encode()))


def test_an_event_becomes_a_lead_by_the_bundles_paths(bundle: Bundle) -> None:
    (item,) = hook(
        bundle,
        {
            "type": "form.submitted",
            "timestamp": "2026-03-02T11:59:00Z",
            "data": {
                "id": 42,
                "email": "a@example.com",
                "phone": 4930901820,
                "employees": "250",
                "seats": 5,
                "consent": False,
                "more": {"x": [1]},
            },
        },
    )
    assert item == Item(
        LeadDraft(
            delivery_id="msg_1",
            occurred_at="2026-03-02T11:59:00Z",
            external_id="42",
            contact=ContactDraft(email="a@example.com", phone="4930901820"),
            company=CompanyDraft(employees="250"),
            custom={"seats": 5},
            consent=ConsentDraft(status="unknown"),
            answers={"data.more": {"x": [1]}},
        ),
    )
    given = LeadIn.model_validate({"source": "hooks", **item.document})
    assert given.company.employees == 250


def test_an_event_becomes_an_activity_or_a_followup(bundle: Bundle) -> None:
    (viewed,) = hook(
        bundle, {"type": "page.viewed", "data": {"email": "a@example.com", "url": "/pricing"}}
    )
    assert viewed.becomes == "activity"
    assert viewed.document["type"] == "page_viewed"
    assert viewed.document["subject"] == "/pricing"

    (called,) = hook(
        bundle,
        {
            "type": "call.completed",
            "data": {"id": "42", "agent": "rep-1", "at": "2026-03-02T11:00:00Z"},
        },
    )
    assert called.becomes == "followup"
    assert called.document == {
        "delivery_id": "msg_1",
        "type": "contacted",
        "channel": "phone",
        "external_id": "42",
        "rep": "rep-1",
        "occurred_at": "2026-03-02T11:00:00Z",
        "answers": {},
    }


def test_what_the_bundle_ignores_tells_nothing(bundle: Bundle) -> None:
    assert hook(bundle, {"type": "ping"}) == []


@pytest.mark.parametrize("payload", [[], {}, {"type": 5}, {"type": "form.deleted"}])
def test_a_type_that_the_bundle_does_not_name_is_not_understood(
    payload: JsonValue, bundle: Bundle
) -> None:
    with pytest.raises(NotUnderstoodError):
        hook(bundle, payload)


def test_the_time_of_an_attempt_is_no_part_of_what_a_delivery_tells(bundle: Bundle) -> None:
    payload: JsonValue = {"type": "form.submitted", "data": {"email": "a@example.com"}}
    source = sources_of(bundle)["hooks"]
    assert isinstance(source, StandardWebhooksSource)
    later = {**HEADERS, "webhook-timestamp": str(1772452800 + 3_600)}
    body = json.dumps(payload).encode()
    assert standard_webhooks.read(source, Delivery(HEADERS, body)) == standard_webhooks.read(
        source, Delivery(later, body)
    )


def test_svix_calls_the_delivery_by_another_header() -> None:
    assert standard_webhooks.delivery_id(Delivery({"svix-id": "msg_2"}, b"")) == "msg_2"


# --- payloads


def test_what_was_not_taken_is_kept_whole_where_nothing_in_it_was() -> None:
    payload: JsonValue = {
        "type": "t",
        "data": {"email": "e", "list": [{"a": 1, "b": 2}, 3], "empty": None},
        "meta": {"x": {"y": 1}},
    }
    taken = [("type",), ("data", "email"), ("data", "list", "0", "a"), ("data", "absent")]
    assert rest(payload, taken) == {
        "data.list.0.b": 2,
        "data.list.1": 3,
        "meta": {"x": {"y": 1}},
    }
