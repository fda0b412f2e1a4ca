"""Trials are told by their sender, by the vendor's marks, or by the bundle."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from pydantic import JsonValue

from baton.policy.bundle import Bundle
from ingest.capture import events
from ingest.capture.receipt import Receipt
from ingest.capture.submissions import LeadIn
from ingest.policy.reads import READS
from ingest_tests.harness import FILES

BUNDLE = Bundle.parse(FILES, READS)
RECEIPT = Receipt(b"{}", datetime(2026, 3, 2, 12, tzinfo=UTC))
META = "<test lead: dummy data for first_name>"


@pytest.mark.parametrize(
    ("said", "mark"),
    [
        ({}, None),
        ({"test": True}, "declared"),
        ({"test": True, "email": "a@qa.example.com"}, "declared"),
        ({"is_test": True}, "vendor"),
        ({"answers": {"isTest": True}}, "vendor"),
        ({"answers": {"data.is_test": "true"}}, "vendor"),
        ({"answers": {"livemode": False}}, "vendor"),
        ({"answers": {"is_test": False, "livemode": True}}, None),
        ({"answers": {"is_test": [True], "Is this a test?": "true"}}, None),
        ({"first_name": META}, "vendor"),
        ({"company": {"name": META.upper()}}, "vendor"),
        ({"email": "Test@FB.com"}, "vendor"),
        ({"email": "ada@qa.example.com"}, "qa"),
        ({"email": "ada@example.com", "first_name": "Test"}, None),
    ],
)
def test_a_trial_is_told_with_its_mark(said: dict[str, JsonValue], mark: str | None) -> None:
    given = LeadIn.model_validate({"source": "website", "email": "ada@example.com", **said})
    data = events.captured(given, "main", UUID(int=1), BUNDLE, RECEIPT)
    assert (data.test, data.test_mark) == (mark is not None, mark)
