"""The points of activities as they age, and the grade that points give."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from fractions import Fraction

from scoring.policy.scoring import EngagementCriterion, GradedBy, GradeThresholds

FORGOTTEN_AFTER_HALF_LIVES = 30
"""An activity older than so many half-lives is worth nothing."""


def points_at(
    criterion: EngagementCriterion, now: datetime, occurred_at: Iterable[datetime]
) -> int:
    """The criterion's points for the activities that it matched, in whatever order.

    The worth of each is added up exactly; the sum is bounded by `at_most` (for negative points:
    from below), and then rounded to the nearest whole number, halves away from zero.
    """
    total = sum((worth(criterion, now - then) for then in occurred_at), start=Fraction(0))
    if criterion.at_most is not None:
        bound = Fraction(criterion.at_most)
        total = max(-bound, min(bound, total))
    return _rounded(total)


def worth(criterion: EngagementCriterion, age: timedelta) -> Fraction:
    """One activity's points at an age, exactly.

    Age counts in whole days of 24 hours; one that lies ahead is none. Points halve with each
    half-life, and fall in a straight line in between.
    """
    half_life = criterion.half_life_days
    if half_life is None:
        return Fraction(criterion.points)
    halvings, days = divmod(max(0, age // timedelta(days=1)), half_life)
    if halvings >= FORGOTTEN_AFTER_HALF_LIVES:
        return Fraction(0)
    remaining = Fraction(2 * half_life - days, 2 * half_life)
    return Fraction(criterion.points, 2**halvings) * remaining


def grade(thresholds: GradeThresholds, *, fit: int, engagement: int) -> str:
    """The best grade whose threshold these points reach."""
    points = {
        GradedBy.FIT: fit,
        GradedBy.ENGAGEMENT: engagement,
        GradedBy.TOTAL: fit + engagement,
    }[thresholds.by]
    reached = [(least, id_) for id_, least in thresholds.at_least.items() if points >= least]
    return max(reached)[1] if reached else thresholds.otherwise


def _rounded(points: Fraction) -> int:
    magnitude = (2 * abs(points) + 1) // 2
    return magnitude if points >= 0 else -magnitude
