"""What facts do that come late, or before the assignment that they are about."""

from uuid import uuid5

from baton.events import FollowupType, SlaBreached, SlaMet, SlaRetracted, SlaStarted
from sla_monitor.domain.state import CLOCKS_KEPT, FOLLOWUPS_KEPT
from sla_monitor_tests.lead import FIRST, LEAD, MONDAY, SECOND, Lead, event_id, t, the


def test_a_clock_that_lacks_facts_says_so_when_it_breaches(lead: Lead) -> None:
    for count in range(FOLLOWUPS_KEPT + 1):
        lead.followed_up(FollowupType.CONTACTED, f"2026-03-02T15:{count:02}+01:00")
    lead.routed("2026-03-02T10:00+01:00")
    lead.wait_until("2026-03-02T16:00+01:00")
    breached = lead.told[-1]

    assert isinstance(breached, SlaBreached)
    assert not breached.facts_complete


def test_a_contact_that_was_let_go_may_have_been_just_before_the_start(lead: Lead) -> None:
    for count in range(FOLLOWUPS_KEPT + 1):
        lead.followed_up(FollowupType.CONTACTED, f"2026-03-02T15:{count:02}+01:00")
    lead.routed("2026-03-02T15:02+01:00", heard="2026-03-02T15:40+01:00")
    lead.routed("2026-03-02T15:02:01+01:00", SECOND, heard="2026-03-02T15:40+01:00")

    assert lead.state is not None
    assert [clock.facts_complete for clock in lead.state.clocks] == [False, True]


def test_an_assignment_as_old_as_clocks_that_were_let_go_starts_none(lead: Lead) -> None:
    for count in range(CLOCKS_KEPT + 1):
        lead.routed(f"2026-03-02T10:{count:02}+01:00", uuid5(LEAD, f"assignment {count}"))
        lead.followed_up(FollowupType.CONTACTED, f"2026-03-02T10:{count:02}:30+01:00")

    assert lead.routed("2026-03-02T10:00+01:00", uuid5(LEAD, "assignment 0")) == []
    the(lead.routed("2026-03-02T10:00:01+01:00", uuid5(LEAD, "late")), SlaStarted, SlaMet)


def test_a_contact_in_time_that_comes_late_takes_the_breach_back(lead: Lead) -> None:
    lead.routed(MONDAY)
    lead.wait_until("2026-03-02T14:00+01:00")
    at, heard = "2026-03-02T13:59+01:00", "2026-03-02T15:00+01:00"
    retracted, met = lead.followed_up(FollowupType.CONTACTED, at, heard=heard)

    assert isinstance(retracted, SlaRetracted)
    assert isinstance(met, SlaMet)
    assert (retracted.code, retracted.fact) == ("answered_in_time", met.fact)
    assert met.met_at == t(at)


def test_a_contact_after_the_due_time_changes_nothing(lead: Lead) -> None:
    lead.routed(MONDAY)
    lead.wait_until("2026-03-02T14:00+01:00")
    assert lead.followed_up(FollowupType.CONTACTED, "2026-03-02T14:00:01+01:00") == []
    assert lead.rows[-1].clock.answer is not None


def test_an_earlier_contact_that_comes_late_corrects_what_was_told(lead: Lead) -> None:
    lead.routed(MONDAY)
    lead.followed_up(FollowupType.CONTACTED, "2026-03-02T12:00+01:00")
    retracted, met = lead.followed_up(
        FollowupType.MEETING_BOOKED, "2026-03-02T11:00+01:00", heard="2026-03-02T12:30+01:00"
    )

    assert isinstance(retracted, SlaRetracted)
    assert retracted.code == "answered_earlier"
    assert isinstance(met, SlaMet)
    assert met.met_at == t("2026-03-02T11:00+01:00")


def test_a_later_contact_does_not_meet_a_promise_twice(lead: Lead) -> None:
    lead.routed(MONDAY)
    lead.followed_up(FollowupType.CONTACTED, "2026-03-02T11:00+01:00")
    assert lead.followed_up(FollowupType.CONTACTED, "2026-03-02T12:00+01:00") == []


def test_a_release_before_the_due_time_closes_the_clock_unjudged(lead: Lead) -> None:
    lead.routed(MONDAY)
    retracted = the(lead.released("2026-03-02T12:00+01:00"), SlaRetracted)

    assert isinstance(retracted, SlaRetracted)
    assert (retracted.code, retracted.fact) == ("released", event_id(f"released {FIRST}"))
    assert lead.timers == {}


def test_a_release_that_follows_from_the_breach_does_not_take_it_back(lead: Lead) -> None:
    lead.routed(MONDAY)
    lead.wait_until("2026-03-02T14:00+01:00")
    assert lead.released("2026-03-02T14:00+01:00") == []


def test_a_release_in_time_that_comes_late_takes_the_breach_back(lead: Lead) -> None:
    lead.routed(MONDAY)
    lead.wait_until("2026-03-02T14:00+01:00")
    retracted = the(
        lead.released("2026-03-02T13:00+01:00", heard="2026-03-02T15:00+01:00"), SlaRetracted
    )

    assert isinstance(retracted, SlaRetracted)
    assert retracted.code == "released"


def test_a_contact_after_the_release_was_not_this_reps_answer(lead: Lead) -> None:
    lead.routed(MONDAY)
    lead.followed_up(FollowupType.CONTACTED, "2026-03-02T12:00+01:00")
    retracted = the(
        lead.released("2026-03-02T11:00+01:00", heard="2026-03-02T12:30+01:00"), SlaRetracted
    )

    assert isinstance(retracted, SlaRetracted)
    assert retracted.code == "released"


def test_a_contact_before_the_release_that_comes_late_meets_the_promise(lead: Lead) -> None:
    lead.routed(MONDAY)
    lead.released("2026-03-02T12:00+01:00")
    events = lead.followed_up(
        FollowupType.CONTACTED, "2026-03-02T11:00+01:00", heard="2026-03-02T12:30+01:00"
    )
    the(events, SlaMet)


def test_facts_may_come_before_the_assignment_that_they_answer(lead: Lead) -> None:
    lead.followed_up(FollowupType.CONTACTED, "2026-03-02T10:30+01:00")
    events = lead.routed(MONDAY)

    the(events, SlaStarted, SlaMet)
    assert lead.timers == {}


def test_a_release_may_come_before_the_assignment_that_it_ends(lead: Lead) -> None:
    lead.released("2026-03-02T10:30+01:00")
    the(lead.routed(MONDAY), SlaStarted, SlaRetracted)
