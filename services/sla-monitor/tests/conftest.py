"""The bundle of the monitor's tests."""

from pathlib import Path

import pytest

from baton.policy.bundle import Bundle


@pytest.fixture(scope="session")
def bundle() -> Bundle:
    """Four working hours in Berlin (`inside`), or by any clock (`night`)."""
    return Bundle.read(Path(__file__).parent / "policy")
