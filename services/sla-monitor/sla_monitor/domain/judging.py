"""Which facts count for a clock, and what follows from them: the promise's fine print.

- A promise is made to the lead. Whoever of sales answers within it keeps it, whichever rep or
  assignment the follow-up names. What is about the assignment itself (accepted, declined, rejected,
  claimed) counts only for the assignment, or else the rep, that it names; where it names neither,
  for the clock that runs then.
- A fact happened at its `occurred_at`, or when it was received where that is earlier: a sender's
  clock may be fast, but nothing is received before it happens.
- A contact from before the assignment does not count. But clocks differ, and many senders cut the
  time to the minute: it is before only if both times are, or one of them by more than `SKEW`. Else
  what seems to have happened before the start counts as at the start.
- An assignment ends when it is released, or when its rep declines or rejects it. What comes first
  closes the clock: an answer by `due_at` (also at the moment of the end), an end before `due_at`,
  the due time.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

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
ENDING = frozenset({FollowupType.DECLINED, FollowupType.REJECTED})


def verdict(clock: Clock) -> Verdict:
    """How a clock stands by the facts that it has seen; it breaches only by its timer."""
    answer, end = clock.answer, clock.end
    in_time = answer is not None and answer.at <= clock.due_at
    if answer is not None and in_time and (end is None or answer.at <= end.at):
        return Verdict.MET
    if end is not None and end.at < clock.due_at:
        return Verdict.RELEASED
    return Verdict.BREACHED if clock.due_passed else Verdict.RUNNING


def with_followups(clock: Clock, facts: Iterable[Followup]) -> Clock:
    """The clock once it has seen these follow-ups."""
    answer, end = clock.answer, clock.end
    for fact in facts:
        at = _counted_at(clock, fact)
        if at is None:
            continue
        mark = Mark(at=at, fact=fact.id)
        if fact.type in clock.met_by:
            answer = _earlier(answer, mark)
        if fact.type in ENDING:
            end = _earlier(end, mark)
    return clock.model_copy(update={"answer": answer, "end": end})


def with_releases(clock: Clock, facts: Iterable[Release]) -> Clock:
    """The clock once it has seen these releases; those of other assignments don't concern it."""
    end = clock.end
    for fact in facts:
        if fact.assignment_id == clock.assignment_id:
            at = max(fact.occurred_at, clock.started_at)
            end = _earlier(end, Mark(at=at, fact=fact.id))
    return clock.model_copy(update={"end": end})


def _counted_at(clock: Clock, fact: Followup) -> datetime | None:
    at = min(fact.occurred_at, fact.received_at)
    if fact.type not in OF_ASSIGNMENT:
        return _since_start(clock, fact, at)
    if fact.assignment_id is not None:
        return max(at, clock.started_at) if fact.assignment_id == clock.assignment_id else None
    # At the very start it is what led to this assignment, such as the decline of the one before.
    if fact.rep in (None, clock.rep) and at > clock.started_at:
        return at
    return None


def _since_start(clock: Clock, fact: Followup, at: datetime) -> datetime | None:
    after = max(fact.occurred_at, fact.received_at) >= clock.started_at
    if after and at >= clock.started_at - SKEW:
        return max(at, clock.started_at)
    return None


def _earlier(known: Mark | None, mark: Mark) -> Mark:
    if known is None:
        return mark
    return min(known, mark, key=lambda either: (either.at, either.fact))
