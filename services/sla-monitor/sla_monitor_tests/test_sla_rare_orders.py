"""Rare orders: each enquiry has a promise, and each promise is judged once."""

from datetime import timedelta
from uuid import uuid5

import pytest

from baton.events import AssignmentChange, FollowupType, SlaMoved
from sla_monitor.domain.state import Verdict
from sla_monitor_tests.lead import FIRST, FOURTH, LEAD, MONDAY, SECOND, THIRD, Lead, t, the

CONTACTED = FollowupType.CONTACTED


def test_an_enquiry_after_the_answer_has_a_promise_when_the_lead_returns(lead: Lead) -> None:
    lead.routed(MONDAY)  # Due at 14:00.
    lead.renewed("2026-03-02T12:00+01:00")  # Served by the first clock, as far as is known.
    lead.wait_until("2026-03-02T14:00+01:00")
    lead.released("2026-03-02T14:00:02+01:00", SECOND)
    lead.reassigned("2026-03-02T14:00:02+01:00", THIRD, SECOND)
    # The first enquiry was answered before the second came.
    lead.followed_up(CONTACTED, "2026-03-02T11:00+01:00", heard="2026-03-02T14:05+01:00")
    lead.released("2026-03-02T14:00:02+01:00", THIRD, heard="2026-03-02T14:05:02+01:00")
    lead.routed(
        "2026-03-02T14:05:02+01:00", FOURTH, change=AssignmentChange.RETURNED, previous=SECOND
    )
    # Nobody has answered the second enquiry. The rep has the whole time for it from the return.
    (due_at,) = (arm.due_at for arm in lead.timers.values() if arm.accuses)
    assert due_at == t("2026-03-03T10:05:02+01:00")


def test_an_enquiry_after_the_answer_that_was_answered_too_has_no_promise_anew(lead: Lead) -> None:
    lead.routed(MONDAY)
    lead.renewed("2026-03-02T12:00+01:00")
    lead.wait_until("2026-03-02T14:00+01:00")
    lead.released("2026-03-02T14:00:02+01:00", SECOND)
    lead.reassigned("2026-03-02T14:00:02+01:00", THIRD, SECOND)
    for answered in ("11:00", "13:00"):
        at = f"2026-03-02T{answered}+01:00"
        lead.followed_up(CONTACTED, at, heard="2026-03-02T14:05+01:00")
    lead.released("2026-03-02T14:00:02+01:00", THIRD, heard="2026-03-02T14:05:02+01:00")
    lead.routed(
        "2026-03-02T14:05:02+01:00", FOURTH, change=AssignmentChange.RETURNED, previous=SECOND
    )
    assert lead.timers == {}


@pytest.mark.parametrize("answered", [True, False])
def test_one_promise_is_judged_once_however_many_enquiries_it_served(
    lead: Lead,
    answered: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    lead.routed(MONDAY)
    previous = FIRST
    for n in range(40):
        moment = (t(MONDAY) + timedelta(minutes=5 * (n + 1))).isoformat()
        following = uuid5(LEAD, str(n))
        lead.renewed(moment, following, previous)
        previous = following
    if answered:
        lead.followed_up(CONTACTED, "2026-03-02T13:50+01:00")
    lead.wait_until("2026-03-02T14:00+01:00")
    lead.followed_up(FollowupType.NOTE, "2026-03-02T14:01+01:00")
    lead.wait_until("2026-03-02T19:00+01:00")
    lead.followed_up(FollowupType.NOTE, "2026-03-02T19:01+01:00")
    lead.wait_until("2026-03-03T19:00+01:00")
    kinds = [type(event).__name__ for event in lead.told]
    assert kinds.count("SlaStarted") == 1
    assert kinds.count("SlaBreached") == (0 if answered else 1)


def test_a_promise_that_was_kept_is_no_reason_against_a_breach_of_another(lead: Lead) -> None:
    lead.routed(MONDAY)  # Due at 14:00, and kept.
    lead.followed_up(CONTACTED, "2026-03-02T10:30+01:00")
    lead.renewed("2026-03-02T11:00+01:00", sla="strict")  # Due at 12:00, and broken.
    lead.wait_until("2026-03-02T14:30+01:00")  # The monitor had stood still until then.
    lead.released("2026-03-02T14:30:02+01:00", SECOND)
    lead.reassigned("2026-03-02T14:30:02+01:00", THIRD, SECOND)
    assert lead.stands(SECOND) is Verdict.BREACHED
    assert lead.stands(THIRD) is Verdict.RUNNING


def test_a_return_while_the_clock_still_runs_starts_none_though_it_ends_unjudged_later(
    lead: Lead,
) -> None:
    lead.routed(MONDAY)
    lead.routed("2026-03-02T11:00+01:00", SECOND, change=AssignmentChange.RETURNED, previous=FIRST)
    lead.released("2026-03-02T12:00+01:00", SECOND)
    assert lead.stands(FIRST) is Verdict.RELEASED
    assert lead.stands(SECOND) is Verdict.COVERED


def test_an_enquiry_at_the_return_is_served_by_its_clock_and_not_by_one_that_ended_then(
    lead: Lead,
) -> None:
    moment = "2026-03-02T11:00+01:00"
    lead.routed(MONDAY)
    lead.followed_up(FollowupType.DECLINED, moment, rep="rep-1")
    lead.routed(moment, SECOND, change=AssignmentChange.RETURNED, previous=FIRST)
    moved = the(lead.renewed(moment, THIRD, SECOND, sla="strict"), SlaMoved)
    assert isinstance(moved, SlaMoved)
    assert moved.due_at == t("2026-03-02T12:00+01:00")
