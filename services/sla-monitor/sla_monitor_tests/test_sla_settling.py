"""What clocks of several targets mean for each other; each target is settled by itself."""

from datetime import datetime, timedelta
from uuid import UUID, uuid5

import pytest

from baton.events import AssignmentChange, FollowupType
from sla_monitor.domain.settling import settled
from sla_monitor.domain.state import Assignment, Clock, LeadClocks, Mark

NAMES = UUID("00000000-0000-8000-8000-00000000000d")
MONDAY = datetime.fromisoformat("2026-03-02T10:00Z")
FACT = UUID("00000000-0000-8000-8000-0000000000f1")


def named(name: str) -> UUID:
    return uuid5(NAMES, name)


def minute(count: int) -> datetime:
    return MONDAY + timedelta(minutes=count)


def assignment(
    name: str, start: int, change: AssignmentChange, previous: str, tenure: str
) -> Assignment:
    return Assignment(
        id=named(name),
        tenure=named(tenure),
        started_at=minute(start),
        change=change,
        previous=named(previous),
    )


def clock(of: str, target: str, start: int, due: int, answer: int | None = None) -> Clock:
    return Clock(
        id=named(f"{target} of {of}"),
        assignment_id=named(of),
        target=target,
        cycle=1,
        side="sales",
        rep="rep-1",
        team="inside",
        pool="inbound",
        policy="standard",
        bundle="",
        calendar="always",
        allowed_seconds=3600,
        met_by=(FollowupType.CONTACTED,),
        reassign=True,
        started_at=minute(start),
        warn_at=None,
        due_at=minute(due),
        answer=None if answer is None else Mark(at=minute(answer), fact=FACT),
    )


RENEWAL = assignment("second", 20, AssignmentChange.RENEWED, "first", "first")
AFTER_BREACH = assignment("second", 61, AssignmentChange.BREACHED, "first", "second")


def test_each_target_is_covered_by_its_own_clock_alone() -> None:
    state = LeadClocks(
        clocks=(
            clock("first", "call", 0, 60, answer=10),
            clock("first", "meeting", 0, 90),
            clock("second", "call", 20, 80),
            clock("second", "meeting", 20, 70),
        ),
        assignments=(RENEWAL,),
    )
    found = {each.id: each for each in settled(state)}

    assert not found[named("call of second")].covered
    assert found[named("meeting of second")].covered
    assert found[named("call of first")].moved is None
    assert found[named("meeting of first")].due.at == minute(70)


def test_a_target_that_the_new_policy_lacks_goes_on_unchanged() -> None:
    meeting = clock("first", "meeting", 0, 90)
    state = LeadClocks(
        clocks=(clock("first", "call", 0, 60), meeting, clock("second", "call", 20, 50)),
        assignments=(RENEWAL,),
    )
    assert meeting in settled(state)


@pytest.mark.parametrize(
    ("call", "meeting", "void"), [(50, 55, True), (50, None, False), (None, 55, False)]
)
def test_an_assignment_that_one_of_two_breaches_led_to_stands_while_one_of_them_does(
    call: int | None, meeting: int | None, *, void: bool
) -> None:
    state = LeadClocks(
        clocks=(
            clock("first", "call", 0, 60, call),
            clock("first", "meeting", 0, 61, meeting),
            clock("second", "call", 61, 121),
        ),
        assignments=(AFTER_BREACH,),
    )
    (found,) = (each for each in settled(state) if each.id == named("call of second"))
    assert found.void == (Mark(at=minute(61), fact=FACT) if void else None)


def test_a_breach_that_gives_the_lead_to_nobody_else_is_no_cause() -> None:
    told_only = clock("first", "meeting", 0, 61).model_copy(update={"reassign": False})
    state = LeadClocks(
        clocks=(clock("first", "call", 0, 60, 50), told_only, clock("second", "call", 61, 121)),
        assignments=(AFTER_BREACH,),
    )
    (found,) = (each for each in settled(state) if each.id == named("call of second"))
    assert found.void is not None
