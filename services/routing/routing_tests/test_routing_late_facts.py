"""Facts that are told late: they have the effect that they would have had, and no lead is lost."""

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
from routing_tests.sales import Sales, changed, kinds, lead, only


def with_owner() -> Sales:
    """rep-a has the lead since 10:00 and it is 11:05; its promise was for an hour."""
    sales = Sales()
    sales.hear(sales.scored(qualified_at=sales.now))
    sales.later(minutes=65)
    return sales


def moved_by_a_breach() -> Sales:
    """As `with_owner`, but at 11:00 the lead went to rep-b for a breach."""
    sales = Sales()
    sales.hear(sales.scored(qualified_at=sales.now))
    sales.later(minutes=60)
    sales.hear(sales.breach())
    assert sales.rep() == "rep-b"
    sales.later(minutes=5)
    return sales


# --- a lead that sales gave up and that is qualified


def test_a_lead_that_qualified_after_the_rejection_is_routed_once_the_rejection_is_read() -> None:
    # Both `lead.scored` are read before the follow-up: the topics have no common order.
    sales = with_owner()
    rejected_at = sales.now
    sales.hear(sales.scored(stage=Stage.NURTURE, new_enquiry=False))
    sales.later(minutes=65)
    sales.hear(sales.scored(new_enquiry=False, qualified_at=sales.now))
    freed, routed = sales.hear(sales.followup(FollowupType.REJECTED, at=rejected_at))
    assert isinstance(freed, LeadReleased)
    assert isinstance(routed, LeadRouted)
    assert (freed.code, freed.occurred_at) == (ReleaseCode.REJECTED, rejected_at)
    assert routed.attempt == 1


def test_a_lead_that_qualified_after_a_late_rejection_is_routed_once_scoring_says_so() -> None:
    sales = with_owner()
    rejected_at = sales.now
    sales.later(hours=2)
    assert kinds(sales.hear(sales.followup(FollowupType.REJECTED, at=rejected_at))) == [
        "released",
        "unrouted",
    ]
    trial_at = rejected_at + timedelta(hours=1)
    routed = only(sales.hear(sales.scored(new_enquiry=False, qualified_at=trial_at)), LeadRouted)
    assert routed.change == AssignmentChange.NEW


def test_a_lead_that_was_qualified_before_the_rejection_waits_and_says_why() -> None:
    sales = with_owner()
    _, told = sales.hear(sales.followup(FollowupType.REJECTED))
    assert isinstance(told, LeadUnrouted)
    assert (told.code, told.retry_at) == ("rejected", None)
    since = sales.now - timedelta(minutes=65)
    assert kinds(sales.hear(sales.scored(new_enquiry=False, qualified_at=since))) == []


def test_an_old_enquiry_that_is_told_late_does_not_hide_one_after_the_rejection() -> None:
    sales = with_owner()
    rejected_at = sales.now
    sales.later(minutes=5)
    sales.enquire()
    sales.hear(sales.scored(at=rejected_at - timedelta(days=3)))
    sales.later(minutes=5)
    events = sales.hear(sales.followup(FollowupType.REJECTED, rep="rep-a", at=rejected_at))
    assert kinds(events) == ["released", "routed"]


# --- what scoring said, out of order


def test_what_scoring_said_before_changes_nothing_once_something_newer_is_read() -> None:
    sales = Sales()
    older = sales.event(sales.scored(employees=5, new_enquiry=False, stage=Stage.LEAD), 1)
    sales.later(minutes=1)
    sales.give(sales.event(sales.scored(employees=50), 2))
    assert kinds(sales.give(older)) == []
    scored = sales.leads[lead("x")].scored
    assert scored is not None
    assert (scored.stage, scored.profile.company.employees) == (Stage.MQL, 50)


def test_an_enquiry_that_is_replayed_after_newer_news_is_answered_with_what_is_known_now() -> None:
    sales = Sales()
    older = sales.event(sales.scored(employees=5), 1)
    sales.later(minutes=1)
    sales.give(sales.event(sales.scored(employees=50, new_enquiry=False), 2))
    routed = only(sales.give(older), LeadRouted)
    assert (routed.change, routed.profile.company.employees) == (AssignmentChange.RENEWED, 50)


def test_a_database_of_scoring_that_was_restored_counts_anew_and_is_believed() -> None:
    sales = Sales()
    sales.give(sales.event(sales.scored(), 7))
    sales.later(minutes=1)
    sales.give(sales.event(sales.scored(stage=Stage.SAL, new_enquiry=False), 3))
    scored = sales.leads[lead("x")].scored
    assert scored is not None
    assert scored.stage is Stage.SAL


# --- an owner that the CRM names


@pytest.mark.parametrize("type_", [FollowupType.CLAIMED, FollowupType.OWNER_CHANGED])
def test_an_owner_of_before_the_lead_was_closed_does_not_get_it_again(type_: FollowupType) -> None:
    sales = with_owner()
    sales.hear(sales.followup(FollowupType.LOST))
    sales.later(minutes=5)
    stale = sales.followup(type_, rep="rep-d", at=sales.now - timedelta(days=60))
    assert kinds(sales.hear(stale)) == []


def test_an_owner_of_before_the_enquiry_does_not_get_a_lead_that_waits() -> None:
    sales = Sales()
    sales.hear(sales.scored(stage=Stage.LEAD))
    stale = sales.followup(
        FollowupType.OWNER_CHANGED, rep="rep-d", at=sales.now - timedelta(days=35)
    )
    assert kinds(sales.hear(stale)) == []


# --- a lead that ended before its breach


@pytest.mark.parametrize(
    ("type_", "rep"),
    [
        (FollowupType.WON, None),
        (FollowupType.LOST, None),
        (FollowupType.DELETED, None),
        (FollowupType.MERGED, None),
        (FollowupType.REJECTED, "rep-a"),
        (FollowupType.OWNER_CHANGED, "rep-d"),
        (FollowupType.CLAIMED, "rep-d"),
    ],
)
def test_an_assignment_ends_when_it_ended_and_not_when_that_is_told(
    type_: FollowupType, rep: str | None
) -> None:
    sales = with_owner()
    at = sales.now - timedelta(minutes=35)
    freed = sales.hear(sales.followup(type_, rep=rep, at=at))[0]
    assert isinstance(freed, LeadReleased)
    assert freed.occurred_at == at


def test_an_assignment_does_not_end_before_it_began() -> None:
    sales = with_owner()
    at = sales.held().assigned_at - timedelta(minutes=1)
    freed = sales.hear(sales.followup(FollowupType.WON, at=at))[0]
    assert isinstance(freed, LeadReleased)
    assert freed.occurred_at == sales.assignments[freed.assignment_id].assignment.assigned_at


@pytest.mark.parametrize(
    ("type_", "rep"), [(FollowupType.WON, None), (FollowupType.REJECTED, "rep-a")]
)
def test_a_lead_that_ended_before_the_breach_is_not_the_next_rep_s_to_answer(
    type_: FollowupType, rep: str | None
) -> None:
    sales = moved_by_a_breach()
    started = sales.held().assigned_at
    at = started - timedelta(minutes=30)
    freed, told = sales.hear(sales.followup(type_, rep=rep, at=at))
    assert isinstance(freed, LeadReleased)
    assert isinstance(told, LeadUnrouted)
    assert (freed.rep.id, freed.occurred_at) == ("rep-b", started)
    assert sales.open("rep-b") == 0
    # The turn of rep-b was none: only that of rep-a is left.
    assert sales.pools["inbound"] == {
        "rep-a": -500_000_000,
        "rep-b": 250_000_000,
        "rep-c": 250_000_000,
    }


def test_an_owner_whom_the_crm_named_before_the_breach_has_the_lead() -> None:
    sales = moved_by_a_breach()
    at = sales.now - timedelta(minutes=35)
    freed, routed = sales.hear(sales.followup(FollowupType.OWNER_CHANGED, rep="rep-d", at=at))
    assert isinstance(freed, LeadReleased)
    assert isinstance(routed, LeadRouted)
    assert (freed.rep.id, routed.rep.id) == ("rep-b", "rep-d")


def test_the_crm_s_echo_of_the_first_assignment_does_not_take_the_lead_back() -> None:
    sales = moved_by_a_breach()
    echo = sales.followup(
        FollowupType.OWNER_CHANGED, rep="rep-a", at=sales.now - timedelta(minutes=64)
    )
    assert kinds(sales.hear(echo)) == []


@pytest.mark.parametrize("type_", [FollowupType.WON, FollowupType.OWNER_CHANGED])
def test_a_rep_who_has_touched_the_lead_keeps_it_whatever_was_before(type_: FollowupType) -> None:
    sales = moved_by_a_breach()
    sales.hear(sales.followup(FollowupType.ATTEMPTED, rep="rep-b"))
    at = sales.now - timedelta(minutes=35)
    assert kinds(sales.hear(sales.followup(type_, rep="rep-d", at=at))) == []


# --- a breach that is taken back


def test_a_lead_returns_to_the_rep_who_answered_in_time() -> None:
    sales = moved_by_a_breach()
    second = sales.held()
    first = second.previous_assignment
    assert first is not None
    freed, routed = sales.hear(sales.retraction(first))
    assert isinstance(freed, LeadReleased)
    assert isinstance(routed, LeadRouted)
    assert (freed.assignment_id, freed.code) == (second.id, ReleaseCode.BREACH_RETRACTED)
    assert freed.occurred_at == second.assigned_at
    assert (routed.rep.id, routed.previous_rep) == ("rep-a", "rep-b")
    assert (routed.change, routed.previous_assignment) == (AssignmentChange.RETURNED, first)
    assert (sales.open("rep-a"), sales.open("rep-b")) == (1, 0)


def test_the_turn_of_the_rep_who_gives_the_lead_back_is_as_if_it_had_not_been_taken() -> None:
    sales = Sales()
    sales.enquire()
    before = dict(sales.pools["inbound"])
    first = sales.held().id
    sales.hear(sales.breach())
    sales.hear(sales.retraction(first))
    assert sales.pools["inbound"] == before


@pytest.mark.parametrize(
    "touch", [FollowupType.ATTEMPTED, FollowupType.CONTACTED, FollowupType.ACCEPTED]
)
def test_a_lead_that_the_present_owner_has_touched_does_not_return(touch: FollowupType) -> None:
    sales = moved_by_a_breach()
    first = sales.held().previous_assignment
    assert first is not None
    sales.hear(sales.followup(touch, rep="rep-b"))
    assert kinds(sales.hear(sales.retraction(first))) == []
    assert (sales.rep(), sales.decisions[-1].code) == ("rep-b", "kept")


def test_what_the_first_rep_did_is_no_touch_of_the_present_owner_s() -> None:
    sales = moved_by_a_breach()
    first = sales.held().previous_assignment
    assert first is not None
    answered = sales.now - timedelta(minutes=15)
    sales.hear(sales.followup(FollowupType.CONTACTED, rep="rep-a", at=answered))
    assert kinds(sales.hear(sales.retraction(first))) == ["released", "routed"]
    assert sales.held().worked_at == answered
    assert sales.open("rep-a") == 0


@pytest.mark.parametrize("first_read", ["follow-up", "retraction"])
def test_the_answer_counts_whichever_is_read_first(first_read: str) -> None:
    sales = moved_by_a_breach()
    first = sales.held().previous_assignment
    assert first is not None
    facts = [
        sales.followup(FollowupType.CONTACTED, rep="rep-a", at=sales.now - timedelta(minutes=15)),
        sales.retraction(first),
    ]
    for fact in facts if first_read == "follow-up" else reversed(facts):
        sales.hear(fact)
    assert (sales.rep(), sales.open("rep-a"), sales.open("rep-b")) == ("rep-a", 0, 0)


@pytest.mark.parametrize(
    ("code", "fact"),
    [
        ("released", lead("a fact")),
        ("answered_earlier", lead("a fact")),
        ("answered_in_time", None),
    ],
)
def test_only_a_retraction_that_names_the_answer_returns_a_lead(code: str, fact: object) -> None:
    sales = moved_by_a_breach()
    first = sales.held().previous_assignment
    assert first is not None
    retraction = sales.retraction(first, code=code).model_copy(update={"fact": fact})
    assert kinds(sales.hear(retraction)) == []


def test_a_lead_returns_to_a_rep_who_is_in_no_pool() -> None:
    sales = Sales(changed("routing.yaml", "max_attempts: 2", "max_attempts: 3"))
    sales.enquire()
    sales.later(minutes=1)
    sales.hear(sales.followup(FollowupType.CLAIMED, rep="rep-d"))
    claimed = sales.held().id
    sales.hear(sales.breach())
    assert sales.rep() != "rep-d"
    sales.hear(sales.retraction(claimed))
    assert sales.rep() == "rep-d"


def test_a_retraction_that_is_heard_twice_returns_the_lead_once() -> None:
    sales = moved_by_a_breach()
    first = sales.held().previous_assignment
    assert first is not None
    sales.hear(sales.retraction(first))
    assert kinds(sales.hear(sales.retraction(first))) == []


def test_an_enquiry_that_came_while_the_second_rep_had_the_lead_goes_along() -> None:
    sales = moved_by_a_breach()
    first = sales.held().previous_assignment
    assert first is not None
    sales.enquire()
    newest = sales.held().enquiry
    freed, returned, renewed = sales.hear(sales.retraction(first))
    assert isinstance(freed, LeadReleased)
    assert isinstance(returned, LeadRouted)
    assert isinstance(renewed, LeadRouted)
    assert renewed.change == AssignmentChange.RENEWED
    assert renewed.previous_assignment == returned.assignment_id != renewed.assignment_id
    assert (renewed.rep.id, renewed.enquiry) == ("rep-a", newest)
    assert sales.open("rep-a") == 1


def test_a_lead_that_the_second_rep_declined_and_nobody_else_can_take_returns() -> None:
    sales = moved_by_a_breach()
    first = sales.held().previous_assignment
    assert first is not None
    events = sales.hear(sales.followup(FollowupType.DECLINED, rep="rep-b"))
    assert kinds(events) == ["released", "unrouted"]
    assert only(sales.hear(sales.retraction(first)), LeadRouted).rep.id == "rep-a"


def test_a_lead_that_was_closed_since_does_not_return() -> None:
    sales = moved_by_a_breach()
    first = sales.held().previous_assignment
    assert first is not None
    sales.hear(sales.followup(FollowupType.WON))
    assert kinds(sales.hear(sales.retraction(first))) == []
