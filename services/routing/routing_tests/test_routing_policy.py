"""routing.yaml: from which stage on leads are routed, and where a pool overflows."""

from pathlib import Path

import pytest

from baton.events import Stage
from baton.policy.bundle import Bundle, texts_in
from baton.policy.problems import BundleError
from baton.policy_sections import policy_sections
from routing.policy.routing import ROUTING

DEFAULT = Path(__file__).parents[3] / "deploy" / "policy"
OVERFLOW = "overflow: europe"


def with_routing(old: str, new: str) -> Bundle:
    texts = texts_in(DEFAULT)
    assert old in texts["routing.yaml"]
    return Bundle.parse_whole(
        {**texts, "routing.yaml": texts["routing.yaml"].replace(old, new, 1)}, policy_sections()
    )


@pytest.mark.parametrize(
    ("stage", "taken"),
    [
        (Stage.LEAD, False),
        (Stage.MQL, True),
        (Stage.CUSTOMER, True),
        (Stage.NURTURE, False),
        (Stage.DISQUALIFIED, False),
    ],
)
def test_leads_are_routed_from_mql_on_unless_the_bundle_says_otherwise(
    stage: Stage, *, taken: bool
) -> None:
    assert Bundle.read(DEFAULT, policy_sections()).section(ROUTING).takes(stage) is taken


def test_a_bundle_can_route_earlier() -> None:
    assert with_routing("rules:", "from_stage: lead\nrules:").section(ROUTING).takes(Stage.LEAD)


def test_a_stage_that_is_aside_can_not_be_where_routing_begins() -> None:
    with pytest.raises(BundleError, match="from suspect to customer"):
        with_routing("rules:", "from_stage: nurture\nrules:")


def test_a_pool_is_asked_before_those_that_it_overflows_to() -> None:
    pools = Bundle.read(DEFAULT, policy_sections()).section(ROUTING).pools_from("enterprise")
    assert [pool.id for pool in pools] == ["enterprise", "europe"]


def test_an_overflow_names_a_pool_that_there_is() -> None:
    with pytest.raises(BundleError, match="unknown pool 'europ'"):
        with_routing(OVERFLOW, "overflow: europ")


def test_an_overflow_does_not_lead_back() -> None:
    with pytest.raises(BundleError, match="overflows in a circle"):
        with_routing(OVERFLOW, "overflow: enterprise")
