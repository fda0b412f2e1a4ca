"""Salesforce's outbound messages and change events."""

import pytest
from pydantic import JsonValue

from ingest.senders.catalogue import SENDERS
from ingest.senders.kit.delivery import Delivery, NotUnderstoodError
from ingest.senders.kit.items import Item, ItemResult, Unreadable
from ingest_tests.vendors import delivery, read

ENVELOPE = SENDERS["salesforce"].example.body
XML = {"content-type": "text/xml; charset=UTF-8"}


def message(text: str) -> list[ItemResult]:
    return read("salesforce", Delivery(XML, text.encode()))


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE a [<!ENTITY x "y">]>' + ENVELOPE,
        '<!DOCTYPE a SYSTEM "https://evil.example/a.dtd">' + ENVELOPE,
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + ENVELOPE.replace("00Q1", "&x;"),
        '<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
        + ENVELOPE.replace("00Q1", "&b;"),
        '<?xml version="1.0" encoding="no-such-thing"?>' + ENVELOPE,
        ENVELOPE[:-5],
        ENVELOPE.replace("Notification>", "Something>"),
        "",
        "<a>" * 50_000 + "</a>" * 50_000,
    ],
)
def test_no_document_type_and_nothing_broken_is_read(text: str) -> None:
    with pytest.raises(NotUnderstoodError):
        message(text)


def test_notifications_are_taken_one_by_one_and_acknowledged_together() -> None:
    start, rest = ENVELOPE.split("<Notification>")
    inner, end = rest.split("</Notification>")
    account = inner.replace("sf:Lead", "sf:Account").replace("04l1", "04l2")
    other = inner.replace("04l1", "04l3").replace(
        "</sObject>", "<sf:Seats__c>4</sf:Seats__c></sObject>"
    )
    parts = (f"<Notification>{each}</Notification>" for each in (inner, account, other))
    items = message(f"{start}{''.join(parts)}{end}")
    assert [isinstance(item, Item) for item in items] == [True, False, True]
    assert isinstance(items[2], Item)
    assert items[2].document["custom"] == {"seats": "4"}
    answer = SENDERS["salesforce"].answer(Delivery(XML), [])
    assert (answer.status, answer.media_type) == (200, "text/xml")
    assert b"<Ack>true</Ack>" in answer.body


def test_a_change_of_several_records_is_one_of_each() -> None:
    header: dict[str, JsonValue] = {
        "entityName": "Lead",
        "changeType": "DELETE",
        "transactionKey": "k",
        "sequenceNumber": 1,
        "recordIds": ["00Q1", "00Q2"],
    }
    wrapped: JsonValue = {"data": {"payload": {"ChangeEventHeader": header}}}
    items = read("salesforce", delivery(wrapped))
    assert [i.document["external_id"] for i in items if isinstance(i, Item)] == ["00Q1", "00Q2"]
    assert [i.document["type"] for i in items if isinstance(i, Item)] == ["deleted", "deleted"]


@pytest.mark.parametrize(
    ("kind", "changed"),
    [("Opportunity", "CREATE"), ("Task", "UPDATE"), ("Event", "CREATE")],
)
def test_a_change_that_names_no_record_is_not_understood(kind: str, changed: str) -> None:
    header: dict[str, JsonValue] = {
        "entityName": kind,
        "changeType": changed,
        "transactionKey": "k",
        "sequenceNumber": 1,
        "recordIds": [""],
    }
    (told,) = read("salesforce", delivery({"ChangeEventHeader": header}))
    assert told == Unreadable("the record has no id")
