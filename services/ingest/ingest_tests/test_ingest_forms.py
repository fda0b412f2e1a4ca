"""Answers of forms go into fields if the question has a clear name, otherwise into `answers`."""

import json

import pytest
from pydantic import JsonValue

from ingest.senders.kit.delivery import Delivery
from ingest.senders.kit.items import Item
from ingest_tests.vendors import delivery, form, one, read


def test_what_a_field_s_name_says_plainly_is_placed_and_the_rest_kept() -> None:
    item = one(
        "zapier",
        {
            "Email Address": "zed@example.com",
            "Your Name": "Zed van Zee",
            "Company": "Zap Inc",
            "Company Size": "250",
            "GDPR consent": "I agree to everything",
            "marketing_consent": "Yes",
            "UTM Source": "fb",
            "Message": ["not", "a", "text"],
            "Submitted At": "01/02/2026 3:04 PM",
            "Empty": "",
        },
    )
    assert item.document == {
        "contact": {"email": "zed@example.com", "first_name": "Zed van", "last_name": "Zee"},
        "company": {"name": "Zap Inc", "employees": "250"},
        "consent": {"status": "Yes"},
        "campaign": {"utm_source": "fb"},
        "answers": {
            "GDPR consent": "I agree to everything",
            "Message": ["not", "a", "text"],
            "Submitted At": "01/02/2026 3:04 PM",
        },
    }


def test_a_value_that_does_not_fit_what_its_name_says_is_kept_as_it_is() -> None:
    item = one("make", {"email": "a@example.com", "employees": "10-50", "phone": {"x": 1}})
    assert item.document["answers"] == {"employees": "10-50", "phone": {"x": 1}}


@pytest.mark.parametrize("kind", ["zapier", "make", "contact_form_7"])
def test_the_event_that_a_form_is_about_is_not_the_delivery_s_id(kind: str) -> None:
    item = one(kind, {"email": "a@example.com", "event_id": "webinar-42"})
    assert "delivery_id" not in item.document
    assert item.document["answers"] == {"event_id": "webinar-42"}
    mapped = one(kind, {"email": "a@example.com", "Delivery ID": "r1"})
    assert mapped.document["delivery_id"] == "r1"


def test_of_two_answers_for_one_field_the_second_is_kept() -> None:
    item = one("make", {"email": "a@example.com", "work_email": "b@example.com"})
    assert item.document["answers"] == {"work_email": "b@example.com"}


def test_of_a_list_of_people_one_that_is_none_keeps_no_other_back() -> None:
    items = read("make", delivery([{"email": "a@example.com"}, 5, {"email": "b@example.com"}]))
    assert [isinstance(item, Item) for item in items] == [True, False, True]


def test_a_form_s_file_stands_for_its_name() -> None:
    body = (
        b'--x\r\nContent-Disposition: form-data; name="email"\r\n\r\na@example.com\r\n'
        b'--x\r\nContent-Disposition: form-data; name="cv"; filename="cv.pdf"\r\n\r\n\x00\xff\r\n'
        b"--x--\r\n"
    )
    (item,) = read(
        "contact_form_7", Delivery({"content-type": "multipart/form-data; boundary=x"}, body)
    )
    assert isinstance(item, Item)
    assert item.document["answers"] == {"cv": "cv.pdf"}


def test_choices_of_tally_are_kept_by_their_texts_and_hidden_fields_count() -> None:
    options: JsonValue = [{"id": "o1", "text": "Prices"}, {"id": "o2", "text": "Demo"}]
    item = one(
        "tally",
        {
            "eventId": "e1",
            "eventType": "FORM_RESPONSE",
            "data": {
                "responseId": "r1",
                "formId": "f1",
                "fields": [
                    {
                        "key": "q1",
                        "label": "Topic",
                        "type": "DROPDOWN",
                        "value": ["o2"],
                        "options": options,
                    },
                    {"key": "q2", "label": "utm_source", "type": "HIDDEN_FIELDS", "value": "news"},
                    {"key": "q3", "label": "page", "type": "HIDDEN_FIELDS", "value": "/p"},
                    {"key": "q4", "label": None, "type": "INPUT_TEXT", "value": None},
                ],
            },
        },
    )
    assert item.document["answers"] == {"Topic": ["Demo"], "hidden.page": "/p"}
    assert item.document["campaign"] == {"utm_source": "news"}


def test_a_phone_of_several_parts_at_jotform_is_one() -> None:
    raw = {"q1_phone": {"area": "030", "phone": "901820"}, "q2_when": {"day": "1"}}
    (item,) = read("jotform", form(submissionID="1", formID="2", rawRequest=json.dumps(raw)))
    assert isinstance(item, Item)
    assert item.document["contact"] == {"phone": "030 901820"}
    assert item.document["answers"] == {"q2_when": {"day": "1"}}


def test_of_a_form_whose_keys_say_nothing_an_address_is_the_person_s() -> None:
    entry: JsonValue = {
        "id": 7,
        "form_id": 3,
        "date_created": "2026-01-31 09:00:00",
        "4": "a@b.example",
    }
    item = one("gravity_forms", entry)
    assert item.document["contact"] == {"email": "a@b.example"}
    assert item.document["delivery_id"] == "3/7"
    assert item.document["occurred_at"] == "2026-01-31T09:00:00+00:00"


def test_a_question_that_the_bundle_places_is_placed_there() -> None:
    columns: JsonValue = [{"column_id": "SEATS", "string_value": "5"}]
    item = one("google_ads", {"lead_id": "l", "user_column_data": columns})
    assert item.document["custom"] == {"seats": "5"}
    assert item.document["test"] is False


def test_a_call_of_marketo_without_its_time_has_no_id_of_its_own() -> None:
    (item,) = read("marketo", form(email="a@example.com", leadId="1", program="Webinar"))
    assert isinstance(item, Item)
    assert "delivery_id" not in item.document
    (other,) = read("marketo", form(leadId="1", program="Webinar", sysDateTime="2026-01-31 09:00"))
    assert isinstance(other, Item)
    assert other.document["delivery_id"] == "1/Webinar/2026-01-31 09:00"
