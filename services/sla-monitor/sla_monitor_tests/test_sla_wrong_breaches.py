"""Where a breach was wrong, those who got the lead because of it have promised nothing."""

from collections.abc import Callable
from itertools import permutations

from baton.events import (
    AssignmentChange,
    FollowupType,
    SlaBreached,
    SlaMet,
    SlaRetracted,
    SlaStarted,
)
from sla_monitor.domain.state import Verdict
from sla_monitor_tests.lead import FIRST, FOURTH, MONDAY, SECOND, THIRD, Lead, event_id, the

CONTACTED = FollowupType.CONTACTED
CALL = "2026-03-02T13:50+01:00"
LATE = "2026-03-03T15:00+01:00"


def broken(lead: Lead) -> None:
    """The first rep did not answer, as far as is known, and the second has the lead."""
    lead.routed(MONDAY)
    lead.wait_until("2026-03-02T14:00+01:00")
    lead.released("2026-03-02T14:00:02+01:00")
    lead.reassigned("2026-03-02T14:00:02+01:00")


def test_the_promise_of_the_second_rep_ends_when_it_began(lead: Lead) -> None:
    broken(lead)
    late = "2026-03-02T14:05+01:00"
    events = lead.followed_up(CONTACTED, CALL, heard=late)

    answered, met, taken_back = events
    assert isinstance(answered, SlaRetracted)
    assert (answered.code, answered.assignment_id) == ("answered_in_time", FIRST)
    assert isinstance(met, SlaMet)
    assert isinstance(taken_back, SlaRetracted)
    assert (taken_back.code, taken_back.assignment_id) == ("breach_retracted", SECOND)
    assert answered.fact == met.fact == taken_back.fact == event_id(f"{CONTACTED} {CALL}")
    assert lead.timers == {}


def test_breaches_behind_a_wrong_one_are_taken_back_with_it(lead: Lead) -> None:
    broken(lead)
    the([lead.wait_until("2026-03-03T10:00:02+01:00")[-1]], SlaBreached)
    lead.released("2026-03-03T10:00:04+01:00", SECOND)
    lead.reassigned("2026-03-03T10:00:04+01:00", THIRD, SECOND, rep="rep-1")
    events = lead.followed_up(CONTACTED, CALL, heard="2026-03-03T11:00+01:00")

    codes = [(e.code, e.assignment_id) for e in events if isinstance(e, SlaRetracted)]
    assert codes == [
        ("answered_in_time", FIRST),
        ("breach_retracted", SECOND),
        ("breach_retracted", THIRD),
    ]
    assert {e.fact for e in events if isinstance(e, SlaRetracted | SlaMet)} == {
        event_id(f"{CONTACTED} {CALL}")
    }


def test_a_kept_promise_of_the_second_rep_is_not_counted_either(lead: Lead) -> None:
    broken(lead)
    lead.followed_up(CONTACTED, "2026-03-02T14:30+01:00")
    events = lead.followed_up(CONTACTED, CALL, heard="2026-03-02T14:40+01:00")

    taken_back = events[-1]
    assert isinstance(taken_back, SlaRetracted)
    assert (taken_back.code, taken_back.assignment_id) == ("breach_retracted", SECOND)


def test_an_assignment_after_a_decline_is_a_promise_of_its_own(lead: Lead) -> None:
    broken(lead)
    lead.followed_up(FollowupType.DECLINED, "2026-03-02T14:02+01:00", rep="rep-2")
    declined = AssignmentChange.DECLINED
    lead.reassigned("2026-03-02T14:03+01:00", THIRD, SECOND, rep="rep-1", change=declined)
    lead.followed_up(CONTACTED, CALL, heard="2026-03-02T14:05+01:00")

    assert lead.stands(SECOND) is Verdict.RELEASED
    assert lead.stands(THIRD) is Verdict.RUNNING


def test_an_enquiry_of_the_lead_while_the_second_rep_has_it_is_promised_all_the_same(
    lead: Lead,
) -> None:
    broken(lead)
    lead.renewed("2026-03-02T14:03+01:00", THIRD, SECOND, rep="rep-2")
    events = lead.followed_up(CONTACTED, CALL, heard="2026-03-02T14:05+01:00")

    started = events[-1]
    assert isinstance(started, SlaStarted)
    assert started.assignment_id == THIRD


def test_a_breach_that_stands_keeps_what_came_of_it(lead: Lead) -> None:
    broken(lead)
    lead.followed_up(CONTACTED, "2026-03-02T14:00:01+01:00", heard="2026-03-02T14:05+01:00")
    assert lead.stands(FIRST) is Verdict.BREACHED
    assert lead.stands(SECOND) is Verdict.MET


def test_a_breach_that_ended_unjudged_leaves_the_second_promise(lead: Lead) -> None:
    broken(lead)
    changed = FollowupType.OWNER_CHANGED
    lead.followed_up(changed, CALL, heard="2026-03-02T14:05+01:00", rep="rep-2")

    assert lead.stands(FIRST) is Verdict.RELEASED
    assert lead.stands(SECOND) is Verdict.RUNNING


def test_the_breach_of_a_renewed_assignment_leads_to_the_next_by_its_newest_id(lead: Lead) -> None:
    lead.routed(MONDAY)
    lead.renewed("2026-03-02T13:55+01:00")
    lead.wait_until("2026-03-02T14:00+01:00")
    lead.released("2026-03-02T14:00:02+01:00", SECOND)
    lead.reassigned("2026-03-02T14:00:02+01:00", THIRD, SECOND)
    at = "2026-03-02T13:56+01:00"
    lead.followed_up(CONTACTED, at, heard="2026-03-02T14:05+01:00")

    assert lead.stands(FIRST) is Verdict.MET
    assert lead.stands(THIRD) is Verdict.RELEASED


def test_a_later_breach_of_the_same_rep_is_the_cause_though_an_earlier_one_was_wrong(
    lead: Lead,
) -> None:
    lead.routed(MONDAY)
    lead.followed_up(CONTACTED, "2026-03-02T10:30+01:00")
    lead.renewed("2026-03-02T11:00+01:00")
    lead.wait_until("2026-03-02T15:00+01:00")
    lead.reassigned("2026-03-02T15:00:02+01:00", THIRD, SECOND)
    lead.followed_up(CONTACTED, "2026-03-02T10:20+01:00", heard="2026-03-02T15:05+01:00")
    assert lead.stands(THIRD) is Verdict.RUNNING

    lead.followed_up(CONTACTED, "2026-03-02T14:59+01:00", heard="2026-03-02T15:06+01:00")
    assert lead.stands(THIRD) is Verdict.RELEASED


def test_a_promise_comes_back_where_the_answer_was_given_after_all_by_who_had_lost_the_lead(
    lead: Lead,
) -> None:
    broken(lead)
    lead.followed_up(CONTACTED, CALL, heard="2026-03-02T14:05+01:00")
    changed = FollowupType.OWNER_CHANGED
    events = lead.followed_up(
        changed, "2026-03-02T13:40+01:00", heard="2026-03-02T14:06+01:00", rep="rep-2"
    )

    started = events[-1]
    assert isinstance(started, SlaStarted)
    assert (started.assignment_id, started.cycle) == (SECOND, 2)
    the([lead.wait_until("2026-03-03T10:00:02+01:00")[-1]], SlaBreached)


def test_the_order_in_which_a_chain_is_read_does_not_matter(lead: Lead) -> None:
    bundle = lead.bundle
    facts: dict[str, Callable[[Lead], object]] = {
        "first": lambda each: each.routed(MONDAY, heard=LATE),
        "second": lambda each: each.reassigned("2026-03-02T14:00:02+01:00"),
        "third": lambda each: each.reassigned(
            "2026-03-03T10:00:04+01:00", THIRD, SECOND, rep="rep-1"
        ),
        "fourth": lambda each: each.reassigned("2026-03-03T14:00:06+01:00", FOURTH, THIRD),
        "call": lambda each: each.followed_up(CONTACTED, CALL, heard=LATE),
    }
    found = set()
    for order in permutations(facts):
        each = Lead(bundle)
        for name in order:
            facts[name](each)
        each.wait_until("2026-03-05T12:00+01:00")
        found.add(tuple(each.stands(which) for which in (FIRST, SECOND, THIRD, FOURTH)))

    assert found == {(Verdict.MET, Verdict.RELEASED, Verdict.RELEASED, Verdict.RELEASED)}


def test_a_return_that_names_the_newest_assignment_ends_the_enquirys_promise_when_it_began(
    lead: Lead,
) -> None:
    broken(lead)
    lead.renewed("2026-03-02T14:03+01:00", THIRD, SECOND, rep="rep-2")
    late = "2026-03-02T14:05+01:00"
    lead.followed_up(CONTACTED, CALL, heard=late)
    taken_back = the(lead.released("2026-03-02T14:00:02+01:00", THIRD, heard=late), SlaRetracted)

    assert isinstance(taken_back, SlaRetracted)
    assert (taken_back.code, taken_back.assignment_id) == ("released", THIRD)
    assert lead.timers == {}


def test_an_assignment_by_an_older_release_that_does_not_say_why_is_a_promise(
    lead: Lead,
) -> None:
    lead.routed(MONDAY)
    lead.reassigned("2026-03-02T14:00:02+01:00", change=AssignmentChange.NEW)
    lead.followed_up(CONTACTED, CALL, heard="2026-03-02T14:05+01:00")
    assert lead.stands(SECOND) is Verdict.RUNNING
