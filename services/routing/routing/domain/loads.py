"""The rows that all leads share: the credits of each pool, and the open leads of each rep.

A rep's load is the number of leads that the rep has and has not spoken with yet. Capacity protects
the first response. Opportunities stay with their owners for months; if they counted, no rep would
have room for new leads. So a lead stops counting once it is contacted (or a meeting is booked or
held, or it becomes an opportunity), and when the rep no longer has it. An attempt without an answer
changes nothing. A further enquiry of a lead that its owner has spoken with does not count again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

from baton.events import FollowupType
from baton.runtime.errors import NotLockedError
from routing.domain import turns
from routing.domain.turns import Credits

T = TypeVar("T")

POOL, REP = "pool", "rep"
"""The kinds of rows that leads share."""

WORKED = frozenset(
    {
        FollowupType.CONTACTED,
        FollowupType.MEETING_BOOKED,
        FollowupType.MEETING_HELD,
        FollowupType.OPPORTUNITY,
        FollowupType.CONVERTED,
    }
)
"""The rep has spoken with the lead."""


@dataclass(frozen=True, slots=True)
class RepLoad:
    """The load of one rep; `last_assigned_at` is None for a rep who never had a lead."""

    open: int = 0
    last_assigned_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Loads:
    """The pools and reps that a batch has locked, and which of them have changed since."""

    pools: Mapping[str, Credits] = field(default_factory=dict)
    reps: Mapping[str, RepLoad] = field(default_factory=dict)
    changed_pools: frozenset[str] = frozenset()
    changed_reps: frozenset[str] = frozenset()

    def credits(self, pool: str) -> Credits:
        """The credits of a pool."""
        return _locked(self.pools, pool, POOL)

    def rep_load(self, rep: str) -> RepLoad:
        """A rep's load."""
        return _locked(self.reps, rep, REP)

    def with_turn(self, pool: str, changes: Credits) -> "Loads":
        """A turn of the pool is taken."""
        return self._with_credits(pool, turns.after(self.credits(pool), changes))

    def without_turn(self, pool: str, changes: Credits) -> "Loads":
        """A turn of the pool is given back."""
        return self._with_credits(pool, turns.taken_back(self.credits(pool), changes))

    def with_lead(self, rep: str, at: datetime) -> "Loads":
        """A rep is given a lead."""
        return self._with_rep_load(rep, RepLoad(self.rep_load(rep).open + 1, at))

    def with_lead_from_before(self, rep: str) -> "Loads":
        """A rep has had a lead for longer than we know of it."""
        rep_load = self.rep_load(rep)
        return self._with_rep_load(rep, replace(rep_load, open=rep_load.open + 1))

    def without_lead(self, rep: str) -> "Loads":
        """A lead no longer counts against a rep's capacity."""
        rep_load = self.rep_load(rep)
        return self._with_rep_load(rep, replace(rep_load, open=rep_load.open - 1))

    def _with_credits(self, pool: str, after: Credits) -> "Loads":
        changed = self.changed_pools | {pool}
        return replace(self, pools={**self.pools, pool: after}, changed_pools=changed)

    def _with_rep_load(self, rep: str, rep_load: RepLoad) -> "Loads":
        changed = self.changed_reps | {rep}
        return replace(self, reps={**self.reps, rep: rep_load}, changed_reps=changed)


def _locked(rows: Mapping[str, T], name: str, kind: str) -> T:
    if name not in rows:
        raise NotLockedError([(kind, name)])
    return rows[name]
