"""Makes the events of a clock. A verdict is retracted before another one is published, so that a
reader who counts events counts each clock once. A clock that goes on after a retraction publishes
its start again. `occurred_at` is the time of the start, the warning, the answer, the due time, or
the enquiry that moved the due time. For a retraction it is the time when it was decided.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypedDict
from uuid import UUID

from baton.events import (
    SlaBreached,
    SlaEvent,
    SlaMet,
    SlaMoved,
    SlaRetracted,
    SlaStarted,
    SlaWarned,
)
from sla_monitor.domain.judging import verdict
from sla_monitor.domain.state import Breach, Clock, Due, Mark, Verdict

Used = Callable[[Clock, datetime, datetime], int]
"""Whole business seconds between two moments, by a clock's calendar."""


class Retraction(StrEnum):
    """Why what a clock said does not hold."""

    RELEASED = "released"
    """The assignment ended before the clock was due, and before an answer: it closes unjudged."""
    ANSWERED_IN_TIME = "answered_in_time"
    """It was called a breach, and an answer in time came to light: `sla.met` follows."""
    ANSWERED_EARLIER = "answered_earlier"
    """It was met, and by an earlier fact than was told: `sla.met` follows."""
    BREACH_RETRACTED = "breach_retracted"
    """The assignment exists only because of a breach that was wrong: nothing was promised."""
    DUE_EARLIER = "due_earlier"
    """It was met, and a new enquiry came to light that was due before the answer: it runs on."""
    COVERED = "covered"
    """An earlier clock came to light that ran at its start, and serves its enquiry too."""
    ERASED = "erased"
    """The person must be forgotten, and the clock with them."""


@dataclass(frozen=True, slots=True)
class Telling:
    """A clock after what it has told, and the events that tell it."""

    clock: Clock
    events: tuple[SlaEvent, ...] = ()


class _Common(TypedDict):
    lead_id: UUID
    clock_id: UUID
    assignment_id: UUID
    target: str
    cycle: int
    side: str
    rep: str
    team: str
    pool: str


def start(lead_id: UUID, clock: Clock) -> SlaStarted:
    """The event that a clock started."""
    return SlaStarted(
        **_common(lead_id, clock),
        occurred_at=clock.started_at,
        started_at=clock.started_at,
        warn_at=clock.due.warn_at,
        due_at=clock.due.at,
        calendar=clock.calendar,
        allowed_seconds=clock.allowed_seconds,
    )


def move(lead_id: UUID, clock: Clock, before: Due) -> SlaMoved:
    """The event that the due time of a clock changed."""
    common = _common(lead_id, clock)
    common["assignment_id"] = clock.due.assignment_id
    return SlaMoved(
        **common,
        occurred_at=clock.due.since,
        due_before=before.at,
        due_at=clock.due.at,
        warn_at=clock.due.warn_at,
    )


def warn(lead_id: UUID, clock: Clock, used: Used, now: datetime) -> Telling:
    """The warning before a breach; None if the clock is decided or due."""
    if verdict(clock) is not Verdict.RUNNING or clock.warned_at is not None or now >= clock.due.at:
        return Telling(clock)
    seconds = used(clock, clock.started_at, now)
    event = SlaWarned(
        **_common(lead_id, clock),
        occurred_at=clock.due.warn_at or now,
        due_at=clock.due.at,
        used_seconds=seconds,
    )
    return Telling(clock.model_copy(update={"warned_at": now, "used_seconds": seconds}), (event,))


def judge(lead_id: UUID, clock: Clock, used: Used, now: datetime) -> Telling:
    """The events for the changes of the clock since its last event."""
    found = verdict(clock)
    if found is clock.told and (found is not Verdict.MET or clock.answer == clock.met):
        return Telling(clock)
    events = _retracted(lead_id, clock, found, now)
    if found is Verdict.MET and clock.answer is not None:
        return _met(lead_id, clock, clock.answer, events, used)
    if found is Verdict.BREACHED:
        return _breached(lead_id, clock, events, used, now)
    if found is Verdict.RUNNING:
        events = (*events, start(lead_id, clock))
    return Telling(clock.model_copy(update={"told": found, "met": None}), events)


def erase(lead_id: UUID, clock: Clock, fact: UUID, now: datetime) -> SlaRetracted:
    """The event that a running clock ends because the lead is erased."""
    return _retraction(lead_id, clock, Retraction.ERASED, fact, now)


def _retracted(lead_id: UUID, clock: Clock, found: Verdict, now: datetime) -> tuple[SlaEvent, ...]:
    """The retraction of what was told; none where nothing stands that could be taken back."""
    if clock.told in {Verdict.RELEASED, Verdict.COVERED}:
        return ()
    why = _never_due(clock, found) or _wrong(clock, found)
    return () if why is None else (_retraction(lead_id, clock, *why, now),)


def _never_due(clock: Clock, found: Verdict) -> tuple[Retraction, UUID | None] | None:
    """Why nobody is judged by the clock, and the fact that shows it."""
    if found is Verdict.COVERED:
        return Retraction.COVERED, None
    if found is Verdict.RELEASED and clock.void is not None:
        return Retraction.BREACH_RETRACTED, clock.void.fact
    if found is Verdict.RELEASED and clock.end is not None:
        return Retraction.RELEASED, clock.end.fact
    return None


def _wrong(clock: Clock, found: Verdict) -> tuple[Retraction, UUID | None] | None:
    """Why the verdict that was told is another, and the fact that shows it."""
    if found is Verdict.MET and clock.answer is not None:
        if clock.told is Verdict.BREACHED:
            return Retraction.ANSWERED_IN_TIME, clock.answer.fact
        if clock.told is Verdict.MET:
            return Retraction.ANSWERED_EARLIER, clock.answer.fact
    elif clock.told is Verdict.MET:
        return Retraction.DUE_EARLIER, None
    return None


def _met(
    lead_id: UUID, clock: Clock, answer: Mark, before: tuple[SlaEvent, ...], used: Used
) -> Telling:
    seconds = used(clock, clock.started_at, answer.at)
    event = SlaMet(
        **_common(lead_id, clock),
        occurred_at=answer.at,
        due_at=clock.due.at,
        met_at=answer.at,
        used_seconds=seconds,
        fact=answer.fact,
    )
    told = clock.model_copy(update={"told": Verdict.MET, "met": answer, "used_seconds": seconds})
    return Telling(told, (*before, event))


def _breached(
    lead_id: UUID, clock: Clock, before: tuple[SlaEvent, ...], used: Used, now: datetime
) -> Telling:
    breach = Breach(
        at=now,
        used_seconds=used(clock, clock.started_at, now),
        late_seconds=used(clock, clock.due.at, now),
    )
    event = SlaBreached(
        **_common(lead_id, clock),
        occurred_at=clock.due.at,
        due_at=clock.due.at,
        used_seconds=breach.used_seconds,
        late_seconds=breach.late_seconds,
        reassign=clock.reassign,
        facts_complete=clock.facts_complete,
    )
    told = clock.model_copy(
        update={
            "told": Verdict.BREACHED,
            "met": None,
            "breach": breach,
            "used_seconds": breach.used_seconds,
        }
    )
    return Telling(told, (*before, event))


def _retraction(
    lead_id: UUID, clock: Clock, code: Retraction, fact: UUID | None, now: datetime
) -> SlaRetracted:
    return SlaRetracted(**_common(lead_id, clock), occurred_at=now, code=code, fact=fact)


def _common(lead_id: UUID, clock: Clock) -> _Common:
    return _Common(
        lead_id=lead_id,
        clock_id=clock.id,
        assignment_id=clock.assignment_id,
        target=clock.target,
        cycle=clock.cycle,
        side=clock.side,
        rep=clock.rep,
        team=clock.team,
        pool=clock.pool,
    )
