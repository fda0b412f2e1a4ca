"""A bundle that an earlier release accepted is accepted, under the same name, and means the same.

A bundle in `bundles/` is never changed. A release that changes what one means needs a command that
rewrites it.
"""

from pathlib import Path

import pytest

from baton.policy.bundle import Bundle
from baton.policy_sections import policy_sections
from baton_cli.policy.leadtests import run

BUNDLES = Path(__file__).parent / "bundles"
HASHES = {
    "0.1/default": "57abe32dcdc7d279e69229d502fcc686cb00e8c15f333e2f0d4e8f377d2cff4b",
    "0.1/demo": "8fe9c57a6f91982817ad7efc64bc6404dac3436f485eea7d04b61ac6c8e01b54",
}


@pytest.mark.parametrize("name", HASHES)
def test_a_bundle_of_an_earlier_release_is_accepted_under_its_hash(name: str) -> None:
    assert Bundle.read(BUNDLES / name, policy_sections()).hash == HASHES[name]


@pytest.mark.parametrize("name", HASHES)
def test_its_leads_get_the_points_the_stage_and_the_pool_that_they_got_then(name: str) -> None:
    results = run(Bundle.read(BUNDLES / name, policy_sections()))
    assert results
    assert [result.test.name for result in results if not result.passed] == []


def test_each_bundle_that_is_kept_is_tested() -> None:
    kept = {str(file.parent.relative_to(BUNDLES)) for file in BUNDLES.rglob("*.yaml")}
    assert kept == set(HASHES)
