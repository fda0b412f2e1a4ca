"""What reps, the CRM and broken promises do to an assignment."""

from datetime import timedelta

import pytest

from baton.events import (
    EventData,
    FollowupType,
    LeadReleased,
    LeadRouted,
    LeadUnrouted,
    ReleaseCode,
    Stage,
)
from routing.domain.rows import AssignmentRow, DecisionRow
from routing_tests.sales import Sales, changed, kinds, lead, only

NOBODY_ELSE = changed(
    "routing.yaml", "[{rep: rep-a, weight: 2}, {rep: rep-b}, {rep: rep-c}]", "[{rep: rep-a}]"
)


def with_owner(sales: Sales | None = None) -> Sales:
    sales = sales or Sales()
    sales.enquire()
    sales.later(minutes=5)
    return sales


def released(events: list[EventData] | tuple[EventData, ...]) -> LeadReleased:
    first = events[0]
    assert isinstance(first, LeadReleased)
    return first


def test_accepting_is_kept_and_keeps_the_lead_on_the_rep_s_desk() -> None:
    sales = with_owner()
    assert kinds(sales.hear(sales.followup(FollowupType.ACCEPTED))) == []
    assert sales.held().accepted_at == sales.now
    assert sales.open("rep-a") == 1


@pytest.mark.parametrize(
    "type_",
    [
        FollowupType.CONTACTED,
        FollowupType.MEETING_BOOKED,
        FollowupType.MEETING_HELD,
        FollowupType.OPPORTUNITY,
        FollowupType.CONVERTED,
    ],
)
def test_a_lead_that_the_rep_has_spoken_with_frees_a_place_and_stays_with_the_rep(
    type_: FollowupType,
) -> None:
    sales = with_owner()
    assert kinds(sales.hear(sales.followup(type_))) == []
    assert sales.open("rep-a") == 0
    assert sales.rep() == "rep-a"


def test_a_place_is_freed_once() -> None:
    sales = with_owner()
    sales.hear(sales.followup(FollowupType.CONTACTED))
    sales.hear(sales.followup(FollowupType.MEETING_HELD))
    sales.hear(sales.followup(FollowupType.WON))
    assert sales.open("rep-a") == 0


def test_an_attempt_without_an_answer_frees_nothing() -> None:
    sales = with_owner()
    sales.hear(sales.followup(FollowupType.ATTEMPTED))
    assert sales.open("rep-a") == 1


@pytest.mark.parametrize("type_", list(FollowupType))
def test_a_fact_that_is_told_twice_has_its_effect_once(type_: FollowupType) -> None:
    sales = with_owner()
    fact = sales.followup(type_, rep="rep-a", reason="no-time")
    sales.hear(fact)
    before = (dict(sales.leads), dict(sales.reps), dict(sales.pools))
    assert kinds(sales.hear(fact)) == []
    assert (sales.leads, sales.reps, sales.pools) == before


@pytest.mark.parametrize("type_", list(FollowupType))
def test_a_fact_about_a_lead_that_nobody_has_changes_nothing(type_: FollowupType) -> None:
    sales = Sales()
    assert kinds(sales.hear(sales.followup(type_, rep="rep-a"))) == []
    assert sales.leads == {}


def test_declining_gives_the_lead_to_another_rep_at_once() -> None:
    sales = with_owner()
    events = sales.hear(sales.followup(FollowupType.DECLINED, reason="no-time"))
    assert kinds(events) == ["released", "routed"]
    freed, routed = events
    assert isinstance(freed, LeadReleased)
    assert isinstance(routed, LeadRouted)
    assert (freed.code, freed.reason) == (ReleaseCode.DECLINED, "no-time")
    assert freed.decision_id == routed.decision_id
    assert (routed.rep.id, routed.attempt, routed.previous_rep) == ("rep-b", 2, "rep-a")
    assert (sales.open("rep-a"), sales.open("rep-b")) == (0, 1)


def test_a_copy_of_what_one_rep_declined_does_not_take_the_lead_from_the_next() -> None:
    sales = with_owner()
    at = sales.now
    sales.later(seconds=2)
    sales.hear(sales.followup(FollowupType.DECLINED, rep="rep-a", at=at))
    sales.later(seconds=2)
    for copy in (
        sales.followup(FollowupType.DECLINED, at=at),
        sales.followup(FollowupType.DECLINED, at=sales.held().assigned_at),
        sales.followup(FollowupType.DECLINED, rep="rep-a", at=at),
        sales.followup(FollowupType.DECLINED, rep="rep-a", at=sales.now),
    ):
        assert kinds(sales.hear(copy)) == []
    assert sales.rep() == "rep-b"


def test_a_fact_that_names_an_assignment_is_about_that_one_alone() -> None:
    sales = with_owner()
    first = sales.held().id
    sales.hear(sales.followup(FollowupType.DECLINED, assignment_id=first))
    assert kinds(sales.hear(sales.followup(FollowupType.DECLINED, assignment_id=first))) == []
    assert sales.rep() == "rep-b"


@pytest.mark.parametrize("type_", [FollowupType.CONTACTED, FollowupType.WON])
@pytest.mark.parametrize("rep", [None, "rep-a", "rep-b", "somebody-else"])
def test_whoever_of_sales_speaks_with_a_lead_does_so_for_its_owner(
    type_: FollowupType, rep: str | None
) -> None:
    sales = with_owner()
    old = lead("an older assignment")
    sales.hear(sales.followup(type_, rep=rep, assignment_id=old))
    assert sales.open("rep-a") == 0


def test_what_was_done_before_the_assignment_is_not_done_for_it() -> None:
    sales = with_owner()
    before = sales.held().assigned_at - timedelta(seconds=1)
    fact = sales.followup(FollowupType.CONTACTED, at=before)
    sales.hear(fact.model_copy(update={"received_at": before}))
    sales.hear(sales.followup(FollowupType.CONTACTED, at=before - timedelta(minutes=2)))
    assert sales.open("rep-a") == 1


@pytest.mark.parametrize("type_", [FollowupType.CONTACTED, FollowupType.REJECTED])
def test_what_the_rep_did_counts_though_the_crm_s_clock_is_behind(type_: FollowupType) -> None:
    sales = with_owner()
    early = sales.held().assigned_at - timedelta(minutes=2)
    sales.hear(sales.followup(type_, rep="rep-a", at=early))
    assert sales.open("rep-a") == 0


def test_an_enquiry_is_given_to_as_many_reps_as_the_pool_says_and_no_more() -> None:
    sales = with_owner()
    sales.hear(sales.followup(FollowupType.DECLINED))
    sales.later(minutes=1)
    events = sales.hear(sales.followup(FollowupType.DECLINED))
    assert kinds(events) == ["released", "unrouted"]
    unrouted = events[1]
    assert isinstance(unrouted, LeadUnrouted)
    assert (unrouted.code, unrouted.retry_at) == ("max_attempts", None)


def test_where_every_rep_had_the_lead_it_is_told_and_not_tried_again() -> None:
    sales = with_owner(Sales(NOBODY_ELSE))
    events = sales.hear(sales.followup(FollowupType.DECLINED))
    assert kinds(events) == ["released", "unrouted"]
    unrouted = events[1]
    assert isinstance(unrouted, LeadUnrouted)
    assert (unrouted.code, unrouted.retry_at) == ("all_tried", None)


def test_a_lead_that_is_no_longer_qualified_is_not_given_to_the_next_rep() -> None:
    sales = with_owner()
    sales.hear(sales.scored(stage=Stage.NURTURE, new_enquiry=False))
    events = sales.hear(sales.followup(FollowupType.DECLINED))
    assert kinds(events) == ["released", "unrouted"]


def test_a_turn_is_given_back_where_the_reason_says_so_and_only_there() -> None:
    fair, unfair = with_owner(), with_owner()
    fair.hear(fair.followup(FollowupType.REJECTED, reason="spam"))
    unfair.hear(unfair.followup(FollowupType.REJECTED, reason="no-budget"))
    assert fair.pools["inbound"] == {}
    assert unfair.pools["inbound"] == {
        "rep-a": -500_000_000,
        "rep-b": 250_000_000,
        "rep-c": 250_000_000,
    }


def test_declining_with_the_turn_given_back_leaves_the_pool_as_if_the_rep_had_not_been_asked() -> (
    None
):
    sales = with_owner()
    sales.hear(sales.followup(FollowupType.DECLINED, reason="not-mine"))
    assert sales.rep() == "rep-b"
    assert sales.pools["inbound"] == {"rep-b": -500_000_000, "rep-c": 500_000_000}


def test_a_turn_is_given_back_to_the_pool_that_it_was_of_whatever_the_lead_is_now() -> None:
    sales = Sales(changed("routing.yaml", "{rep: rep-off}", "{rep: rep-d}"))
    sales.enquire(employees=5000)
    assert sales.pools["enterprise"] == {"rep-b": -500_000_000, "rep-d": 500_000_000}
    sales.later(minutes=5)
    sales.hear(sales.scored(new_enquiry=False))
    sales.hear(sales.followup(FollowupType.DECLINED, reason="not-mine"))
    assert sales.held().terms.pool == "inbound"
    assert sales.pools["enterprise"] == {}


def test_a_turn_is_not_given_back_once_the_rep_has_spoken_with_the_lead() -> None:
    sales = with_owner()
    sales.hear(sales.followup(FollowupType.CONTACTED))
    before = sales.pools["inbound"]
    sales.hear(sales.followup(FollowupType.REJECTED, reason="spam"))
    assert sales.pools["inbound"] == before


@pytest.mark.parametrize(
    ("type_", "code"),
    [
        (FollowupType.REJECTED, ReleaseCode.REJECTED),
        (FollowupType.WON, ReleaseCode.CLOSED),
        (FollowupType.LOST, ReleaseCode.CLOSED),
    ],
)
def test_rejecting_winning_and_losing_end_the_assignment(
    type_: FollowupType, code: ReleaseCode
) -> None:
    sales = with_owner()
    freed, told = sales.hear(sales.followup(type_, reason="no-budget"))
    assert isinstance(freed, LeadReleased)
    assert isinstance(told, LeadUnrouted)
    assert (freed.code, freed.rep.id) == (code, "rep-a")
    assert (told.code, told.retry_at) == (code, None)
    assert sales.open("rep-a") == 0
    assert kinds(sales.hear(sales.scored(stage=Stage.CUSTOMER, new_enquiry=False))) == []


def test_a_rejected_lead_that_qualifies_anew_is_routed_to_anybody() -> None:
    sales = with_owner(Sales(NOBODY_ELSE))
    sales.hear(sales.followup(FollowupType.REJECTED, reason="no-budget"))
    sales.hear(sales.scored(stage=Stage.NURTURE, new_enquiry=False))
    routed = only(sales.hear(sales.scored(new_enquiry=False)), LeadRouted)
    assert (routed.rep.id, routed.attempt, routed.previous_rep) == ("rep-a", 2, None)


def test_an_enquiry_after_the_deal_was_closed_is_a_new_beginning() -> None:
    sales = with_owner()
    sales.hear(sales.followup(FollowupType.WON))
    routed = only(sales.hear(sales.scored(stage=Stage.CUSTOMER)), LeadRouted)
    assert (routed.attempt, routed.previous_rep) == (1, None)


def test_what_ends_an_assignment_does_not_end_an_enquiry_that_came_after_it() -> None:
    sales = with_owner()
    rejected_at = sales.now
    sales.later(minutes=1)
    sales.enquire()
    events = sales.hear(sales.followup(FollowupType.REJECTED, rep="rep-a", at=rejected_at))
    assert kinds(events) == ["released", "routed"]
    assert sales.rep() == "rep-b"


def test_a_broken_promise_gives_the_lead_to_another_rep() -> None:
    sales = with_owner()
    freed, routed = sales.hear(sales.breach())
    assert isinstance(freed, LeadReleased)
    assert isinstance(routed, LeadRouted)
    assert freed.code == ReleaseCode.BREACHED
    assert (routed.rep.id, routed.attempt, routed.previous_rep) == ("rep-b", 2, "rep-a")
    assert (sales.open("rep-a"), sales.open("rep-b")) == (0, 1)


def test_a_rep_who_broke_a_promise_does_not_get_the_turn_back() -> None:
    sales = with_owner()
    sales.hear(sales.breach())
    assert sales.pools["inbound"] == {
        "rep-a": -500_000_000,
        "rep-b": -250_000_000,
        "rep-c": 750_000_000,
    }


def test_where_nobody_else_can_take_it_the_owner_keeps_a_lead_whose_promise_was_broken() -> None:
    sales = with_owner(Sales(NOBODY_ELSE))
    assert kinds(sales.hear(sales.breach())) == []
    assert sales.rep() == "rep-a"
    assert sales.decisions[-1].code == "kept"


def test_broken_promises_move_a_lead_no_further_than_the_pool_s_most_attempts() -> None:
    sales = with_owner()
    sales.hear(sales.breach())
    assert kinds(sales.hear(sales.breach())) == []
    assert sales.rep() == "rep-b"


def test_a_promise_of_an_assignment_that_has_ended_moves_nothing() -> None:
    sales = with_owner(Sales(changed("routing.yaml", "max_attempts: 2", "max_attempts: 3")))
    stale = sales.breach()
    sales.hear(stale)
    assert kinds(sales.hear(stale)) == []
    assert sales.rep() == "rep-b"


def test_a_broken_promise_moves_nothing_where_the_bundle_says_so() -> None:
    sales = with_owner()
    assert kinds(sales.hear(sales.breach(reassign=False))) == []
    stays = with_owner(Sales(changed("routing.yaml", "breach: true", "breach: false")))
    assert kinds(stays.hear(stays.breach())) == []


def test_a_lead_that_the_rep_has_spoken_with_meanwhile_stays_though_the_promise_was_broken() -> (
    None
):
    sales = with_owner()
    sales.hear(sales.followup(FollowupType.CONTACTED))
    assert kinds(sales.hear(sales.breach())) == []


def test_who_claims_a_lead_has_it_on_the_terms_of_who_had_it() -> None:
    sales = with_owner()
    freed, routed = sales.hear(sales.followup(FollowupType.CLAIMED, rep="rep-d"))
    assert isinstance(freed, LeadReleased)
    assert isinstance(routed, LeadRouted)
    assert freed.code == ReleaseCode.OWNER_CHANGED
    assert (routed.rep.id, routed.rule, routed.pool) == ("rep-d", "claimed", "inbound")
    assert (sales.open("rep-a"), sales.open("rep-d")) == (0, 1)


def test_who_claims_a_lead_that_waits_has_it_on_the_terms_of_the_rule() -> None:
    sales = Sales(
        changed("routing.yaml", "rep-a, weight: 2}, {rep: rep-b}, {rep: rep-c", "rep-off")
    )
    sales.enquire()
    made = sales.batch(sales.event(sales.followup(FollowupType.CLAIMED, rep="rep-d")))[0]
    assert only(made.events, LeadRouted).sla_policy == "warm"
    assert made.cancel == ["retry"]


def test_a_lead_given_to_somebody_whom_the_bundle_does_not_know_is_released_and_told_so() -> None:
    sales = with_owner()
    freed, told = sales.hear(sales.followup(FollowupType.OWNER_CHANGED, rep="somebody-else"))
    assert isinstance(freed, LeadReleased)
    assert isinstance(told, LeadUnrouted)
    assert freed.code == told.code == ReleaseCode.OWNER_CHANGED


def test_claiming_what_one_has_changes_nothing() -> None:
    sales = with_owner()
    assert kinds(sales.hear(sales.followup(FollowupType.CLAIMED, rep="rep-a"))) == []


def test_forgetting_a_person_frees_the_rep_and_keeps_nothing() -> None:
    sales = with_owner()
    made = sales.batch(sales.event(sales.erased()))[0]
    assert only(made.events, LeadReleased).code == ReleaseCode.ERASED
    assert (made.state, made.rows) == (None, ())
    assert sales.open("rep-a") == 0


def test_forgetting_a_person_of_whom_nothing_is_known_is_nothing() -> None:
    sales = Sales()
    assert kinds(sales.hear(sales.erased())) == []


def test_an_enquiry_after_the_person_was_forgotten_starts_anew() -> None:
    sales = with_owner()
    made = sales.batch(sales.event(sales.erased()), sales.event(sales.scored()))
    assert [kinds(one.events) for one in made] == [["released"], ["routed"]]
    assert sales.held().attempt == 1


def test_an_enquiry_since_the_person_was_forgotten_of_which_was_heard_before_starts_anew() -> None:
    sales = with_owner()
    up_to = sales.now
    sales.later(minutes=1)
    assert kinds(sales.enquire()) == ["routed"]
    made = sales.batch(sales.event(sales.erased(at=up_to)))[0]
    assert kinds(made.events) == ["released", "routed"]
    (routed,) = (event for event in made.events if isinstance(event, LeadRouted))
    assert (routed.attempt, routed.previous_rep) == (1, None)
    (assignment,) = (row for row in made.rows if isinstance(row, AssignmentRow))
    assert assignment.assignment == sales.held()
    (decision,) = (row for row in made.rows if isinstance(row, DecisionRow))
    assert (decision.code, decision.released) == ("routed", None)
    assert sales.open(sales.held().rep.id) == 1


def test_one_that_sales_does_not_take_is_told_anew_as_well() -> None:
    sales = with_owner()
    up_to = sales.now
    sales.later(minutes=1)
    sales.hear(sales.scored(stage=Stage.LEAD))
    made = sales.batch(sales.event(sales.erased(at=up_to)))[0]
    assert kinds(made.events) == ["released", "unrouted"]
    assert sales.open("rep-a") == 0
