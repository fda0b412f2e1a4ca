"""What is kept of a lead is bounded, and what was let go is owned up to."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from uuid import UUID, uuid5

from baton.events import FollowupType
from baton.policy.bundle import Bundle
from sla_monitor.domain.business_time import Hours
from sla_monitor.domain.facts import may_lack_facts, with_clocks, with_followup, with_release
from sla_monitor.domain.state import (
    CLOCKS_KEPT,
    FOLLOWUPS_KEPT,
    RELEASES_KEPT,
    Clock,
    Followup,
    LeadClocks,
    Release,
    Verdict,
)

NAMES = UUID("00000000-0000-8000-8000-00000000000e")
MONDAY = datetime(2026, 3, 2, 8, tzinfo=UTC)
CONTACTED = FollowupType.CONTACTED


def minute(count: int) -> datetime:
    return MONDAY + timedelta(minutes=count)


def followup(count: int, kind: FollowupType = CONTACTED) -> Followup:
    return Followup(
        id=uuid5(NAMES, f"{kind} {count}"),
        type=kind,
        occurred_at=minute(count),
        received_at=minute(count),
        rep=None,
        assignment_id=None,
    )


def clock(count: int, told: Verdict = Verdict.MET) -> Clock:
    return Clock(
        id=uuid5(NAMES, f"clock {count}"),
        assignment_id=uuid5(NAMES, f"assignment {count}"),
        target="first_response",
        cycle=1,
        side="sales",
        rep="rep-1",
        team="inside",
        pool="inbound",
        policy="standard",
        bundle="",
        calendar="always",
        allowed_seconds=3600,
        met_by=(CONTACTED,),
        reassign=True,
        started_at=minute(count),
        warn_at=None,
        due_at=minute(count + 60),
        told=told,
    )


def kept(*facts: Followup) -> LeadClocks:
    state = LeadClocks()
    for fact in facts:
        state = with_followup(state, fact)
    return state


def test_the_newest_followups_of_each_type_are_kept() -> None:
    note = followup(0, FollowupType.NOTE)
    contacts = [followup(count) for count in range(1, FOLLOWUPS_KEPT + 3)]
    state = kept(note, *contacts)

    assert state.followups == (note, *contacts[2:])
    assert state.followups_forgotten == {CONTACTED: contacts[1].occurred_at}


def test_what_is_kept_does_not_depend_on_the_order_or_on_repetition() -> None:
    settled = [followup(count) for count in range(10, FOLLOWUPS_KEPT + 8)]
    last = [followup(count) for count in (1, 2, 3, 90)]
    outcomes = {
        kept(*order, *settled, *order).model_dump_json() for order in permutations(last)
    } | {kept(*settled, *order, *settled).model_dump_json() for order in permutations(last)}

    assert len(outcomes) == 1


def test_a_clock_may_lack_facts_only_from_the_time_that_was_let_go() -> None:
    state = kept(*(followup(count) for count in range(FOLLOWUPS_KEPT + 1)))

    assert may_lack_facts(state, (CONTACTED,), minute(0))
    assert not may_lack_facts(state, (CONTACTED,), minute(1))
    assert not may_lack_facts(state, (FollowupType.ACCEPTED,), minute(0))


def test_the_newest_releases_are_kept() -> None:
    state = LeadClocks()
    releases = [
        Release(id=uuid5(NAMES, str(count)), assignment_id=NAMES, occurred_at=minute(count))
        for count in range(RELEASES_KEPT + 1)
    ]
    for release in [*reversed(releases), *releases]:
        state = with_release(state, release)

    assert state.releases == tuple(releases[1:])


def test_the_oldest_closed_clocks_are_let_go_and_running_ones_are_not() -> None:
    running = clock(0, Verdict.RUNNING)
    closed = [clock(count) for count in range(1, CLOCKS_KEPT + 2)]
    state = with_clocks(LeadClocks(), (*reversed(closed), running))

    assert state.clocks == (running, *closed[1:])
    assert state.clocks_forgotten == closed[0].started_at
    assert with_clocks(state, state.clocks) == state


def test_business_time_is_told_as_far_as_a_calendar_goes(bundle: Bundle) -> None:
    hours = Hours({}, bundle)
    end = MONDAY + timedelta(days=5000)

    assert hours.used(clock(0), MONDAY, end) == 4000 * 24 * 3600
