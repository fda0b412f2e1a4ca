"""Events of marketing tools: subscriptions, mails, calls, contacts, deletions."""

import pytest
from pydantic import JsonValue

from ingest.senders.kit.delivery import NotUnderstoodError
from ingest.senders.kit.items import Item, Unreadable
from ingest_tests.vendors import delivery, form, one, read

MAILCHIMP = {"type": "unsubscribe", "fired_at": "2026-01-31 09:00:00", "data[id]": "m1"}


def test_an_event_of_mailchimp_is_told_from_others_by_all_that_it_has() -> None:
    ids = set()
    for changed in (
        {},
        {"data[id]": "m2"},
        {"data[list_id]": "l"},
        {"fired_at": "2026-02-01 09:00"},
    ):
        (item,) = read("mailchimp", form(**MAILCHIMP | changed))
        assert isinstance(item, Item)
        ids.add(item.document["delivery_id"])
    assert len(ids) == 4


@pytest.mark.parametrize(
    ("type_", "reason", "becomes"),
    [
        ("unsubscribe", "manual", "unsubscribed"),
        ("cleaned", "abuse", "unsubscribed"),
        ("cleaned", "hard", "other"),
    ],
)
def test_who_leaves_a_list_of_mailchimp_has_unsubscribed(
    type_: str, reason: str, becomes: str
) -> None:
    (item,) = read("mailchimp", form(**MAILCHIMP | {"type": type_, "data[reason]": reason}))
    assert isinstance(item, Item)
    assert (item.becomes, item.document["type"]) == ("activity", becomes)


def test_events_of_klaviyo_without_an_external_id_are_told_apart_by_their_own() -> None:
    def opened(id_: str) -> JsonValue:
        person: JsonValue = {"profile": {"data": {"type": "profile", "id": "p1"}}}
        attributes: JsonValue = {"timestamp": 1769850000}
        event: JsonValue = {"id": id_, "attributes": attributes, "relationships": person}
        return {"topic": "event:klaviyo.opened_email", "payload": {"data": event}}

    told = read("klaviyo", delivery({"data": [opened("e1"), opened("e2")]}))
    assert [each.document["delivery_id"] for each in told if isinstance(each, Item)] == ["e1", "e2"]


@pytest.mark.parametrize("type_", ["profile", "upemail", "campaign"])
def test_what_is_nothing_to_us_is_answered_and_forgotten(type_: str) -> None:
    assert read("mailchimp", form(**MAILCHIMP | {"type": type_})) == []


def test_a_click_at_activecampaign_is_an_activity_with_its_link() -> None:
    fields = {
        "type": "click",
        "date_time": "2026-01-31T09:00:00-05:00",
        "contact[id]": "36",
        "contact[email]": "a@example.com",
        "link[url]": "https://www.example.com/prices",
    }
    (item,) = read("activecampaign", form(**fields))
    assert isinstance(item, Item)
    assert item.document["type"] == "mail_clicked"
    assert item.document["subject"] == "https://www.example.com/prices"
    assert item.document["email"] == "a@example.com"


def test_a_mail_that_a_provider_s_machine_opened_is_marked_as_a_bot_s() -> None:
    event: dict[str, JsonValue] = {"event": "proxy_open", "email": "a@example.com", "ts_event": 1}
    assert one("brevo", event).document["bot"] is True
    assert one("brevo", event | {"event": "opened"}).document["bot"] is False


@pytest.mark.parametrize("name", ["link", "URL"])
def test_two_links_that_are_clicked_in_one_second_at_brevo_are_two_clicks(name: str) -> None:
    click: dict[str, JsonValue] = {"event": "click", "email": "a@example.com", "ts_event": 1}
    prices, demo = one("brevo", click | {name: "/prices"}), one("brevo", click | {name: "/demo"})
    assert (prices.document["subject"], demo.document["subject"]) == ("/prices", "/demo")
    assert prices.document["delivery_id"] != demo.document["delivery_id"]
    assert one("brevo", click | {name: "/prices"}) == prices


@pytest.mark.parametrize(
    ("metric", "type_"), [("clicked", "mail_clicked"), ("spammed", "unsubscribed")]
)
def test_what_became_of_a_mail_of_customer_io_is_an_activity(metric: str, type_: str) -> None:
    data: JsonValue = {"identifiers": {"id": "42"}, "recipient": "a@example.com", "href": "/p"}
    item = one("customerio", {"event_id": "e", "metric": metric, "timestamp": 1, "data": data})
    assert (item.becomes, item.document["type"]) == ("activity", type_)
    assert item.document["email"] == "a@example.com"


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("customerio", {"metric": "exploded"}),
        ("brevo", {"event": "exploded"}),
        ("intercom", {"topic": "exploded"}),
        ("segment", {"type": "exploded"}),
        ("klaviyo", {"data": {}}),
        ("hubspot", "text"),
        ("meta", {"entry": []}),
        ("linkedin", {"leadAction": "CREATED"}),
        ("webflow", {"triggerType": "ecomm_new_order", "payload": {}}),
        ("salesforce", {"ChangeEventHeader": {}}),
    ],
)
def test_a_type_that_a_vendor_has_invented_since_is_kept(kind: str, payload: JsonValue) -> None:
    try:
        told = read(kind, delivery(payload))
    except NotUnderstoodError:
        return
    assert [isinstance(each, Unreadable) for each in told] == [True]


# --- people and what they do


def test_an_opt_out_at_intercom_is_denied_and_its_absence_is_no_consent() -> None:
    item: dict[str, JsonValue] = {"id": "c1", "email": "a@example.com"}
    for out in (True, False):
        told: JsonValue = {
            "id": "n1",
            "topic": "contact.lead.created",
            "data": {"item": item | {"unsubscribed_from_emails": out}},
        }
        assert one("intercom", told).document.get("consent") == (
            {"status": "denied"} if out else None
        )


def test_a_trial_of_intercom_s_address_tells_nothing() -> None:
    assert read("intercom", delivery({"topic": "ping", "data": {}})) == []


def test_a_conversation_at_intercom_is_its_contact_s() -> None:
    author: JsonValue = {"id": "c1", "email": "a@example.com"}
    item = one(
        "intercom",
        {
            "id": "n1",
            "topic": "conversation.user.created",
            "data": {"item": {"source": {"author": author, "subject": "Prices"}}},
        },
    )
    assert item.document["email"] == "a@example.com"
    assert item.document["subject"] == "Prices"


def test_calls_of_segment_are_leads_page_views_and_other_activities() -> None:
    common: dict[str, JsonValue] = {"messageId": "m1", "anonymousId": "a1"}
    page = one("segment", common | {"type": "page", "properties": {"url": "/prices"}})
    track = one("segment", common | {"type": "track", "event": "Demo Requested"})
    assert (page.document["type"], page.document["subject"]) == ("page_viewed", "/prices")
    assert (track.document["type"], track.document["subject"]) == ("other", "Demo Requested")
    assert track.document["external_id"] == "a1"
    assert read("segment", delivery(common | {"type": "group"})) == []


def test_a_person_who_was_deleted_at_linkedin_or_hubspot_is_to_be_forgotten() -> None:
    at = 1769850000000
    deleted: JsonValue = {"leadGenFormResponse": "urn:1", "leadAction": "DELETED", "occurredAt": at}
    at_linkedin = one("linkedin", deleted)
    assert (at_linkedin.becomes, at_linkedin.document["external_id"]) == ("erasure", "urn:1")
    event: dict[str, JsonValue]
    event = {"subscriptionType": "contact.privacyDeletion", "objectId": 5, "occurredAt": at}
    at_hubspot = one("hubspot", [event | {"eventId": 1, "subscriptionId": 2, "attemptNumber": 0}])
    assert (at_hubspot.becomes, at_hubspot.document["external_id"]) == ("erasure", "5")
    again = one("hubspot", [event | {"eventId": 1, "subscriptionId": 2, "attemptNumber": 1}])
    assert again == at_hubspot
    for item in (at_linkedin, at_hubspot):
        assert item.document["delivery_id"]
        assert item.document["occurred_at"] == "2026-01-31T09:00:00+00:00"


def test_a_contact_that_hubspot_s_workflow_sends_is_a_lead_at_once() -> None:
    item = one(
        "hubspot",
        {"vid": 5, "properties": {"email": {"value": "a@example.com"}, "seats": {"value": "4"}}},
    )
    assert item.fetch is None
    assert item.document["external_id"] == "5"
    assert item.document["contact"] == {"email": "a@example.com"}
    assert item.document["custom"] == {"seats": "4"}


def test_events_of_hubspot_with_one_id_are_told_apart_by_what_they_are_about() -> None:
    event: dict[str, JsonValue] = {"eventId": 1, "subscriptionType": "contact.deletion"}
    events: JsonValue = [event | {"objectId": 5}, event | {"objectId": 6}]
    items = read("hubspot", delivery(events))
    ids = {item.document["delivery_id"] for item in items if isinstance(item, Item)}
    assert len(ids) == 2
