"""A bundle, and a lead to try it on."""

from pathlib import Path

import pytest

from baton.policy.bundle import Bundle, texts_in
from sla_monitor.policy.reads import READS
from sla_monitor_tests.lead import Lead


@pytest.fixture(scope="session")
def bundle() -> Bundle:
    """Four working hours in Berlin (`inside`), or by any clock (`night`)."""
    return Bundle.parse(texts_in(Path(__file__).parent / "policy"), READS)


@pytest.fixture
def lead(bundle: Bundle) -> Lead:
    """A lead that nobody has had."""
    return Lead(bundle)
