"""Senders that give only an id: the lead that its details make is still the same event."""

from collections.abc import Callable

import pytest
from ingest_vendors import SOURCES, one
from pydantic import JsonValue

from ingest.senders.items import Item
from ingest.senders.known import SENDERS

FETCHED: dict[str, tuple[JsonValue, JsonValue]] = {
    "meta": (
        {"entry": [{"changes": [{"field": "leadgen", "value": {"leadgen_id": "5"}}]}]},
        {"field_data": [{"name": "email", "values": ["a@example.com"]},
                        {"name": "topics", "values": ["a", "b"]}]},
    ),
    "linkedin": (
        {"leadGenFormResponse": "5", "leadAction": "CREATED"},
        {"formResponse": {"answers": [
            {"name": "email", "answerDetails": {"textQuestionAnswer": {"answer": "a@example.com"}}},
            {"questionId": 7, "answerDetails": {"multipleChoiceAnswer": {"options": [1, 2]}}},
        ]}},
    ),
    "hubspot": (
        [{"subscriptionType": "contact.creation", "objectId": "5"}],
        {"properties": {"email": "a@example.com", "seats": "4"}},
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", FETCHED)
def test_an_id_alone_is_a_lead_with_its_details_and_stays_the_same_event(kind: str) -> None:
    payload, details = FETCHED[kind]
    item = one(kind, payload)
    assert item.fetch is not None
    assert item.fetch.id == "5"
    completing: Callable[..., Item] | None = SENDERS[kind].completing
    assert completing is not None
    whole = completing(SOURCES[kind], item, details)
    assert whole.fetch is None
    assert whole.document["contact"] == {"email": "a@example.com"}
    assert whole.document["delivery_id"] == item.document["delivery_id"]
    assert whole.document["external_id"] == "5"
    assert item == one(kind, payload)
