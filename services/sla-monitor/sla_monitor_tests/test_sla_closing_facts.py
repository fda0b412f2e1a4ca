"""Whoever no longer has a lead is not judged from then on, whenever that is told."""

import pytest

from baton.events import FollowupType, SlaBreached, SlaMet, SlaRetracted
from sla_monitor.domain.state import Verdict
from sla_monitor_tests.lead import FIRST, MONDAY, SECOND, Lead, the

AT, DUE, LATE = "2026-03-02T13:30+01:00", "2026-03-02T14:00+01:00", "2026-03-02T14:05+01:00"

CLOSING = [
    (FollowupType.LOST, None),
    (FollowupType.MERGED, None),
    (FollowupType.DELETED, "rep-2"),
    (FollowupType.OWNER_CHANGED, "rep-2"),
    (FollowupType.CLAIMED, "rep-2"),
]


@pytest.mark.parametrize(("kind", "rep"), CLOSING)
def test_what_ends_an_assignment_before_it_is_due_closes_the_clock(
    lead: Lead, kind: FollowupType, rep: str | None
) -> None:
    lead.routed(MONDAY)
    retracted = the(lead.followed_up(kind, AT, rep=rep), SlaRetracted)

    assert isinstance(retracted, SlaRetracted)
    assert retracted.code == "released"
    assert lead.timers == {}


@pytest.mark.parametrize(("kind", "rep"), CLOSING)
def test_what_ended_an_assignment_and_is_told_late_takes_the_breach_back(
    lead: Lead, kind: FollowupType, rep: str | None
) -> None:
    lead.routed(MONDAY)
    the([lead.wait_until(DUE)[-1]], SlaBreached)
    retracted = the(lead.followed_up(kind, AT, heard=LATE, rep=rep), SlaRetracted)

    assert isinstance(retracted, SlaRetracted)
    assert retracted.code == "released"


@pytest.mark.parametrize(("kind", "rep"), CLOSING)
def test_what_comes_after_the_due_time_takes_nothing_back(
    lead: Lead, kind: FollowupType, rep: str | None
) -> None:
    lead.routed(MONDAY)
    lead.wait_until(DUE)
    assert lead.followed_up(kind, LATE, rep=rep) == []


def test_who_wins_the_lead_has_answered_it(lead: Lead) -> None:
    lead.routed(MONDAY)
    the(lead.followed_up(FollowupType.WON, AT), SlaMet)


def test_who_wins_the_lead_is_not_judged_where_that_does_not_count_as_an_answer(
    lead: Lead,
) -> None:
    lead.routed(MONDAY, sla="strict")
    the(lead.followed_up(FollowupType.WON, "2026-03-02T10:30+01:00"), SlaRetracted)


@pytest.mark.parametrize("kind", [FollowupType.OWNER_CHANGED, FollowupType.CLAIMED])
@pytest.mark.parametrize("rep", ["rep-1", None])
def test_an_owner_who_is_the_rep_or_nobody_named_ends_nothing(
    lead: Lead, kind: FollowupType, rep: str | None
) -> None:
    lead.routed(MONDAY)
    lead.followed_up(kind, AT, rep=rep)
    assert lead.stands(FIRST) is Verdict.RUNNING


def test_a_claim_of_another_rep_is_not_an_answer_of_this_one(lead: Lead) -> None:
    lead.routed(MONDAY, sla="patient")
    the(lead.followed_up(FollowupType.CLAIMED, AT, rep="rep-2", assignment=FIRST), SlaRetracted)


def test_a_claim_of_the_rep_is_an_acceptance(lead: Lead) -> None:
    lead.routed(MONDAY, sla="patient")
    the(lead.followed_up(FollowupType.CLAIMED, AT, rep="rep-1"), SlaMet)


def test_a_change_of_owner_that_names_another_assignment_is_about_that_one(lead: Lead) -> None:
    lead.routed(MONDAY)
    changed = FollowupType.OWNER_CHANGED
    assert lead.followed_up(changed, AT, rep="rep-2", assignment=SECOND) == []


def test_a_lead_that_is_lost_is_lost_whichever_assignment_is_named(lead: Lead) -> None:
    lead.routed(MONDAY)
    the(lead.followed_up(FollowupType.LOST, AT, assignment=SECOND), SlaRetracted)


@pytest.mark.parametrize(("kind", "rep"), CLOSING)
def test_what_happened_before_an_assignment_does_not_end_it(
    lead: Lead, kind: FollowupType, rep: str | None
) -> None:
    lead.routed(MONDAY)
    assert lead.followed_up(kind, "2026-03-02T09:50+01:00", heard=LATE, rep=rep) == []


def test_the_change_that_gave_a_rep_the_lead_does_not_take_it_away(lead: Lead) -> None:
    lead.routed(MONDAY)
    changed = FollowupType.OWNER_CHANGED
    lead.followed_up(changed, AT, rep="rep-2")
    lead.routed(AT, SECOND, rep="rep-2")

    assert lead.stands(FIRST) is Verdict.RELEASED
    assert lead.stands(SECOND) is Verdict.RUNNING


def test_a_call_after_the_owner_had_changed_is_not_the_former_owners(lead: Lead) -> None:
    lead.routed(MONDAY)
    lead.followed_up(FollowupType.CONTACTED, "2026-03-02T13:40+01:00", rep="rep-2")
    events = lead.followed_up(FollowupType.OWNER_CHANGED, AT, heard=LATE, rep="rep-2")
    the(events, SlaRetracted)


def test_an_end_before_a_renewal_leaves_the_new_enquiry_its_clock(lead: Lead) -> None:
    lead.routed(MONDAY)
    lead.renewed("2026-03-02T13:40+01:00")
    lead.followed_up(FollowupType.LOST, AT, heard="2026-03-02T13:50+01:00")

    assert lead.stands(FIRST) is Verdict.RELEASED
    assert lead.stands(SECOND) is Verdict.RUNNING


def test_an_end_after_a_renewal_ends_the_clock_that_serves_it(lead: Lead) -> None:
    lead.routed(MONDAY)
    lead.renewed("2026-03-02T11:00+01:00")
    the(lead.followed_up(FollowupType.LOST, AT), SlaRetracted)
    assert lead.timers == {}


def test_a_loss_that_a_fast_clock_puts_into_the_future_ended_when_it_was_received(
    lead: Lead,
) -> None:
    lead.routed(MONDAY)
    the(lead.followed_up(FollowupType.LOST, LATE, heard=AT), SlaRetracted)


def test_an_owner_who_gets_the_lead_back_does_not_owe_the_old_answer(lead: Lead) -> None:
    lead.routed(MONDAY)
    lead.followed_up(FollowupType.OWNER_CHANGED, AT, rep="rep-2")
    lead.followed_up(FollowupType.OWNER_CHANGED, "2026-03-02T13:40+01:00", rep="rep-1")

    assert lead.stands(FIRST) is Verdict.RELEASED
