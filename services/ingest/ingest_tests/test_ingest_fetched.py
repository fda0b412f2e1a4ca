"""Senders that give only an id: the lead that its details make is still the same event."""

import pytest
import yaml
from pydantic import JsonValue

from ingest.policy.source import Details
from ingest.senders.catalogue import SENDERS
from ingest.senders.kit.drafts import LeadDraft
from ingest_tests.vendors import DETAILS, SOURCES, one

SENT: dict[str, JsonValue] = {
    "meta": {"entry": [{"changes": [{"field": "leadgen", "value": {"leadgen_id": "5"}}]}]},
    "linkedin": {"leadGenFormResponse": "urn:li:leadGenFormResponse:5", "leadAction": "CREATED"},
    "hubspot": [{"subscriptionType": "contact.creation", "objectId": "5"}],
}


@pytest.mark.parametrize("kind", SENT)
def test_an_id_alone_is_a_lead_with_its_details_and_stays_the_same_event(kind: str) -> None:
    item = one(kind, SENT[kind])
    assert item.fetch is not None
    assert item.fetch.id == "5"
    completing = SENDERS[kind].completing
    assert completing is not None
    assert isinstance(item.draft, LeadDraft)
    whole = completing(SOURCES[kind], item.draft, DETAILS[kind])
    assert whole.contact.email == "buyer@example.com"
    assert whole.delivery_id == item.draft.delivery_id
    assert whole.external_id == item.draft.external_id
    assert item == one(kind, SENT[kind])


@pytest.mark.parametrize("kind", SENDERS)
def test_of_who_sends_ids_alone_it_is_said_how_to_have_the_rest_fetched(kind: str) -> None:
    sender = SENDERS[kind]
    assert bool(sender.guide.details) == (sender.completing is not None)
    if sender.guide.details:
        Details.model_validate(yaml.safe_load(sender.guide.details))
