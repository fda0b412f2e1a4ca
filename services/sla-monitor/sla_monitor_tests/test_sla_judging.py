"""Which follow-ups count for a clock, as a table. The clock runs from 10:00 to 14:00."""

from datetime import datetime
from uuid import UUID

import pytest

from baton.events import FollowupType
from sla_monitor.domain import judging
from sla_monitor.domain.state import Clock, Followup, Mark, Release, Verdict

OURS = UUID("00000000-0000-8000-8000-0000000000a1")
THEIRS = UUID("00000000-0000-8000-8000-0000000000a2")
FACT = UUID("00000000-0000-8000-8000-0000000000f1")

RENEWED = UUID("00000000-0000-8000-8000-0000000000a3")

CONTACTED = FollowupType.CONTACTED
ACCEPTED = FollowupType.ACCEPTED
DECLINED = FollowupType.DECLINED
REJECTED = FollowupType.REJECTED


def at(time: str) -> datetime:
    return datetime.fromisoformat(f"2026-03-02T{time}Z")


TENURE = {OURS: at("10:00"), RENEWED: at("12:00")}


def clock(*met_by: FollowupType) -> Clock:
    return Clock(
        id=UUID("00000000-0000-8000-8000-0000000000c1"),
        assignment_id=OURS,
        target="first_response",
        cycle=1,
        side="sales",
        rep="rep-1",
        team="inside",
        pool="inbound",
        policy="standard",
        bundle="",
        calendar="office",
        allowed_seconds=4 * 3600,
        met_by=met_by,
        reassign=True,
        started_at=at("10:00"),
        warn_at=None,
        due_at=at("14:00"),
    )


def followup(
    kind: FollowupType,
    occurred: str,
    received: str,
    rep: str | None = None,
    assignment: UUID | None = None,
) -> Followup:
    return Followup(
        id=FACT,
        type=kind,
        occurred_at=at(occurred),
        received_at=at(received),
        rep=rep,
        assignment_id=assignment,
    )


@pytest.mark.parametrize(
    ("fact", "answered"),
    [
        pytest.param(followup(CONTACTED, "11:00", "11:00"), "11:00", id="by nobody in particular"),
        pytest.param(followup(CONTACTED, "11:00", "11:00", "rep-1"), "11:00", id="by the rep"),
        pytest.param(
            followup(CONTACTED, "11:00", "11:00", "rep-2", THEIRS),
            "11:00",
            id="by another rep: the lead was answered",
        ),
        pytest.param(followup(CONTACTED, "11:00", "16:00"), "11:00", id="heard of late"),
        pytest.param(
            followup(CONTACTED, "14:05", "13:59"), "13:59", id="on a fast clock, received in time"
        ),
        pytest.param(followup(CONTACTED, "09:57", "10:01"), None, id="before the assignment"),
        pytest.param(
            followup(CONTACTED, "09:58", "10:01"), "10:00", id="on a slow clock, received after"
        ),
        pytest.param(followup(CONTACTED, "09:59", "09:59"), None, id="just before the assignment"),
        pytest.param(
            followup(CONTACTED, "10:00", "09:58"), "10:00", id="received on a slow clock of ours"
        ),
        pytest.param(
            followup(CONTACTED, "10:05", "09:57"), None, id="received before the assignment"
        ),
        pytest.param(followup(FollowupType.NOTE, "11:00", "11:00"), None, id="of another type"),
        pytest.param(followup(ACCEPTED, "11:00", "11:00", "rep-1"), "11:00", id="accepted by rep"),
        pytest.param(
            followup(ACCEPTED, "11:00", "11:00", "rep-2"), None, id="accepted by another rep"
        ),
        pytest.param(
            followup(ACCEPTED, "11:00", "11:00", "rep-1", THEIRS), None, id="accepted elsewhere"
        ),
        pytest.param(
            followup(ACCEPTED, "09:00", "11:00", "rep-2", OURS), "10:00", id="accepted by its id"
        ),
        pytest.param(
            followup(ACCEPTED, "10:00", "10:01"), None, id="accepted before, at the very start"
        ),
        pytest.param(
            followup(ACCEPTED, "13:00", "13:00", "rep-1", RENEWED),
            "13:00",
            id="accepted by the id of its renewal",
        ),
        pytest.param(
            followup(ACCEPTED, "11:00", "13:00", "rep-1", RENEWED),
            "12:00",
            id="accepted by the id of its renewal, which began later",
        ),
    ],
)
def test_an_answer_counts(fact: Followup, answered: str | None) -> None:
    seen = judging.with_followups(clock(CONTACTED, ACCEPTED), [fact], TENURE)

    assert seen.answer == (Mark(at=at(answered), fact=FACT) if answered else None)
    assert judging.verdict(seen) is (Verdict.MET if answered else Verdict.RUNNING)


@pytest.mark.parametrize("kind", [DECLINED, REJECTED])
@pytest.mark.parametrize(
    ("rep", "assignment", "received", "ended"),
    [
        pytest.param(None, None, "11:00", True, id="by nobody in particular"),
        pytest.param("rep-1", None, "11:00", True, id="by the rep"),
        pytest.param("rep-2", None, "11:00", False, id="by another rep"),
        pytest.param("rep-1", OURS, "16:00", True, id="by its id, heard of late"),
        pytest.param("rep-1", THEIRS, "11:00", False, id="of another assignment"),
    ],
)
def test_a_rep_who_gives_the_lead_back_ends_the_assignment(
    kind: FollowupType, rep: str | None, assignment: UUID | None, received: str, *, ended: bool
) -> None:
    fact = followup(kind, "11:00", received, rep, assignment)
    seen = judging.with_followups(clock(CONTACTED), [fact], TENURE)

    assert judging.verdict(seen) is (Verdict.RELEASED if ended else Verdict.RUNNING)


def test_the_decline_that_led_to_an_assignment_does_not_end_it() -> None:
    fact = followup(DECLINED, "10:00", "10:01")
    assert (
        judging.verdict(judging.with_followups(clock(CONTACTED), [fact], TENURE)) is Verdict.RUNNING
    )


def test_a_rejection_is_an_answer_where_the_target_says_so() -> None:
    fact = followup(REJECTED, "11:00", "11:00", "rep-1")
    assert judging.verdict(judging.with_followups(clock(REJECTED), [fact], TENURE)) is Verdict.MET


def released(assignment: UUID, time: str) -> Release:
    return Release(id=FACT, assignment_id=assignment, occurred_at=at(time))


def test_a_release_ends_its_own_assignment_alone() -> None:
    assert judging.with_releases(clock(CONTACTED), [released(THEIRS, "11:00")], TENURE).end is None
    ended = judging.with_releases(clock(CONTACTED), [released(OURS, "11:00")], TENURE)
    assert ended.end == Mark(at=at("11:00"), fact=FACT)


def test_a_release_ends_the_renewals_that_began_before_it_and_no_later_one() -> None:
    by_the_newest = judging.with_releases(clock(CONTACTED), [released(RENEWED, "13:00")], TENURE)
    assert by_the_newest.end == Mark(at=at("13:00"), fact=FACT)
    later = clock(CONTACTED).model_copy(
        update={"assignment_id": RENEWED, "started_at": at("12:00")}
    )
    assert judging.with_releases(later, [released(OURS, "11:00")], TENURE).end is None
    ended = judging.with_releases(later, [released(OURS, "12:30")], TENURE)
    assert ended.end == Mark(at=at("12:30"), fact=FACT)


@pytest.mark.parametrize(
    ("answer", "end", "moment", "undecided"),
    [
        (None, None, "14:00", True),
        (None, None, "14:01", False),
        ("11:00", None, "11:00", True),
        ("11:00", None, "11:01", False),
        (None, "11:00", "11:00", True),
        (None, "11:00", "11:01", False),
        ("12:00", "11:00", "11:30", False),
    ],
)
def test_a_clock_is_undecided_until_the_first_of_an_answer_an_end_and_its_due_time(
    answer: str | None, end: str | None, moment: str, *, undecided: bool
) -> None:
    running = clock(CONTACTED).model_copy(
        update={
            "answer": Mark(at=at(answer), fact=FACT) if answer else None,
            "end": Mark(at=at(end), fact=FACT) if end else None,
        }
    )
    assert judging.undecided_at(running, at(moment)) is undecided


def test_an_assignment_does_not_end_before_it_began() -> None:
    ended = judging.with_releases(clock(CONTACTED), [released(OURS, "09:59")], TENURE)
    assert ended.end == Mark(at=at("10:00"), fact=FACT)


@pytest.mark.parametrize(
    ("answer", "end", "verdict"),
    [
        ("14:00", None, Verdict.MET),
        ("14:01", None, Verdict.BREACHED),
        (None, "13:59", Verdict.RELEASED),
        (None, "14:00", Verdict.BREACHED),
        ("12:00", "12:00", Verdict.MET),
        ("12:01", "12:00", Verdict.RELEASED),
        ("14:01", "14:02", Verdict.BREACHED),
        ("14:00", "14:00", Verdict.MET),
    ],
)
def test_what_comes_first_closes_a_clock(
    answer: str | None, end: str | None, verdict: Verdict
) -> None:
    closed = clock(CONTACTED).model_copy(
        update={
            "answer": Mark(at=at(answer), fact=FACT) if answer else None,
            "end": Mark(at=at(end), fact=FACT) if end else None,
            "due_passed": True,
        }
    )

    assert judging.verdict(closed) is verdict
