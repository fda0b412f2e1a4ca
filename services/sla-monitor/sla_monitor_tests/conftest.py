"""A bundle, and a lead to try it on."""

from pathlib import Path

import pytest

from baton.policy.bundle import Bundle
from sla_monitor_tests.lead import Lead


@pytest.fixture(scope="session")
def bundle() -> Bundle:
    """Four working hours in Berlin (`inside`), or by any clock (`night`)."""
    return Bundle.read(Path(__file__).parent / "policy")


@pytest.fixture
def lead(bundle: Bundle) -> Lead:
    """A lead that nobody has had."""
    return Lead(bundle)
