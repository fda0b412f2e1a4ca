"""When a follow-up happened, and whether it counts for an assignment: one rule for every reader.

Follow-ups come late, twice, and from systems that name neither the assignment nor the rep.

- A follow-up happened at its `occurred_at`, or when it was received where that is earlier: a
  sender's clock may be fast, but nothing is received before it happens.
- What is about the lead (contacted, won, lost, ...) counts for the assignment that is current then,
  whichever rep or assignment it names, unless it was before that. Clocks differ, and many senders
  cut the time to the minute: it was before only if both its times were, or one by more than `SKEW`.
  What seems to have happened before the assignment began counts as at its beginning.
- What is about the assignment itself (`OF_ASSIGNMENT`) counts for the assignment that it names.
  Where it names only the rep, it counts for the rep's assignment. Where it names neither, it must
  be later than the assignment: else a copy of what one rep did would hit the next.
"""

from datetime import datetime, timedelta
from typing import Protocol

from baton.events import FollowupType

SKEW = timedelta(minutes=2)
"""How far the clocks of two systems may differ, and by how much a sender may cut a time."""

OF_ASSIGNMENT = frozenset({FollowupType.ACCEPTED, FollowupType.DECLINED, FollowupType.REJECTED})
"""About the assignment itself; all others are about the lead."""

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
"""The rep no longer has the lead; one that was merged or deleted there, no longer as this one."""

TAKING = frozenset({FollowupType.CLAIMED, FollowupType.OWNER_CHANGED})
"""Somebody else has the lead, by another's decision."""


class Fact(Protocol):
    """A follow-up, as its event or as a service keeps it."""

    @property
    def occurred_at(self) -> datetime:
        """When it happened, by the sender's clock."""

    @property
    def received_at(self) -> datetime:
        """When Baton received it."""

    @property
    def rep(self) -> str | None:
        """The rep who did it, if named."""


def happened_at(fact: Fact) -> datetime:
    """When a follow-up happened."""
    return min(fact.occurred_at, fact.received_at)


def counted_since(fact: Fact, start: datetime) -> datetime | None:
    """When a fact about the lead counts for what began at `start`; None where it was before."""
    at = happened_at(fact)
    if max(fact.occurred_at, fact.received_at) >= start and at >= start - SKEW:
        return max(at, start)
    return None


def is_of_rep(fact: Fact, rep: str | None, start: datetime, *, early: timedelta) -> bool:
    """Whether a fact that names no assignment is about the assignment of `rep` that began at
    `start`. A fact that names the rep may have happened up to `early` before the start. A fact that
    names no rep must have happened after it, because at the start it may be the cause of the
    assignment.
    """
    at = happened_at(fact)
    if fact.rep is None:
        return at > start
    return fact.rep == rep and (at >= start - early if early else at > start)
