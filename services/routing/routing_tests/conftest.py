"""Databases with routing's tables."""

from collections.abc import Callable

import pytest

from routing.settings import Settings
from routing_tests.shard import migrated, settings_for


@pytest.fixture(scope="session")
def newest(make_database: Callable[[], str]) -> str:
    """A database that nobody writes to: each test has a copy."""
    url = make_database()
    migrated(url)
    return url


@pytest.fixture
def settings(newest: str, copy_of: Callable[[str], str]) -> Settings:
    """A database of this test's own."""
    return settings_for(copy_of(newest))
