"""Decides whose turn it is in a pool: smooth weighted round robin, on whole numbers.

Each rep of a pool has a credit, in billionths of a lead. For a lead, each rep who can take it gains
their share of it, the highest credit takes the lead (of equals, the first in the pool) and pays one
lead. Credits therefore always sum to zero, and weights 3 and 1 give a, a, b, a rather than a, a, a,
b. Who can't take the lead gains nothing, so nobody comes back from an absence to a flood of leads.

A share is the weight over the sum of the weights of those who can take the lead. So weights have no
unit: 50 and 50 are 1 and 1, and a credit means the same under all of them. Shares are rounded to
billionths by largest remainder, so that they sum to exactly one lead. A remainder is in proportion
to the weights too, and of equal remainders the first in the pool is rounded up.

How fair that is, k being the number of reps, and starting from nothing:

* While the same reps can take leads and their weights stay, a rep is at any time less than one lead
ahead of the share due, and at most H(k) - 1 = 1/2 + 1/3 + ... + 1/k leads behind it. (Ahead: the
credit that pays was not below the average, which is above zero. Behind: let A(j) be the average of
the j highest credits; a lead given to one of them does not raise A(j), else it is at most A(j+1) +
1/(j+1), and A(k) = 0.) * Whatever absences, full desks, reps left out and changes of weights do in
between, no credit is ever further than (k - 1) / 2 leads from zero, plus one lead for each turn
that was taken back. k counts each rep who was ever in the pool. (Let M(j) be the sum of the j
highest credits. A lead raises M(j) only where the rep who takes it is not among these j afterwards.
One of them who gained had no more than that rep before the lead was paid for: so afterwards the
j-th highest credit is at most one lead above the next one, 2 M(j) <= M(j-1) + M(j+1) + 1. With M(0)
= M(k) = 0 that leaves M(j) <= j (k - j) / 2. A turn taken back adds less than one lead to each
M(j), and the argument goes on from there.)

Both are exact for the rounded shares. A rounded share differs from the true one by less than a
billionth of a lead, so after n leads a rep has at most n billionths of a lead more or less than the
weights say: a thousandth of a lead in a million leads.

A turn is kept as what it changed, since taking it back is then exact whatever came after.
"""

from collections.abc import Mapping
from dataclasses import dataclass

Credits = Mapping[str, int]
"""By rep, in billionths of a lead."""

LEAD = 10**9
"""One lead, in the unit of credits."""


@dataclass(frozen=True, slots=True)
class Turn:
    """The rep who takes a lead, and the changed credits of the pool."""

    rep: str
    changes: Credits


def take(credits_before: Credits, weights: Mapping[str, int]) -> Turn:
    """The turn of one lead among those who can take it, with their weights, in the pool's order.

    Raises ValueError where nobody can, or where a weight is not positive.
    """
    if not weights or min(weights.values()) <= 0:
        raise ValueError("a turn needs at least one rep, and weights above zero")
    gains = _shares(weights)
    rep = max(gains, key=lambda one: credits_before.get(one, 0) + gains[one])
    return Turn(rep, {**gains, rep: gains[rep] - LEAD})


def after(credits_before: Credits, changes: Credits) -> dict[str, int]:
    """The credits once a turn is taken; zeros are left out."""
    return _sum(credits_before, changes, 1)


def taken_back(credits_before: Credits, changes: Credits) -> dict[str, int]:
    """The credits as if a turn had never been taken; zeros are left out."""
    return _sum(credits_before, changes, -1)


def _shares(weights: Mapping[str, int]) -> dict[str, int]:
    """Each rep's share of one lead, in the order of the weights."""
    total = sum(weights.values())
    shares: dict[str, int] = {}
    remainders: dict[str, int] = {}
    for rep, weight in weights.items():
        shares[rep], remainders[rep] = divmod(weight * LEAD, total)
    left = LEAD - sum(shares.values())
    # Sorting is stable, so of equal remainders the first in the pool stays first.
    for rep in sorted(remainders, key=remainders.__getitem__, reverse=True)[:left]:
        shares[rep] += 1
    return shares


def _sum(credits_before: Credits, changes: Credits, sign: int) -> dict[str, int]:
    reps = sorted({*credits_before, *changes})
    sums = ((rep, credits_before.get(rep, 0) + sign * changes.get(rep, 0)) for rep in reps)
    return {rep: credit for rep, credit in sums if credit}
