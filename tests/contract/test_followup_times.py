"""Routing and the SLA monitor understand alike when a follow-up happened, and if it counts.

One table for both. They differ in two places, each with its reason and its rows.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from baton import followups
from baton.events import FollowupType, LeadFollowup, Rep
from routing.domain.followups import ENDS, concerns
from routing.domain.state import Assignment, Terms
from sla_monitor.domain import judging
from sla_monitor.domain.state import Clock, Followup

START = datetime(2026, 3, 2, 10, tzinfo=UTC)
OURS, OTHER = UUID(int=1), UUID(int=2)

TIMES = {
    "both long before": (-300, -121),
    "too long before, received after": (-121, 5),
    "just not too long before, received after": (-120, 5),
    "both shortly before": (-60, -1),
    "cut to the minute": (-30, 5),
    "received by a slow clock": (5, -30),
    "at the start": (0, 0),
    "after": (1, 3),
    "by a fast clock": (300, 5),
}
"""When it occurred and when it was received, in seconds after the start."""

NAMES = {
    "nobody": (None, None),
    "the rep": ("rep-a", None),
    "another rep": ("rep-b", None),
    "the assignment": ("rep-a", OURS),
    "the assignment alone": (None, OURS),
    "another assignment": ("rep-a", OTHER),
}
"""The rep and the assignment that it names."""

OF_LEAD = {
    "both long before": None,
    "too long before, received after": None,
    "just not too long before, received after": 0,
    "both shortly before": None,
    "cut to the minute": 0,
    "received by a slow clock": 0,
    "at the start": 0,
    "after": 1,
    "by a fast clock": 5,
}
"""When what is about the lead counts, in seconds after the start; None: not at all."""

NEVER: dict[str, int | None] = dict.fromkeys(TIMES)
AFTER = dict.fromkeys(TIMES) | {"after": 1, "by a fast clock": 5}
NAMED = dict.fromkeys(TIMES, 0) | {"after": 1, "by a fast clock": 5}

OF_ASSIGNMENT: Mapping[str, Mapping[str, int | None]] = {
    "nobody": AFTER,
    "the rep": AFTER,
    "another rep": NEVER,
    "the assignment": NAMED,
    "the assignment alone": NAMED,
    "another assignment": NEVER,
}
"""The same for what is about the assignment, by what it names, as the monitor has it."""

EARLY = {"just not too long before, received after", "both shortly before", "cut to the minute"}
EARLY |= {"received by a slow clock", "at the start"}
"""Routing also takes these as the rep's, where they name the rep alone: a decline must take effect
though the CRM's clock is slow. The monitor marks a moment, and what was before the start is no
answer; the end of the assignment it learns from `lead.released`."""


def followup(type_: FollowupType, time: str, named: str) -> LeadFollowup:
    occurred, received = (START + timedelta(seconds=seconds) for seconds in TIMES[time])
    rep, assignment_id = NAMES[named]
    return LeadFollowup(
        lead_id=UUID(int=9),
        occurred_at=occurred,
        received_at=received,
        source="crm",
        type=type_,
        rep=rep,
        assignment_id=assignment_id,
    )


def by_routing(fact: LeadFollowup) -> bool:
    """Whether routing takes it to be about the rep's assignment."""
    held = Assignment(
        id=OURS,
        decision_id=OURS,
        enquiry=None,
        attempt=1,
        rep=Rep(id="rep-a", name="Rep A"),
        team="inside",
        terms=Terms(rule="r", pool="p", role="sdr", sla_policy="s"),
        previous_rep=None,
        assigned_at=START,
    )
    return concerns(fact, held)


def by_monitor(fact: LeadFollowup) -> int | None:
    """When it counts for the clock of that assignment, in seconds after the start."""
    clock = Clock(
        id=UUID(int=3),
        assignment_id=OURS,
        target="first_response",
        cycle=1,
        side="sales",
        rep="rep-a",
        team="inside",
        pool="p",
        policy="s",
        bundle="b",
        calendar="c",
        allowed_seconds=60,
        met_by=(FollowupType.CONTACTED,),
        later_milestones=True,
        reassign=False,
        started_at=START,
        warn_at=None,
        due_at=START + timedelta(hours=1),
    )
    kept = Followup(
        id=UUID(int=4),
        type=fact.type,
        occurred_at=fact.occurred_at,
        received_at=fact.received_at,
        rep=fact.rep,
        assignment_id=fact.assignment_id,
    )
    at = judging.counted_at(clock, kept, {OURS: START})
    return None if at is None else int((at - START).total_seconds())


@pytest.mark.parametrize("time", TIMES)
@pytest.mark.parametrize("named", NAMES)
@pytest.mark.parametrize(
    "type_",
    [
        FollowupType.CONTACTED,
        FollowupType.ATTEMPTED,
        FollowupType.WON,
        FollowupType.LOST,
        FollowupType.DELETED,
        FollowupType.OWNER_CHANGED,
    ],
)
def test_what_is_about_the_lead_counts_whoever_is_named_unless_it_was_before(
    type_: FollowupType, named: str, time: str
) -> None:
    fact = followup(type_, time, named)
    assert by_monitor(fact) == OF_LEAD[time]
    assert by_routing(fact) is (OF_LEAD[time] is not None)


@pytest.mark.parametrize("time", TIMES)
@pytest.mark.parametrize("named", NAMES)
@pytest.mark.parametrize("type_", sorted(followups.OF_ASSIGNMENT))
def test_what_is_about_an_assignment_counts_for_the_one_that_it_names(
    type_: FollowupType, named: str, time: str
) -> None:
    fact = followup(type_, time, named)
    expected = OF_ASSIGNMENT[named][time]
    assert by_monitor(fact) == expected
    early = named == "the rep" and time in EARLY
    assert by_routing(fact) is (early or expected is not None)


@pytest.mark.parametrize("time", TIMES)
@pytest.mark.parametrize("named", NAMES)
def test_a_claim_is_about_the_assignment_for_the_monitor_and_about_the_lead_for_routing(
    named: str, time: str
) -> None:
    """A claim can keep the promise of the rep that it names, and of nobody else. Routing asks which
    assignment was current when somebody took the lead.
    """
    fact = followup(FollowupType.CLAIMED, time, named)
    assert by_monitor(fact) == OF_ASSIGNMENT[named][time]
    assert by_routing(fact) is (OF_LEAD[time] is not None)


def test_both_have_the_same_followups_end_an_assignment() -> None:
    assert set(ENDS) == followups.ENDING
