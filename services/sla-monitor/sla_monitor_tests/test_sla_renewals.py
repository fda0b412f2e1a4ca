"""An enquiry of a lead with an owner has a promise of its own, or that of a clock which runs on."""

from uuid import UUID, uuid5

import pytest

from baton.events import (
    AssignmentChange,
    FollowupType,
    LeadErased,
    SlaBreached,
    SlaMet,
    SlaMoved,
    SlaRetracted,
    SlaStarted,
    SlaWarned,
)
from baton.runtime.decisions import Arm
from sla_monitor.domain.state import CLOCKS_KEPT, Verdict
from sla_monitor_tests.lead import FIRST, LEAD, MONDAY, SECOND, THIRD, Lead, t, the

CONTACTED = FollowupType.CONTACTED


def test_a_clock_that_runs_serves_the_new_enquiry_too(lead: Lead) -> None:
    lead.routed(MONDAY)
    timers = dict(lead.timers)

    assert lead.renewed("2026-03-02T11:00+01:00") == []
    assert lead.timers == timers
    breached = lead.wait_until("2026-03-02T14:00+01:00")[-1]
    assert isinstance(breached, SlaBreached)
    assert breached.assignment_id == FIRST


def test_one_answer_meets_the_promise_of_both_enquiries(lead: Lead) -> None:
    lead.routed(MONDAY)
    lead.renewed("2026-03-02T11:00+01:00")

    the(lead.followed_up(CONTACTED, "2026-03-02T11:00+01:00"), SlaMet)
    assert lead.wait_until("2026-03-03T14:00+01:00") == []


def test_an_enquiry_after_the_answer_starts_the_next_clock(lead: Lead) -> None:
    lead.routed(MONDAY)
    lead.followed_up(CONTACTED, "2026-03-02T10:30+01:00")
    started = the(lead.renewed("2026-03-02T11:00+01:00"), SlaStarted)

    assert isinstance(started, SlaStarted)
    assert (started.cycle, started.assignment_id) == (2, SECOND)
    assert started.due_at == t("2026-03-02T15:00+01:00")


@pytest.mark.parametrize("number", range(4))
def test_an_enquiry_at_the_moment_of_the_assignment_is_served_by_its_clock(
    lead: Lead, number: int
) -> None:
    # Whichever of the clocks has the smaller id.
    lead.routed(MONDAY)
    second, third = uuid5(LEAD, f"second {number}"), uuid5(LEAD, f"third {number}")
    assert lead.renewed(MONDAY, second) == []
    assert lead.renewed(MONDAY, third, second) == []
    after = "2026-03-02T15:00+01:00"
    the(lead.renewed(after, uuid5(LEAD, f"fourth {number}"), third), SlaStarted)
    assert (
        lead.renewed(after, uuid5(LEAD, f"fifth {number}"), uuid5(LEAD, f"fourth {number}")) == []
    )


def test_an_enquiry_after_the_due_time_starts_the_next_clock(lead: Lead) -> None:
    lead.routed(MONDAY)
    lead.wait_until("2026-03-02T14:00+01:00")

    the(lead.renewed("2026-03-02T14:00:01+01:00"), SlaStarted)


def test_an_enquiry_at_the_due_time_is_served_by_the_clock_that_is_due(lead: Lead) -> None:
    lead.routed(MONDAY)
    assert lead.renewed("2026-03-02T14:00+01:00") == []


def test_an_enquiry_between_the_due_time_and_its_judgement_starts_the_next_clock(
    lead: Lead,
) -> None:
    lead.routed(MONDAY)
    the(lead.renewed("2026-03-02T14:30+01:00"), SlaStarted)
    breached = the(lead.wait_until("2026-03-02T14:40+01:00"), SlaBreached)

    assert isinstance(breached, SlaBreached)
    assert breached.assignment_id == FIRST


def test_a_stricter_promise_moves_the_due_time_of_the_clock_that_runs(lead: Lead) -> None:
    (started,) = lead.routed(MONDAY)
    moved = the(lead.renewed("2026-03-02T11:00+01:00", sla="strict"), SlaMoved)

    assert isinstance(started, SlaStarted)
    assert isinstance(moved, SlaMoved)
    assert moved.warn_at is not None
    assert (moved.clock_id, moved.cycle, moved.assignment_id) == (started.clock_id, 1, SECOND)
    assert moved.occurred_at == t("2026-03-02T11:00+01:00")
    assert moved.due_before == t("2026-03-02T14:00+01:00")
    assert moved.due_at == t("2026-03-02T12:00+01:00")
    assert moved.warn_at == t("2026-03-02T11:30+01:00")
    clock = started.clock_id
    assert lead.timers == {
        f"warn:{clock}": Arm(f"warn:{clock}", moved.warn_at),
        f"due:{clock}": Arm(f"due:{clock}", moved.due_at, accuses=True),
    }
    warned = the(lead.wait_until("2026-03-02T11:30+01:00"), SlaWarned)
    breached = the(lead.wait_until("2026-03-02T12:00+01:00"), SlaBreached)
    assert isinstance(warned, SlaWarned)
    assert isinstance(breached, SlaBreached)
    assert warned.due_at == breached.due_at == breached.occurred_at == moved.due_at
    assert (breached.used_seconds, breached.late_seconds) == (2 * 3600, 0)


def test_a_due_time_is_moved_once_and_only_forward(lead: Lead) -> None:
    lead.routed(MONDAY)
    lead.renewed("2026-03-02T11:00+01:00", sla="strict")

    assert lead.renewed("2026-03-02T11:00+01:00", sla="strict") == []
    assert lead.renewed("2026-03-02T11:10+01:00", THIRD, SECOND, sla="strict") == []


def test_a_due_time_that_is_found_to_have_passed_is_judged_like_any_other(lead: Lead) -> None:
    lead.routed(MONDAY)
    late = "2026-03-02T12:30+01:00"
    moved = the(lead.renewed("2026-03-02T11:00+01:00", sla="strict", heard=late), SlaMoved)

    assert isinstance(moved, SlaMoved)
    (due,) = lead.timers.values()
    assert (due.accuses, due.due_at) == (True, moved.due_at)
    the(lead.wait_until(late), SlaBreached)


def test_an_answer_that_came_after_the_moved_due_time_no_longer_keeps_the_promise(
    lead: Lead,
) -> None:
    lead.routed(MONDAY)
    lead.followed_up(CONTACTED, "2026-03-02T12:30+01:00")
    late = "2026-03-02T12:40+01:00"
    retracted, started = lead.renewed("2026-03-02T11:00+01:00", sla="strict", heard=late)

    assert isinstance(retracted, SlaRetracted)
    assert retracted.code == "due_earlier"
    assert isinstance(started, SlaStarted)
    assert (started.clock_id, started.due_at) == (
        retracted.clock_id,
        t("2026-03-02T12:00+01:00"),
    )
    the(lead.wait_until(late), SlaBreached)


def test_an_answer_that_is_read_late_starts_the_clock_of_the_enquiry_after_it(lead: Lead) -> None:
    lead.routed(MONDAY)
    lead.renewed("2026-03-02T11:00+01:00")
    late = "2026-03-02T11:30+01:00"
    met, started = lead.followed_up(CONTACTED, "2026-03-02T10:30+01:00", heard=late)

    assert isinstance(met, SlaMet)
    assert isinstance(started, SlaStarted)
    assert (met.assignment_id, started.assignment_id, started.cycle) == (FIRST, SECOND, 2)
    assert started.started_at == t("2026-03-02T11:00+01:00")
    assert started.due_at == t("2026-03-02T15:00+01:00")
    the(lead.wait_until("2026-03-02T14:00+01:00"), SlaWarned)
    the(lead.wait_until("2026-03-02T15:00+01:00"), SlaBreached)


def test_a_clock_that_starts_late_has_seen_what_answered_it_meanwhile(lead: Lead) -> None:
    lead.routed(MONDAY)
    lead.renewed("2026-03-02T11:00+01:00")
    lead.followed_up(CONTACTED, "2026-03-02T11:20+01:00")
    late = "2026-03-02T11:30+01:00"
    events = lead.followed_up(CONTACTED, "2026-03-02T10:30+01:00", heard=late)

    retracted, met, started, met_too = events
    assert isinstance(retracted, SlaRetracted)
    assert retracted.code == "answered_earlier"
    assert isinstance(met, SlaMet)
    assert isinstance(started, SlaStarted)
    assert isinstance(met_too, SlaMet)
    assert met_too.met_at == t("2026-03-02T11:20+01:00")


def test_a_due_time_that_was_moved_is_given_back_where_the_answer_came_before_the_enquiry(
    lead: Lead,
) -> None:
    lead.routed(MONDAY)
    lead.renewed("2026-03-02T11:00+01:00", sla="strict")
    lead.wait_until("2026-03-02T12:00+01:00")
    late = "2026-03-02T12:05+01:00"
    retracted, met, started = lead.followed_up(CONTACTED, "2026-03-02T10:30+01:00", heard=late)

    assert isinstance(retracted, SlaRetracted)
    assert retracted.code == "answered_in_time"
    assert isinstance(met, SlaMet)
    assert met.due_at == t("2026-03-02T14:00+01:00")
    assert isinstance(started, SlaStarted)
    the(lead.wait_until(late), SlaBreached)


def test_the_second_of_three_enquiries_serves_the_third(lead: Lead) -> None:
    lead.routed(MONDAY)
    lead.renewed("2026-03-02T11:00+01:00")
    lead.renewed("2026-03-02T11:30+01:00", THIRD, SECOND)
    late = "2026-03-02T11:40+01:00"
    the(lead.followed_up(CONTACTED, "2026-03-02T10:30+01:00", heard=late), SlaMet, SlaStarted)

    assert lead.stands(THIRD) is Verdict.COVERED
    the(lead.followed_up(CONTACTED, "2026-03-02T12:00+01:00"), SlaMet)


def test_only_clocks_that_have_started_are_written(lead: Lead) -> None:
    lead.routed(MONDAY)
    lead.renewed("2026-03-02T11:00+01:00")
    assert [row.clock.assignment_id for row in lead.rows] == [FIRST]


def test_an_end_of_the_renewed_assignment_ends_the_clock_of_the_first(lead: Lead) -> None:
    lead.routed(MONDAY)
    lead.renewed("2026-03-02T11:00+01:00")
    retracted = the(lead.released("2026-03-02T12:00+01:00", SECOND), SlaRetracted)

    assert isinstance(retracted, SlaRetracted)
    assert (retracted.assignment_id, retracted.code) == (FIRST, "released")
    assert lead.timers == {}


@pytest.mark.parametrize("named", [FIRST, SECOND])
@pytest.mark.parametrize("first_read", [True, False])
def test_a_decline_may_name_any_assignment_of_the_tenure(
    lead: Lead, named: UUID, *, first_read: bool
) -> None:
    lead.routed(MONDAY)
    at, late = "2026-03-02T11:30+01:00", "2026-03-02T12:00+01:00"
    if first_read:
        lead.followed_up(FollowupType.DECLINED, at, heard=late, assignment=named)
        lead.renewed("2026-03-02T11:00+01:00", heard=late)
    else:
        lead.renewed("2026-03-02T11:00+01:00")
        lead.followed_up(FollowupType.DECLINED, at, heard=late, assignment=named)

    assert lead.stands(FIRST) is Verdict.RELEASED
    assert lead.timers == {}


def test_what_was_done_before_the_enquiry_does_not_answer_it_though_it_names_the_tenure(
    lead: Lead,
) -> None:
    lead.routed(MONDAY, sla="patient")
    lead.renewed("2026-03-02T11:00+01:00", sla="patient")
    accepted = FollowupType.ACCEPTED
    late = "2026-03-02T11:30+01:00"
    events = lead.followed_up(accepted, "2026-03-02T10:30+01:00", heard=late, assignment=FIRST)

    the(events, SlaMet, SlaStarted)
    assert lead.stands(SECOND) is Verdict.RUNNING


def test_what_names_the_new_assignment_happened_after_it_began(lead: Lead) -> None:
    lead.routed(MONDAY, sla="patient")
    lead.renewed("2026-03-02T11:00+01:00", sla="patient")
    late = "2026-03-02T11:30+01:00"
    events = lead.followed_up(
        FollowupType.ACCEPTED, "2026-03-02T10:30+01:00", heard=late, assignment=SECOND
    )
    met = the(events, SlaMet)

    assert isinstance(met, SlaMet)
    assert met.met_at == t("2026-03-02T11:00+01:00")


def test_a_renewal_after_an_end_starts_a_clock_of_its_own(lead: Lead) -> None:
    lead.routed(MONDAY)
    lead.followed_up(FollowupType.DECLINED, "2026-03-02T10:30+01:00", rep="rep-1")
    the(lead.renewed("2026-03-02T11:00+01:00"), SlaStarted)


def test_a_lead_that_returns_to_the_rep_who_answered_starts_no_clock(lead: Lead) -> None:
    lead.routed(MONDAY)
    returned = AssignmentChange.RETURNED
    assert lead.routed("2026-03-02T15:00+01:00", THIRD, change=returned, previous=FIRST) == []
    assert lead.renewed("2026-03-02T13:00+01:00", SECOND, FIRST) == []


def test_an_enquiry_after_the_return_starts_a_clock(lead: Lead) -> None:
    lead.routed(MONDAY)
    lead.followed_up(CONTACTED, "2026-03-02T13:00+01:00")
    returned = AssignmentChange.RETURNED
    lead.routed("2026-03-02T15:00+01:00", SECOND, change=returned, previous=FIRST)
    started = the(lead.renewed("2026-03-02T16:00+01:00", THIRD, SECOND), SlaStarted)

    assert isinstance(started, SlaStarted)
    assert (started.cycle, started.assignment_id) == (2, THIRD)
    the(lead.released("2026-03-02T16:30+01:00", THIRD), SlaRetracted)


def test_a_return_under_a_policy_that_nobody_knows_is_no_fault(lead: Lead) -> None:
    lead.routed(MONDAY)
    returned = AssignmentChange.RETURNED
    at = "2026-03-02T15:00+01:00"
    assert lead.routed(at, SECOND, sla="gone", change=returned, previous=FIRST) == []


def test_a_renewal_that_is_read_before_what_it_renews_gives_its_clock_up(lead: Lead) -> None:
    the(lead.renewed("2026-03-02T11:00+01:00"), SlaStarted)
    late = "2026-03-02T11:30+01:00"
    started, retracted = lead.routed(MONDAY, heard=late)

    assert isinstance(started, SlaStarted)
    assert isinstance(retracted, SlaRetracted)
    assert (started.assignment_id, retracted.assignment_id) == (FIRST, SECOND)
    assert retracted.code == "covered"
    restarted = lead.followed_up(CONTACTED, "2026-03-02T10:30+01:00", heard=late)[-1]
    assert isinstance(restarted, SlaStarted)
    assert (restarted.clock_id, restarted.cycle) == (retracted.clock_id, 1)


def test_an_enquiry_since_an_erasure_gets_its_clock_where_what_served_it_is_erased(
    lead: Lead,
) -> None:
    lead.routed(MONDAY)
    lead.renewed("2026-03-02T12:00+01:00")
    up_to = t("2026-03-02T11:00+01:00")
    erased = LeadErased(lead_id=LEAD, occurred_at=up_to, requested_by="dpo", why="asked")
    lead.rows.clear()

    retracted, started = lead.fact(erased, "erased", "2026-03-02T12:01+01:00")
    assert isinstance(retracted, SlaRetracted)
    assert isinstance(started, SlaStarted)
    assert (retracted.assignment_id, started.assignment_id) == (FIRST, SECOND)
    assert [row.clock.assignment_id for row in lead.rows] == [SECOND]
    assert [arm.due_at for arm in lead.timers.values() if arm.accuses] == [started.due_at]


def test_however_often_a_lead_asks_what_is_kept_is_bounded_and_an_end_is_an_end(
    lead: Lead,
) -> None:
    lead.routed(MONDAY)
    lead.renewed("2026-03-02T10:00:30+01:00", uuid5(LEAD, "0"), FIRST, sla="strict")
    for count in range(1, 150):
        at = f"2026-03-02T10:{count // 60 + 1:02}:{count % 60:02}+01:00"
        lead.renewed(at, uuid5(LEAD, str(count)), uuid5(LEAD, str(count - 1)))

    assert lead.state is not None
    assert len(lead.state.clocks) <= CLOCKS_KEPT + 2
    assert len(lead.state.assignments) <= 128
    (due,) = (arm for arm in lead.timers.values() if arm.accuses)
    assert due.due_at == t("2026-03-02T11:00:30+01:00")
    the(lead.released("2026-03-02T10:30+01:00", uuid5(LEAD, "149")), SlaRetracted)
    assert lead.timers == {}


def test_a_rep_who_was_warned_is_not_warned_again_when_the_due_time_moves(lead: Lead) -> None:
    lead.routed(MONDAY)
    the(lead.wait_until("2026-03-02T13:00+01:00"), SlaWarned)
    the(
        lead.renewed("2026-03-02T12:30+01:00", sla="strict", heard="2026-03-02T13:01+01:00"),
        SlaMoved,
    )
    assert [arm.accuses for arm in lead.timers.values()] == [True]
    the(lead.wait_until("2026-03-02T13:30+01:00"), SlaBreached)
