"""The life of a clock, by examples in the bundle's two calendars."""

import pytest

from baton.events import (
    FollowupType,
    LeadErased,
    SlaBreached,
    SlaMet,
    SlaRetracted,
    SlaStarted,
    SlaWarned,
)
from baton.policy.bundle import Bundle
from baton.runtime.decisions import Arm
from baton.runtime.inputs import CommandInput
from baton.subjects import Subject
from sla_monitor.domain.deciding import UnexpectedInputError
from sla_monitor.domain.starting import UnknownPolicyError
from sla_monitor.policy.reads import READS
from sla_monitor_tests.lead import FIRST, LEAD, MONDAY, SECOND, Lead, event_id, t, the


def test_an_assignment_starts_a_clock_in_the_hours_of_its_team(lead: Lead) -> None:
    started = the(lead.routed(MONDAY), SlaStarted)

    assert isinstance(started, SlaStarted)
    assert started.due_at == t("2026-03-02T14:00+01:00")
    assert started.warn_at == t("2026-03-02T13:00+01:00")
    assert (started.allowed_seconds, started.calendar) == (4 * 3600, "office")
    assert (started.target, started.cycle, started.side) == ("first_response", 1, "sales")
    assert lead.timers == {
        f"warn:{started.clock_id}": Arm(f"warn:{started.clock_id}", t("2026-03-02T13:00+01:00")),
        f"due:{started.clock_id}": Arm(
            f"due:{started.clock_id}", t("2026-03-02T14:00+01:00"), accuses=True
        ),
    }


@pytest.mark.parametrize(
    ("start", "due"),
    [
        pytest.param("2026-03-06T16:00+01:00", "2026-03-09T12:00+01:00", id="over a weekend"),
        pytest.param("2026-04-30T15:00+02:00", "2026-05-04T11:00+02:00", id="over a holiday"),
        pytest.param("2026-03-27T15:00+01:00", "2026-03-30T11:00+02:00", id="into summer time"),
        pytest.param("2026-03-02T22:00+01:00", "2026-03-03T13:00+01:00", id="from after hours"),
    ],
)
def test_only_business_hours_count(lead: Lead, start: str, due: str) -> None:
    started = the(lead.routed(start), SlaStarted)
    assert isinstance(started, SlaStarted)
    assert started.due_at == t(due)

    lead.wait_until(due)
    breached = lead.told[-1]

    assert isinstance(breached, SlaBreached)
    assert (breached.used_seconds, breached.late_seconds) == (4 * 3600, 0)


def test_the_night_shift_works_while_clocks_go_back(lead: Lead) -> None:
    started = the(lead.routed("2026-10-25T00:30+02:00", team="night"), SlaStarted)

    assert isinstance(started, SlaStarted)
    assert started.due_at == t("2026-10-25T03:30+01:00")


def test_a_contact_in_time_meets_the_promise_and_stops_its_timers(lead: Lead) -> None:
    lead.routed("2026-03-06T16:00+01:00")
    met = the(lead.followed_up(FollowupType.CONTACTED, "2026-03-09T09:30+01:00"), SlaMet)

    assert isinstance(met, SlaMet)
    assert met.met_at == met.occurred_at == t("2026-03-09T09:30+01:00")
    assert met.used_seconds == 90 * 60
    assert met.fact == event_id(f"{FollowupType.CONTACTED} 2026-03-09T09:30+01:00")
    assert lead.timers == {}


def test_a_contact_at_the_due_time_is_in_time(lead: Lead) -> None:
    lead.routed(MONDAY)
    the(lead.followed_up(FollowupType.CONTACTED, "2026-03-02T14:00+01:00"), SlaMet)


def test_what_the_target_does_not_name_does_not_meet_it(lead: Lead) -> None:
    lead.routed(MONDAY)
    assert lead.followed_up(FollowupType.ATTEMPTED, "2026-03-02T10:30+01:00") == []


def test_a_warning_comes_before_the_breach(lead: Lead) -> None:
    lead.routed(MONDAY)
    warned = the(lead.wait_until("2026-03-02T13:00:02+01:00"), SlaWarned)
    breached = the(lead.wait_until("2026-03-02T14:05+01:00"), SlaBreached)

    assert isinstance(warned, SlaWarned)
    assert warned.used_seconds == 3 * 3600 + 2
    assert isinstance(breached, SlaBreached)
    assert (breached.used_seconds, breached.late_seconds) == (4 * 3600 + 300, 300)
    assert breached.occurred_at == breached.due_at
    assert breached.reassign
    assert breached.facts_complete


def test_a_warning_is_given_once(lead: Lead) -> None:
    lead.routed(MONDAY)
    (warning,) = (arm for arm in lead.timers.values() if not arm.accuses)
    the(lead.fire(warning, "2026-03-02T13:00+01:00"), SlaWarned)

    assert lead.fire(warning, "2026-03-02T13:01+01:00") == []


def test_nobody_is_warned_of_what_is_due_already(lead: Lead) -> None:
    lead.routed(MONDAY)
    the(lead.wait_until("2026-03-02T14:00+01:00"), SlaBreached)


def test_a_policy_that_only_notifies_does_not_reassign(lead: Lead) -> None:
    lead.routed(MONDAY, sla="patient")
    breached = the(lead.wait_until("2026-03-02T14:00+01:00"), SlaBreached)

    assert isinstance(breached, SlaBreached)
    assert not breached.reassign


def test_a_bundle_that_reassigns_nothing_overrides_the_policy(lead: Lead) -> None:
    files = dict(lead.bundle.files)
    files["routing.yaml"] = files["routing.yaml"].replace("breach: true", "breach: false")
    lead.bundle = Bundle.parse(files, READS)
    lead.routed(MONDAY)
    breached = the(lead.wait_until("2026-03-02T14:00+01:00"), SlaBreached)

    assert isinstance(breached, SlaBreached)
    assert not breached.reassign


def test_only_clocks_that_have_changed_are_written(lead: Lead) -> None:
    lead.routed(MONDAY)
    lead.followed_up(FollowupType.CONTACTED, "2026-03-02T10:30+01:00")
    lead.routed("2026-03-02T11:00+01:00", SECOND)
    lead.followed_up(FollowupType.NOTE, "2026-03-02T11:30+01:00")

    assert [row.clock.assignment_id for row in lead.rows] == [FIRST, FIRST, SECOND]


def test_what_is_due_already_gets_no_timer_to_warn(lead: Lead) -> None:
    lead.routed(MONDAY, heard="2026-03-02T15:00+01:00")
    assert [arm.accuses for arm in lead.timers.values()] == [True]


def test_a_breach_says_where_facts_may_be_missing(lead: Lead) -> None:
    lead.routed(MONDAY, sla="patient")
    events = lead.wait_until("2026-03-02T14:10+01:00", facts_complete=False)
    breached = the(events, SlaBreached)

    assert isinstance(breached, SlaBreached)
    assert not breached.facts_complete


def test_each_assignment_starts_the_next_cycle(lead: Lead) -> None:
    lead.routed(MONDAY)
    lead.wait_until("2026-03-02T14:00+01:00")
    started = the(lead.routed("2026-03-02T14:00+01:00", SECOND, rep="rep-2"), SlaStarted)

    assert isinstance(started, SlaStarted)
    assert (started.cycle, started.rep) == (2, "rep-2")


def test_an_assignment_that_comes_twice_starts_one_clock(lead: Lead) -> None:
    lead.routed(MONDAY)
    assert lead.routed(MONDAY) == []


def test_a_timer_of_a_closed_clock_does_nothing(lead: Lead) -> None:
    lead.routed(MONDAY)
    timers = list(lead.timers.values())
    lead.followed_up(FollowupType.CONTACTED, "2026-03-02T11:00+01:00")
    for arm in timers:
        assert lead.fire(arm, "2026-03-02T15:00+01:00") == []


def test_an_erased_lead_takes_its_running_clocks_and_their_timers_with_it(lead: Lead) -> None:
    lead.routed(MONDAY)
    timers = list(lead.timers.values())
    now = "2026-03-02T11:00+01:00"
    erased = LeadErased(lead_id=LEAD, occurred_at=t(now), requested_by="dpo", why="asked")
    retracted = the(lead.fact(erased, "erased", now), SlaRetracted)

    assert isinstance(retracted, SlaRetracted)
    assert retracted.code == "erased"
    assert lead.state is None
    assert lead.timers == {}
    for arm in timers:
        assert lead.fire(arm, "2026-03-02T15:00+01:00") == []


def test_a_clock_that_has_started_since_the_erasure_runs_on(lead: Lead) -> None:
    lead.routed(MONDAY)
    lead.followed_up(FollowupType.NOTE, "2026-03-02T10:30+01:00")
    lead.routed("2026-03-02T12:00+01:00", SECOND)
    late = "2026-03-02T12:01+01:00"
    up_to = t("2026-03-02T11:00+01:00")
    erased = LeadErased(lead_id=LEAD, occurred_at=up_to, requested_by="dpo", why="asked")
    lead.rows.clear()

    retracted = the(lead.fact(erased, "erased", late), SlaRetracted)
    assert isinstance(retracted, SlaRetracted)
    assert retracted.assignment_id == FIRST
    assert lead.state is not None
    assert [clock.assignment_id for clock in lead.state.clocks] == [SECOND]
    assert lead.state.followups == ()
    assert {row.clock.assignment_id for row in lead.rows} == {SECOND}
    assert len(lead.timers) == 2
    the(lead.wait_until("2026-03-02T15:00+01:00"), SlaWarned)
    the(lead.wait_until("2026-03-02T16:00+01:00"), SlaBreached)


def test_an_assignment_under_an_unknown_policy_is_refused(lead: Lead) -> None:
    with pytest.raises(UnknownPolicyError, match="no SLA policy 'gone'"):
        lead.routed(MONDAY, sla="gone")
    with pytest.raises(UnknownPolicyError, match="no team 'gone'"):
        lead.routed(MONDAY, team="gone")


def test_a_timer_of_a_clock_that_is_gone_does_nothing(lead: Lead) -> None:
    lead.routed(MONDAY)
    for name in (f"due:{SECOND}", f"warn:{SECOND}"):
        assert lead.fire(Arm(name, t(MONDAY)), MONDAY) == []


def test_a_timer_that_is_not_of_a_clock_is_refused(lead: Lead) -> None:
    lead.routed(MONDAY)
    with pytest.raises(UnexpectedInputError, match="no timer 'escalate:"):
        lead.fire(Arm(f"escalate:{FIRST}", t(MONDAY)), MONDAY)


def test_a_command_is_refused(lead: Lead) -> None:
    with pytest.raises(UnexpectedInputError, match="no command 'pause'"):
        lead.give(
            CommandInput(event_id("c"), Subject.lead(LEAD), "pause", None, t(MONDAY)), t(MONDAY)
        )


def test_a_clock_stays_under_the_bundle_that_its_assignment_was_decided_with(lead: Lead) -> None:
    agreed = lead.bundle
    changed = dict(agreed.files)
    changed["sla.yaml"] = changed["sla.yaml"].replace("4h", "1h")
    changed["calendars.yaml"] = changed["calendars.yaml"].replace("09:00-17:00", "12:00-17:00")
    lead.bundle = Bundle.parse(changed, READS)
    lead.others = {agreed.hash: agreed}
    started = the(lead.routed(MONDAY, policy=agreed.hash), SlaStarted)
    met = the(lead.followed_up(FollowupType.CONTACTED, "2026-03-02T13:30+01:00"), SlaMet)

    assert isinstance(started, SlaStarted)
    assert started.due_at == t("2026-03-02T14:00+01:00")
    assert isinstance(met, SlaMet)
    assert met.used_seconds == 3.5 * 3600
    assert lead.rows[-1].clock.bundle == agreed.hash


def test_a_clock_whose_calendar_nobody_knows_any_more_still_takes_its_answer(lead: Lead) -> None:
    lead.routed(MONDAY)
    changed = {name: text.replace("office", "shop") for name, text in lead.bundle.files.items()}
    lead.bundle = Bundle.parse(changed, READS)
    met = the(lead.followed_up(FollowupType.CONTACTED, "2026-03-02T11:00+01:00"), SlaMet)

    assert isinstance(met, SlaMet)
    assert met.used_seconds == 3600
