"""Decides the verdict of a clock: which facts count for it, and what they mean. A *tenure* is the
time in which one rep has the lead without a break, over one or several assignments.

- `baton.followups` decides when a fact happened and whether it counts. In addition, a claim counts
  here as a fact about an assignment: it answers only the clock of the rep or assignment it names.
- The promise is made to the lead. A follow-up of any rep answers the clock, whichever rep or
  assignment it names. A fact about an assignment counts if that assignment belongs to the clock's
  tenure and if the clock had started by the time of the fact. A fact that names only the rep must
  be later than the start of the clock.
- A later milestone includes the earlier ones: a meeting answers a clock that waits for a contact,
  unless the policy accepts only the types that it lists.
- An assignment ends when it is released; when its rep declines or rejects the lead; when the lead
  is won, lost, merged or deleted; and when another rep claims the lead or gets it in the CRM, at or
  after the start of the clock.
- The first of these closes the clock: an answer by the due time (also at the moment of the end), an
  end before the due time, the due time.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from baton import followups
from baton.events import FollowupType
from baton.followups import ENDING, TAKING, counted_since, happened_at, is_of_rep
from sla_monitor.domain.state import Clock, Followup, Mark, Release, Verdict

OF_ASSIGNMENT = followups.OF_ASSIGNMENT | {FollowupType.CLAIMED}
"""Routing treats a claim as a fact about the lead, because it decides which assignment ends."""

Starts = Mapping[UUID, datetime]
"""The assignments of a clock's tenure, its own among them, and when each began."""


def verdict(clock: Clock) -> Verdict:
    """How a clock stands by the facts that it has seen; it breaches only by its timer."""
    if clock.covered:
        return Verdict.COVERED
    if clock.void is not None:
        return Verdict.RELEASED
    answer, end = clock.answer, clock.end
    in_time = answer is not None and answer.at <= clock.due.at
    if answer is not None and in_time and (end is None or answer.at <= end.at):
        return Verdict.MET
    if end is not None and end.at < clock.due.at:
        return Verdict.RELEASED
    return Verdict.BREACHED if clock.due_passed else Verdict.RUNNING


def undecided_at(clock: Clock, moment: datetime) -> bool:
    """Whether nothing had closed the clock before a moment, by the facts that it has seen."""
    if clock.covered or clock.void is not None:
        return False
    closed = [mark.at for mark in (clock.answer, clock.end) if mark is not None]
    return moment <= min([clock.due.at, *closed])


def deciding(clock: Clock) -> frozenset[FollowupType]:
    """The types of the follow-ups that may close the clock."""
    return clock.answers | ENDING | TAKING


def with_followups(clock: Clock, facts: Iterable[Followup], starts: Starts) -> Clock:
    """The clock once it has seen these follow-ups."""
    answer, end = clock.answer, clock.end
    answers = clock.answers
    for fact in facts:
        taken = fact.type in TAKING and fact.rep not in {None, clock.rep}
        ended = _taken_at(clock, fact, starts) if taken else None
        counted = None
        if not (taken and fact.type in OF_ASSIGNMENT):
            counted = counted_at(clock, fact, starts)
        if counted is not None and fact.type in answers:
            answer = _earlier(answer, Mark(at=counted, fact=fact.id))
        if fact.type in ENDING:
            ended = counted
        if ended is not None:
            end = _earlier(end, Mark(at=ended, fact=fact.id))
    return clock.model_copy(update={"answer": answer, "end": end})


def with_releases(clock: Clock, facts: Iterable[Release], starts: Starts) -> Clock:
    """The clock once it has seen these releases; those of other tenures don't concern it."""
    end = clock.end
    for fact in facts:
        at = _named_at(clock, fact.assignment_id, fact.occurred_at, starts)
        if at is not None:
            end = _earlier(end, Mark(at=at, fact=fact.id))
    return clock.model_copy(update={"end": end})


def counted_at(clock: Clock, fact: Followup, starts: Starts) -> datetime | None:
    """When a fact counts for a clock, at its start or later; None where it does not."""
    if fact.type not in OF_ASSIGNMENT:
        return counted_since(fact, clock.started_at)
    at = happened_at(fact)
    if fact.assignment_id is not None:
        return _named_at(clock, fact.assignment_id, at, starts)
    # A fact from before the start is no answer. The end of the assignment has its own release.
    return at if is_of_rep(fact, clock.rep, clock.started_at, early=timedelta(0)) else None


def _taken_at(clock: Clock, fact: Followup, starts: Starts) -> datetime | None:
    at = happened_at(fact)
    ours = fact.assignment_id is None or fact.assignment_id in starts
    return at if ours and at >= clock.started_at else None


def _named_at(clock: Clock, assignment_id: UUID, at: datetime, starts: Starts) -> datetime | None:
    """When a fact that names an assignment counts; one of another tenure does not."""
    if assignment_id not in starts:
        return None
    since_named = max(at, starts[assignment_id])
    return since_named if since_named >= clock.started_at else None


def _earlier(known: Mark | None, mark: Mark) -> Mark:
    if known is None:
        return mark
    return min(known, mark, key=lambda either: (either.at, either.fact))
