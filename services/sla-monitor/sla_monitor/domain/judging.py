"""Which facts count for a clock, and what follows from them: the promise's fine print.

- A promise is made to the lead. Whoever of sales answers within it keeps it, whichever rep or
  assignment the follow-up names. What is about the assignment itself (accepted, declined, rejected,
  claimed) counts only for the assignment, or else the rep, that it names; where it names neither,
  for the clock that runs then. Any assignment of the clock's tenure will do: what names one did not
  happen before that one began, and counts for the clocks of the tenure that had started by then.
- Who passes a milestone has passed those before: it keeps the promise of an earlier one, unless the
  policy wants exactly what it names.
- A fact happened at its `occurred_at`, or when it was received where that is earlier: a sender's
  clock may be fast, but nothing is received before it happens.
- A contact from before the assignment does not count. But clocks differ, and many senders cut the
  time to the minute: it is before only if both times are, or one of them by more than `SKEW`. Else
  what seems to have happened before the start counts as at the start.
- An assignment ends when it is released; when its rep declines or rejects it; when the lead is won,
  lost, merged or deleted, whichever rep or assignment that names, by the rule for contacts; and
  when it is claimed by, or gets for its owner, another rep than the clock's, at or after the start,
  unless that names an assignment of another tenure. What comes first closes the clock: an answer by
  the due time (also at the moment of the end), an end before the due time, the due time.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from baton.events import FollowupType
from sla_monitor.domain.state import Clock, Followup, Mark, Release, Verdict

SKEW = timedelta(minutes=2)
OF_ASSIGNMENT = frozenset(
    {
        FollowupType.ACCEPTED,
        FollowupType.DECLINED,
        FollowupType.REJECTED,
        FollowupType.CLAIMED,
    }
)
ENDING = frozenset(
    {
        FollowupType.DECLINED,
        FollowupType.REJECTED,
        FollowupType.WON,
        FollowupType.LOST,
        FollowupType.MERGED,
        FollowupType.DELETED,
    }
)
TAKING = frozenset({FollowupType.CLAIMED, FollowupType.OWNER_CHANGED})
"""These end the assignment of a rep where they name another."""

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
            counted = _counted_at(clock, fact, starts)
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


def _counted_at(clock: Clock, fact: Followup, starts: Starts) -> datetime | None:
    at = _happened_at(fact)
    if fact.type not in OF_ASSIGNMENT:
        return _since_start(clock, fact, at)
    if fact.assignment_id is not None:
        return _named_at(clock, fact.assignment_id, at, starts)
    # At the very start it is what led to this assignment, such as the decline of the one before.
    if fact.rep in {None, clock.rep} and at > clock.started_at:
        return at
    return None


def _taken_at(clock: Clock, fact: Followup, starts: Starts) -> datetime | None:
    at = _happened_at(fact)
    ours = fact.assignment_id is None or fact.assignment_id in starts
    return at if ours and at >= clock.started_at else None


def _named_at(clock: Clock, assignment_id: UUID, at: datetime, starts: Starts) -> datetime | None:
    """When a fact that names an assignment counts; one of another tenure does not."""
    if assignment_id not in starts:
        return None
    since_named = max(at, starts[assignment_id])
    return since_named if since_named >= clock.started_at else None


def _since_start(clock: Clock, fact: Followup, at: datetime) -> datetime | None:
    after = max(fact.occurred_at, fact.received_at) >= clock.started_at
    if after and at >= clock.started_at - SKEW:
        return max(at, clock.started_at)
    return None


def _happened_at(fact: Followup) -> datetime:
    return min(fact.occurred_at, fact.received_at)


def _earlier(known: Mark | None, mark: Mark) -> Mark:
    if known is None:
        return mark
    return min(known, mark, key=lambda either: (either.at, either.fact))
