"""A lead with an owner makes another enquiry: the owner has it to answer, under a promise."""

from datetime import timedelta

import pytest

from baton.events import (
    AssignmentChange,
    FollowupType,
    LeadReleased,
    LeadRouted,
    LeadUnrouted,
    ReleaseCode,
    Stage,
)
from routing_tests.sales import AWAY, LEFT, Sales, kinds, only


def with_owner() -> Sales:
    sales = Sales()
    sales.enquire()
    sales.later(days=60)
    return sales


def test_the_owner_gets_each_enquiry_as_an_assignment_of_its_own() -> None:
    sales = with_owner()
    first = sales.held()
    routed = only(sales.enquire(), LeadRouted)
    assert (routed.change, routed.previous_assignment) == (AssignmentChange.RENEWED, first.id)
    assert (routed.rep.id, routed.previous_rep, routed.attempt) == ("rep-a", "rep-a", 1)
    assert routed.assignment_id == sales.held().id != first.id
    assert routed.enquiry == sales.held().enquiry != first.enquiry


def test_an_enquiry_of_an_owned_lead_takes_no_turn_and_no_further_place_on_the_desk() -> None:
    sales = with_owner()
    before = (dict(sales.pools["inbound"]), sales.open("rep-a"))
    sales.enquire()
    assert (sales.pools["inbound"], sales.open("rep-a")) == before


def test_an_enquiry_of_a_lead_that_the_owner_has_spoken_with_does_not_count_again() -> None:
    sales = with_owner()
    sales.hear(sales.followup(FollowupType.CONTACTED))
    sales.enquire()
    assert sales.open("rep-a") == 0


def test_the_rules_are_asked_again_for_the_promise_and_the_owner_s_pool_stays() -> None:
    sales = with_owner()
    routed = only(sales.enquire(employees=5000), LeadRouted)
    assert (routed.rule, routed.sla_policy, routed.pool) == ("enterprise", "hot", "inbound")


def test_where_no_rule_takes_the_enquiry_the_promise_stays_as_it_was() -> None:
    sales = with_owner()
    routed = only(sales.enquire(email=None), LeadRouted)
    assert (routed.rep.id, routed.sla_policy) == ("rep-a", "warm")


def test_an_enquiry_that_is_told_late_is_the_owner_s_too() -> None:
    sales = with_owner()
    late = sales.scored(at=sales.now - timedelta(days=90))
    assert only(sales.hear(late), LeadRouted).change == AssignmentChange.RENEWED


def test_a_trial_delivery_of_an_owned_lead_is_nobody_s_to_answer() -> None:
    sales = with_owner()
    assert kinds(sales.hear(sales.scored(test=True))) == []


def test_an_owner_who_is_away_keeps_the_lead_with_a_promise() -> None:
    sales = with_owner()
    sales.bundle = AWAY
    routed = only(sales.enquire(), LeadRouted)
    assert (routed.rep.id, routed.sla_policy) == ("rep-a", "warm")


def test_a_lead_of_an_owner_who_left_is_routed_anew() -> None:
    sales = with_owner()
    sales.bundle = LEFT
    freed, routed = sales.enquire()
    assert isinstance(freed, LeadReleased)
    assert isinstance(routed, LeadRouted)
    assert freed.code == ReleaseCode.OWNER_LEFT
    assert (routed.rep.id, routed.change, routed.attempt) == ("rep-b", AssignmentChange.NEW, 1)
    assert (sales.open("rep-a"), sales.open("rep-b")) == (0, 1)


def test_an_enquiry_that_is_not_qualified_and_whose_owner_left_is_told_so() -> None:
    sales = with_owner()
    sales.bundle = LEFT
    freed, told = sales.hear(sales.scored(stage=Stage.LEAD))
    assert isinstance(freed, LeadReleased)
    assert isinstance(told, LeadUnrouted)
    assert told.code == "not_qualified"


@pytest.mark.parametrize("named", ["first", "newest"])
@pytest.mark.parametrize("type_", [FollowupType.REJECTED, FollowupType.DECLINED])
def test_each_id_of_the_owner_s_assignments_names_the_lead_s_present_one(
    type_: FollowupType, named: str
) -> None:
    sales = with_owner()
    first = sales.held().id
    sales.enquire()
    sales.later(minutes=1)
    id_ = first if named == "first" else sales.held().id
    freed = sales.hear(sales.followup(type_, assignment_id=id_))[0]
    assert isinstance(freed, LeadReleased)


def test_a_rep_accepts_by_any_id_of_the_assignments() -> None:
    sales = with_owner()
    first = sales.held().id
    sales.enquire()
    sales.give(sales.command("accept", rep="rep-a", assignment_id=str(first)))
    assert sales.held().accepted_at is not None


def test_a_promise_of_an_earlier_enquiry_moves_the_lead_if_it_is_broken() -> None:
    sales = with_owner()
    breach = sales.breach()
    sales.enquire()
    freed, routed = sales.hear(breach)
    assert isinstance(freed, LeadReleased)
    assert isinstance(routed, LeadRouted)
    assert (routed.rep.id, routed.change) == ("rep-b", AssignmentChange.BREACHED)
    assert routed.previous_assignment == freed.assignment_id


def test_a_contact_about_the_enquiry_before_does_not_answer_the_new_one() -> None:
    sales = with_owner()
    sales.hear(sales.followup(FollowupType.CONTACTED))
    sales.later(days=30)
    sales.enquire()
    sales.later(hours=1)
    assert kinds(sales.hear(sales.breach())) == ["released", "routed"]


def test_an_owner_who_speaks_with_the_lead_about_the_new_enquiry_keeps_it() -> None:
    sales = with_owner()
    sales.hear(sales.followup(FollowupType.CONTACTED))
    sales.later(days=30)
    sales.enquire()
    sales.later(minutes=90)
    sales.hear(sales.followup(FollowupType.CONTACTED))
    assert kinds(sales.hear(sales.breach())) == []


def test_the_table_of_assignments_shows_each_enquiry_and_one_current() -> None:
    sales = with_owner()
    sales.enquire()
    ended = [row.ended_code for row in sales.assignments.values()]
    assert ended == [ReleaseCode.RENEWED, None]
