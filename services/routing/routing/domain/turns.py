"""Whose turn it is in a pool: smooth weighted round robin, on whole numbers.

Each rep of a pool has a credit. For a lead, everyone who can take it gains their weight, the
highest credit takes the lead (of equals, who stands first in the pool) and pays the sum of the
weights gained. Credits therefore always sum to zero, and weights 3 and 1 give a, a, b, a rather
than a, a, a, b. Who can't take the lead gains nothing, so nobody comes back from an absence to a
flood of leads.

How fair that is, W being the sum of the weights, k the number of reps, a rep's share of a lead
its weight over W, and starting from nothing:

* While the same reps can take leads, a rep is at any time less than one lead ahead of the share
  due, and at most H(k) - 1 = 1/2 + 1/3 + ... + 1/k leads behind it. (Ahead: the credit that pays
  was not below the average, which is above zero. Behind: let A(j) be the average of the j highest
  credits over W; a lead given to one of them leaves A(j), else it is at most A(j+1) + 1/(j+1), and
  A(k) = 0.) After every W leads each rep has had exactly their weight in leads.
* Whatever absences, full desks and reps left out do in between, no credit is ever further than
  1.5 (k - 1) W from zero: 1.5 (k - 1) leads. (The sum of the j highest credits grows only when the
  next one is nearer than the largest weight, and then by less than W.)

A turn is kept as what it changed, since taking it back is then exact whatever came after.
"""

from collections.abc import Mapping
from dataclasses import dataclass

Credits = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Turn:
    """Who takes a lead, and what that does to the credits of the pool."""

    rep: str
    changes: Credits


def take(credits_before: Credits, weights: Mapping[str, int]) -> Turn:
    """The turn of one lead among those who can take it, with their weights, in the pool's order.

    Raises ValueError where nobody can, or where a weight is not positive.
    """
    if not weights or min(weights.values()) <= 0:
        raise ValueError("a turn needs at least one rep, and weights above zero")
    rep = max(weights, key=lambda one: credits_before.get(one, 0) + weights[one])
    paid = sum(weights.values())
    return Turn(rep, {**weights, rep: weights[rep] - paid})


def after(credits_before: Credits, changes: Credits) -> dict[str, int]:
    """The credits once a turn is taken; zeros are left out."""
    return _sum(credits_before, changes, 1)


def taken_back(credits_before: Credits, changes: Credits) -> dict[str, int]:
    """The credits as if a turn had never been taken; zeros are left out."""
    return _sum(credits_before, changes, -1)


def _sum(credits_before: Credits, changes: Credits, sign: int) -> dict[str, int]:
    reps = sorted({*credits_before, *changes})
    sums = ((rep, credits_before.get(rep, 0) + sign * changes.get(rep, 0)) for rep in reps)
    return {rep: credit for rep, credit in sums if credit}
