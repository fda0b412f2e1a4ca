"""Which lead is given to whom, and when."""

import pytest

from baton.events import LeadRouted, LeadUnrouted, Stage
from routing.policy.routing import ROUTING
from routing_tests.sales import BUNDLE, Sales, changed, kinds, lead, only


def test_a_qualified_enquiry_goes_to_whose_turn_it_is_by_the_first_rule_that_holds() -> None:
    sales = Sales()
    routed = only(sales.enquire(), LeadRouted)
    assert (routed.rep.id, routed.pool, routed.rule) == ("rep-a", "inbound", "reachable")
    assert (routed.role, routed.team, routed.sla_policy) == ("sales-development", "inside", "warm")
    assert (routed.attempt, routed.previous_rep) == (1, None)
    assert sales.open("rep-a") == 1


def test_a_lead_says_on_its_event_which_rule_held_and_whose_turn_it_was() -> None:
    routed = only(Sales().enquire(employees=2000), LeadRouted)
    said = [(reason.code, reason.field, reason.value) for reason in routed.reasons]
    assert said == [
        ("enterprise", "company.employees", 2000),
        ("unavailable", "rep", "rep-off"),
        ("chosen", "rep", "rep-b"),
    ]


@pytest.mark.parametrize("stage", [Stage.SUSPECT, Stage.LEAD, Stage.NURTURE, Stage.DISQUALIFIED])
def test_an_enquiry_that_is_not_qualified_is_told_so(stage: Stage) -> None:
    sales = Sales()
    unrouted = only(sales.hear(sales.scored(stage=stage)), LeadUnrouted)
    assert (unrouted.code, unrouted.retry_at) == ("not_qualified", None)


def test_it_is_told_once_for_each_enquiry_that_it_is_not_qualified() -> None:
    sales = Sales()
    assert kinds(sales.hear(sales.scored(stage=Stage.LEAD))) == ["unrouted"]
    assert kinds(sales.hear(sales.scored(stage=Stage.LEAD, new_enquiry=False))) == []
    assert kinds(sales.hear(sales.scored(stage=Stage.LEAD))) == ["unrouted"]


def test_a_lead_that_qualifies_later_is_routed_then() -> None:
    sales = Sales()
    sales.hear(sales.scored(stage=Stage.LEAD))
    assert kinds(sales.hear(sales.scored(new_enquiry=False))) == ["routed"]


def test_a_lead_that_qualifies_without_an_enquiry_is_routed() -> None:
    sales = Sales()
    routed = only(sales.hear(sales.scored(new_enquiry=False)), LeadRouted)
    assert routed.enquiry is None


def test_being_scored_again_changes_nothing_for_a_lead_with_an_owner() -> None:
    sales = Sales()
    sales.enquire()
    assert kinds(sales.hear(sales.scored(stage=Stage.SAL, new_enquiry=False))) == []
    assert kinds(sales.hear(sales.scored(stage=Stage.NURTURE, new_enquiry=False))) == []
    assert kinds(sales.hear(sales.scored(new_enquiry=False))) == []
    assert sales.rep() == "rep-a"


def test_a_new_enquiry_of_a_lead_with_an_owner_stays_with_the_owner() -> None:
    sales = Sales()
    sales.enquire()
    routed = only(sales.enquire(), LeadRouted)
    assert (routed.rep.id, routed.previous_rep, routed.change) == ("rep-a", "rep-a", "renewed")
    assert sales.open("rep-a") == 1
    assert sales.decisions[-1].code == "has_owner"


def test_a_trial_delivery_is_never_routed_and_burdens_nobody() -> None:
    sales = Sales()
    unrouted = only(sales.hear(sales.scored(test=True)), LeadUnrouted)
    assert (unrouted.code, unrouted.retry_at) == ("test", None)
    assert sales.reps == {}
    assert sales.pools == {}


def test_a_trial_delivery_changes_nothing_for_a_lead_that_waits_or_has_an_owner() -> None:
    sales = Sales()
    sales.enquire()
    assert kinds(sales.hear(sales.scored(test=True))) == []
    full = Sales(
        changed(
            "routing.yaml",
            "[{rep: rep-a, weight: 2}, {rep: rep-b}, {rep: rep-c}]",
            "[{rep: rep-off}]",
        )
    )
    assert only(full.enquire(), LeadUnrouted).retry_at is not None
    assert kinds(full.hear(full.scored(test=True))) == []


def test_a_real_enquiry_after_a_trial_is_routed() -> None:
    sales = Sales()
    sales.hear(sales.scored(test=True))
    assert kinds(sales.enquire()) == ["routed"]


def test_whom_nobody_shall_get_is_unrouted_by_the_code_of_the_exclusion() -> None:
    sales = Sales()
    unrouted = only(sales.enquire(title="Student of law"), LeadUnrouted)
    assert (unrouted.code, unrouted.retry_at) == ("students", None)
    assert unrouted.reasons[0].value == "Student of law"


def test_a_lead_that_no_rule_takes_is_unrouted() -> None:
    assert only(Sales().enquire(email=None), LeadUnrouted).code == "no_rule"


def test_a_lead_that_no_rule_took_is_routed_once_one_does() -> None:
    sales = Sales()
    sales.enquire(email=None)
    assert kinds(sales.hear(sales.scored(new_enquiry=False, email=None))) == []
    assert kinds(sales.hear(sales.scored(new_enquiry=False))) == ["routed"]


def test_a_lead_that_no_rule_took_is_told_when_the_reason_changes() -> None:
    sales = Sales()
    sales.enquire(email=None)
    told = sales.hear(sales.scored(new_enquiry=False, email=None, title="student"))
    assert only(told, LeadUnrouted).code == "students"


def test_the_bundle_says_from_which_stage_on_leads_are_routed() -> None:
    sales = Sales(changed("routing.yaml", "exclusions:", "from_stage: sal\nexclusions:"))
    assert only(sales.enquire(), LeadUnrouted).code == "not_qualified"
    assert kinds(sales.hear(sales.scored(stage=Stage.SAL, new_enquiry=False))) == ["routed"]


def test_who_is_not_available_or_at_capacity_is_passed_over() -> None:
    sales = Sales()
    given = [only(sales.enquire(str(n), employees=2000), LeadRouted) for n in range(3)]
    assert [(one.rep.id, one.pool) for one in given] == [
        ("rep-b", "enterprise"),
        ("rep-b", "enterprise"),
        ("rep-a", "inbound"),
    ]
    choice = sales.decisions[-1].choice
    assert choice is not None
    asked = {(look.pool, one.rep): one.verdict for look in choice.pools for one in look.candidates}
    assert asked["enterprise", "rep-b"] == "at_capacity"
    assert asked["enterprise", "rep-off"] == "unavailable"
    assert asked["inbound", "rep-a"] == "chosen"


def test_a_rep_s_own_capacity_goes_before_the_pool_s() -> None:
    sales = Sales()
    for n in range(7):
        sales.enquire(str(n))
    assert {rep: sales.open(rep) for rep in ("rep-a", "rep-b", "rep-c")} == {
        "rep-a": 3,
        "rep-b": 3,
        "rep-c": 1,
    }


def full_house() -> Sales:
    sales = Sales()
    for n in range(7):
        sales.enquire(str(n))
    return sales


def test_where_everybody_is_at_capacity_it_is_tried_again_later() -> None:
    sales = full_house()
    made = sales.batch(sales.event(sales.scored("late")))[0]
    unrouted = only(made.events, LeadUnrouted)
    assert unrouted.code == "no_capacity"
    assert unrouted.retry_at == sales.now + BUNDLE.section(ROUTING).pools[1].retry_after
    assert [(arm.name, arm.due_at) for arm in made.arm] == [("retry", unrouted.retry_at)]


def test_where_nobody_is_available_it_is_tried_again_later() -> None:
    old = "[{rep: rep-a, weight: 2}, {rep: rep-b}, {rep: rep-c}]"
    sales = Sales(changed("routing.yaml", old, "[{rep: rep-off}]"))
    assert only(sales.enquire(), LeadUnrouted).code == "no_rep"


def test_it_is_tried_again_as_often_as_the_bundle_says_and_no_more() -> None:
    sales = full_house()
    told = [only(sales.enquire("late"), LeadUnrouted)]
    told += [only(sales.give(sales.timer("late")), LeadUnrouted) for _ in range(2)]
    assert [one.retry_at is None for one in told] == [False, False, True]


def test_a_lead_that_waits_gets_the_place_that_becomes_free() -> None:
    sales = full_house()
    sales.enquire("late")
    sales.hear(sales.erased("0"))
    assert only(sales.give(sales.timer("late")), LeadRouted).rep.id == "rep-a"


def test_a_retry_that_comes_after_the_lead_was_routed_changes_nothing() -> None:
    sales = full_house()
    sales.enquire("late")
    timer = sales.timer("late")
    sales.hear(sales.erased("0"))
    made = sales.batch(sales.event(sales.scored("late")), timer)
    assert [kinds(one.events) for one in made] == [["routed"], []]
    assert made[0].cancel == ["retry"]


def test_a_lead_that_waits_and_is_no_longer_qualified_waits_no_longer() -> None:
    sales = full_house()
    sales.enquire("late")
    made = sales.batch(sales.event(sales.scored("late", stage=Stage.NURTURE, new_enquiry=False)))[0]
    assert only(made.events, LeadUnrouted).code == "not_qualified"
    assert made.cancel == ["retry"]


def test_assignment_and_decision_have_ids_that_follow_from_the_input() -> None:
    first, again = Sales(), Sales()
    assert first.enquire() == again.enquire()
    routed = only(first.events, LeadRouted)
    assert routed.assignment_id == first.held().id
    assert routed.decision_id == first.decisions[0].id
    assert first.decisions[0].lead_id == lead("x")
