"""A lead that sales had before: its owner keeps it, and nobody gets it or is told of it."""

from datetime import timedelta

import pytest

from baton.events import (
    EventData,
    FollowupType,
    History,
    LeadReleased,
    LeadRouted,
    Outcome,
    ReleaseCode,
    Stage,
)
from routing_tests.sales import Sales, only

OWNER = "rep-b"


@pytest.fixture
def sales() -> Sales:
    return Sales()


def load(
    sales: Sales,
    *outcomes: FollowupType,
    owner: str | None = OWNER,
    stage: Stage = Stage.MQL,
    told: Stage | None = None,
    email: str | None = "lead@example.com",
) -> list[EventData]:
    """A lead of long ago is imported; its outcomes follow each other."""
    done = tuple(
        Outcome(type=type_, occurred_at=sales.now - timedelta(days=30 - number))
        for number, type_ in enumerate(outcomes)
    )
    history = History(owner=owner, stage=told, outcomes=done)
    return list(
        sales.hear(sales.scored(stage=stage, new_enquiry=False, history=history, email=email))
    )


def test_the_owner_has_the_lead_and_its_load_and_nobody_is_told(sales: Sales) -> None:
    assert load(sales) == []
    assert (sales.rep(), sales.open(OWNER)) == (OWNER, 1)
    assert sales.held().terms.pool == "inbound"
    assert sales.pools == {}
    assert sales.reps[OWNER].last_assigned_at is None
    assert sales.decisions[-1].code == "imported"


def test_an_owner_of_a_lead_that_no_rule_takes_has_it_too(sales: Sales) -> None:
    assert load(sales, stage=Stage.PROSPECT) == []
    assert sales.rep() == OWNER


@pytest.mark.parametrize("owner", [None, "somebody-else"])
def test_without_an_owner_of_ours_nobody_has_it_and_nobody_gets_it(
    sales: Sales, owner: str | None
) -> None:
    assert load(sales, owner=owner) == []
    assert sales.leads.popitem()[1].held is None
    assert sales.reps == {}


@pytest.mark.parametrize("type_", [FollowupType.CONTACTED, FollowupType.WON])
def test_whom_the_owner_has_spoken_with_does_not_count_against_the_load(
    sales: Sales, type_: FollowupType
) -> None:
    load(sales, type_)
    assert (sales.rep(), sales.open(OWNER)) == (OWNER, 0)


def test_an_opportunity_does_not_count_against_the_load(sales: Sales) -> None:
    load(sales, told=Stage.OPPORTUNITY, stage=Stage.OPPORTUNITY)
    assert (sales.rep(), sales.open(OWNER)) == (OWNER, 0)


@pytest.mark.parametrize("last", [FollowupType.LOST, FollowupType.REJECTED])
def test_one_that_was_given_back_in_the_end_has_no_owner(sales: Sales, last: FollowupType) -> None:
    assert load(sales, FollowupType.CONTACTED, last) == []
    assert sales.leads.popitem()[1].held is None


def test_who_has_the_lead_already_keeps_it(sales: Sales) -> None:
    only(sales.enquire(), LeadRouted)
    before = sales.held()
    assert load(sales, owner="rep-a" if before.rep.id == OWNER else OWNER) == []
    assert sales.held() == before


def test_a_later_enquiry_stays_with_the_owner(sales: Sales) -> None:
    load(sales)
    assert only(sales.enquire(), LeadRouted).rep.id == OWNER
    assert sales.rep() == OWNER


def test_a_later_enquiry_that_no_rule_takes_has_the_promise_of_the_last_rule(sales: Sales) -> None:
    load(sales, stage=Stage.PROSPECT, email=None)
    assert sales.held().terms.sla_policy == "imported"
    assert only(sales.enquire(email=None), LeadRouted).sla_policy == "warm"


def test_a_later_enquiry_of_a_lead_without_an_owner_is_routed(sales: Sales) -> None:
    load(sales, owner=None)
    only(sales.enquire(), LeadRouted)


def test_the_owner_can_lose_the_lead_like_any_other(sales: Sales) -> None:
    load(sales)
    released, _ = sales.hear(sales.followup(FollowupType.WON))
    assert isinstance(released, LeadReleased)
    assert (released.rep.id, released.code) == (OWNER, ReleaseCode.CLOSED)
    assert sales.open(OWNER) == 0
