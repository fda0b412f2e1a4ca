"""CloudEvents by HTTP, in every mode, and what their senders ask before they send."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from cloudevents.core.bindings import http
from cloudevents.core.v1.event import CloudEvent
from pydantic import JsonValue

from ingest.senders.catalogue import SENDERS
from ingest.senders.kit.delivery import Delivery
from ingest.senders.kit.items import Item
from ingest_tests.vendors import SOURCES, delivery, read

EVENT: dict[str, JsonValue] = {
    "specversion": "1.0",
    "id": "e1",
    "source": "/shop",
    "type": "form.submitted",
    "time": "2026-01-31T09:00:00Z",
}
DATA: JsonValue = {"email": "a@example.com", "topic": "prices"}


def test_a_cloud_event_tells_the_same_in_each_mode() -> None:
    binary = {f"ce-{name}": str(value) for name, value in EVENT.items()}
    structured = {"content-type": "application/cloudevents+json; charset=utf-8"}
    batched = {"content-type": "application/cloudevents-batch+json"}
    encoded = base64.b64encode(json.dumps(DATA).encode()).decode()
    told = [
        read("cloudevents", delivery(DATA, **binary)),
        read("cloudevents", delivery(EVENT | {"data": DATA}, **structured)),
        read("cloudevents", delivery([EVENT | {"data": DATA}], **batched)),
        read("cloudevents", delivery(EVENT | {"data_base64": encoded}, **structured)),
    ]
    (item,) = told[0]
    assert isinstance(item, Item)
    assert item.document["delivery_id"] == "/shop/e1"
    assert item.document["occurred_at"] == "2026-01-31T09:00:00Z"
    assert item.document["answers"] == {"topic": "prices"}
    assert told == [[item]] * 4


def test_a_browser_s_question_is_no_handshake_of_cloud_events() -> None:
    sender = SENDERS["cloudevents"]
    preflight = {"origin": "https://a.example", "access-control-request-method": "POST"}
    assert (
        sender.handshake(SOURCES["cloudevents"], Delivery(preflight, method="OPTIONS"), {}) is None
    )
    asked = {
        "webhook-request-origin": "a.example",
        "webhook-request-callback": "https://evil.example/",
    }
    reply = sender.handshake(SOURCES["cloudevents"], Delivery(asked, method="OPTIONS"), {})
    assert reply is not None
    assert reply.headers["WebHook-Allowed-Origin"] == "a.example"


@pytest.mark.parametrize("written", [http.to_binary_event, http.to_structured_event])
def test_what_the_reference_library_sends_is_read(
    written: Callable[[CloudEvent], http.HTTPMessage],
) -> None:
    attributes = {
        "id": "e/1 ü",
        "source": "/shop",
        "type": "form.submitted",
        "time": datetime(2026, 1, 31, 9, tzinfo=UTC),
    }
    message = written(CloudEvent(attributes, {"email": "a@example.com"}))
    headers = {name.lower(): text for name, text in message.headers.items()}
    (item,) = read("cloudevents", Delivery(headers, message.body))
    assert isinstance(item, Item)
    assert item.document["delivery_id"] == "/shop/e/1 ü"
    assert item.document["contact"] == {"email": "a@example.com"}
    assert datetime.fromisoformat(str(item.document["occurred_at"])) == attributes["time"]
