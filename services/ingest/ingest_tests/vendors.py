"""A source of each kind, and deliveries of theirs."""

import json
from collections.abc import Mapping
from urllib.parse import urlencode

from pydantic import BaseModel, JsonValue

from baton.policy.bundle import Bundle
from ingest.capture.submissions import ActivityIn, FollowupIn, LeadIn, PassedOnErasure
from ingest.policy.reads import READS
from ingest.policy.source import SignedSource
from ingest.policy.sources import sources_of
from ingest.senders.catalogue import SENDERS, sender_of
from ingest.senders.kit.delivery import Delivery
from ingest.senders.kit.items import Item, ItemResult
from ingest_tests.harness import FILES
from ingest_tests.signers import IN_HOUSE

LEAD = "{becomes: lead, fields: {contact.email: email}}"
SAID = {
    "cloudevents": f"events: {{form.submitted: {LEAD}}}",
    "generic": f"type_at: event, delivery_id_at: id, events: {{enquiry: {LEAD}}},"
    " signs: {by: token, header: x-token}",
    "google_ads": "answers: [{to: custom.seats, ref: SEATS}]",
    "hub_signature": f"events: {{form.submitted: {LEAD}}}",
    "hubspot": "answers: [{to: custom.seats, ref: seats}]",
    "salesforce": "fields: {custom.seats: Seats__c}",
    "standard_webhooks": "events: {form.submitted:"
    " {becomes: lead, fields: {contact.email: data.email}}}",
    "stripe_like": "events: {form.submitted:"
    " {becomes: lead, fields: {contact.email: data.object.email}}}",
    "tiktok": f"events: {{form.submitted: {LEAD}}}",
    "typeform": "answers: [{to: contact.email, type: email}]",
}
"""What a source of a kind says beside what all say."""

IN_THE_HOUSE = {
    name: f"kind: generic, {SAID['generic'].partition('signs:')[0]} signs: {{{signs}}}"
    for name, signs in IN_HOUSE.items()
}
"""What the sources of systems in the house say, each by its way of signing."""


def bundle(more: Mapping[str, str] | None = None, everywhere: str = "") -> Bundle:
    """A bundle with a source of each kind, named like it, and `more` by what is said of each.

    `everywhere` is said of all of them.
    """
    said = {kind: f"kind: {kind}, {SAID.get(kind, '')}" for kind in SENDERS} | dict(more or {})
    sources = [
        f"  {name}: {{label: L, brand: main, secret_env: [SECRET], {everywhere} {text}}}"
        for name, text in said.items()
    ]
    return Bundle.parse({**FILES, "sources.yaml": "\n".join(["sources:", *sources, ""])}, READS)


SOURCES = sources_of(bundle())
DETAILS: Mapping[str, JsonValue] = {
    "hubspot": {"properties": {"email": "buyer@example.com", "seats": "4"}},
    "linkedin": {
        "formResponse": {
            "answers": [
                {
                    "name": "email",
                    "answerDetails": {"textQuestionAnswer": {"answer": "buyer@example.com"}},
                },
                {
                    "questionId": 7,
                    "answerDetails": {"multipleChoiceAnswer": {"options": [1, 2]}},
                },
            ]
        }
    },
    "meta": {
        "field_data": [
            {"name": "email", "values": ["buyer@example.com"]},
            {"name": "topics", "values": ["a", "b"]},
        ]
    },
}
"""What is fetched of a lead from vendors that send its id alone."""

MODELS: Mapping[str, type[BaseModel]] = {
    "lead": LeadIn,
    "activity": ActivityIn,
    "followup": FollowupIn,
    "erasure": PassedOnErasure,
}


def read(kind: str, delivery: Delivery) -> list[ItemResult]:
    source = SOURCES[kind]
    assert isinstance(source, SignedSource)
    return list(sender_of(source).read(source, delivery))


def one(kind: str, payload: JsonValue, **headers: str) -> Item:
    (item,) = read(kind, delivery(payload, **headers))
    assert isinstance(item, Item), item
    MODELS[item.becomes].model_validate({"source": kind, **item.document})
    return item


def delivery(payload: JsonValue, **headers: str) -> Delivery:
    return Delivery({"content-type": "application/json", **headers}, json.dumps(payload).encode())


def form(**fields: str) -> Delivery:
    body = urlencode(fields).encode()
    return Delivery({"content-type": "application/x-www-form-urlencoded"}, body)
