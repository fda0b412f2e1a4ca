"""Who converts a lead, opens a deal or wins it has dealt with it before."""

from pathlib import Path

import pytest

from baton.events import FollowupType, SlaBreached, SlaMet
from baton.policy.bundle import Bundle
from baton.runtime.decisions import Arm
from sla_monitor.domain import LeadClocks
from sla_monitor.policy.sla import MILESTONES, SLA, with_later_milestones
from sla_monitor_tests.lead import MONDAY, Lead, the

OLD = Path(__file__).parent / "states" / "running.json"
"""A state as release 140cc3f wrote it: the second clock runs, and the lead was converted."""

AT = "2026-03-02T11:00+01:00"


def test_the_milestones_are_in_the_order_in_which_a_lead_passes_them() -> None:
    names = [sorted(step) for step in MILESTONES]
    assert names == [
        ["accepted", "claimed"],
        ["attempted"],
        ["contacted"],
        ["meeting_booked"],
        ["meeting_held"],
        ["converted"],
        ["opportunity"],
        ["won"],
    ]


def test_what_is_no_milestone_implies_nothing() -> None:
    kinds = frozenset({FollowupType.REJECTED, FollowupType.NOTE})
    assert with_later_milestones(kinds) == kinds


@pytest.mark.parametrize(
    "kind",
    [
        FollowupType.CONTACTED,
        FollowupType.MEETING_BOOKED,
        FollowupType.MEETING_HELD,
        FollowupType.CONVERTED,
        FollowupType.OPPORTUNITY,
        FollowupType.WON,
    ],
)
def test_a_later_milestone_keeps_the_promise(lead: Lead, kind: FollowupType) -> None:
    lead.routed(MONDAY)
    the(lead.followed_up(kind, AT), SlaMet)
    assert lead.timers == {}


@pytest.mark.parametrize("kind", [FollowupType.ACCEPTED, FollowupType.ATTEMPTED, FollowupType.NOTE])
def test_an_earlier_milestone_does_not(lead: Lead, kind: FollowupType) -> None:
    lead.routed(MONDAY)
    assert lead.followed_up(kind, AT) == []


def test_who_attempts_a_call_has_accepted_the_lead(lead: Lead) -> None:
    lead.routed(MONDAY, sla="patient")
    the(lead.followed_up(FollowupType.ATTEMPTED, AT), SlaMet)


def test_a_target_may_ask_for_exactly_what_it_names(lead: Lead) -> None:
    lead.routed(MONDAY, sla="strict")
    assert lead.followed_up(FollowupType.CONVERTED, "2026-03-02T10:30+01:00") == []
    the([lead.wait_until("2026-03-02T11:00+01:00")[-1]], SlaBreached)


def test_a_bundle_that_says_nothing_of_it_is_as_it_was_and_has_later_milestones_count(
    bundle: Bundle,
) -> None:
    target = bundle.section(SLA).policies["standard"].targets
    assert all(each.later_milestones for each in target.values())


def test_a_clock_that_ran_when_the_release_was_upgraded_counts_later_milestones(
    lead: Lead,
) -> None:
    lead.state = LeadClocks.model_validate_json(OLD.read_bytes())
    assert lead.state.clocks[0].told == "breached"
    events = lead.followed_up(FollowupType.NOTE, "2026-03-02T13:50+01:00")
    met = the(events, SlaMet)

    assert isinstance(met, SlaMet)
    assert met.cycle == 2


def test_a_clock_that_runs_out_after_the_upgrade_has_seen_what_was_read_before_it(
    lead: Lead,
) -> None:
    lead.state = LeadClocks.model_validate_json(OLD.read_bytes())
    running = lead.state.clocks[1]
    arm = Arm(running.due_timer, running.due_at, accuses=True)
    the(lead.fire(arm, "2026-03-03T09:00:02+01:00"), SlaMet)
