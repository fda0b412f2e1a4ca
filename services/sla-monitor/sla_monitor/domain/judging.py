"""Which facts count for a clock, and what follows from them: the promise's fine print.

- When a fact happened and whether it counts is said by `baton.followups`. Beside that, a claim is
  about the assignment, too: it keeps no promise but that of the rep or assignment that it names.
- A promise is made to the lead. Whoever of sales answers within it keeps it, whichever rep or
  assignment the follow-up names. Of what is about the assignment itself, any of the clock's tenure
  will do: what names one did not happen before that one began, and counts for the clocks of the
  tenure that had started by then. What names only the rep must be later than the start.
- Who passes a milestone has passed those before: it keeps the promise of an earlier one, unless the
  policy wants exactly what it names.
- An assignment ends when it is released; when its rep declines or rejects it; when the lead is won,
  lost, merged or deleted, whichever rep or assignment that names, by the rule for contacts; and
  when it is claimed by, or gets for its owner, another rep than the clock's, at or after the start,
  unless that names an assignment of another tenure. What comes first closes the clock: an answer by
  the due time (also at the moment of the end), an end before the due time, the due time.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from baton import followups
from baton.events import FollowupType
from baton.followups import ENDING, TAKING, counted_since, happened_at, is_of_rep
from sla_monitor.domain.state import Clock, Followup, Mark, Release, Verdict

OF_ASSIGNMENT = followups.OF_ASSIGNMENT | {FollowupType.CLAIMED}
"""For routing a claim is about the lead: it asks which assignment the claim ends."""

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
    # What was before the start is no answer; that the assignment ended is told by its release.
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
