"""Points: what they halve to, how they are bounded and rounded, and which grade they make."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.policy.conditions import ALWAYS
from scoring.domain.worth import grade, points_at, worth
from scoring.policy.scoring import EngagementCriterion, GradedBy, GradeThresholds

NOW = datetime(2026, 1, 14, 12, tzinfo=UTC)


def criterion(
    points: int, at_most: int | None = None, half_life_days: int | None = None
) -> EngagementCriterion:
    return EngagementCriterion.model_construct(
        id="any",
        label="Any",
        when=ALWAYS,
        points=points,
        at_most=at_most,
        half_life_days=half_life_days,
    )


@pytest.mark.parametrize(
    ("days", "left"),
    [
        (-5, Fraction(20)),
        (0, Fraction(20)),
        (1, Fraction(19)),
        (5, Fraction(15)),
        (10, Fraction(10)),
        (15, Fraction(15, 2)),
        (20, Fraction(5)),
        (299, Fraction(20, 2**29) * Fraction(11, 20)),
        (300, Fraction(0)),
    ],
)
def test_points_halve_in_a_straight_line(days: int, left: Fraction) -> None:
    assert worth(criterion(20, half_life_days=10), timedelta(days=days)) == left


def test_age_counts_in_whole_days() -> None:
    twenty = criterion(20, half_life_days=10)
    assert worth(twenty, timedelta(hours=23, minutes=59)) == 20
    assert worth(twenty, timedelta(hours=24)) == 19


@pytest.mark.parametrize(
    ("points", "at_most", "half_life", "days", "result"),
    [
        (5, None, None, [0, 100, 5000], 15),
        (5, 12, None, [0, 1, 2], 12),
        (-5, 12, None, [0, 1, 2], -12),
        (5, None, 10, [10], 3),  # 2.5, halves away from zero
        (-5, None, 10, [10], -3),
        (5, None, 10, [10, 10], 5),  # added up before they are rounded
        (1, None, 10, [20], 0),  # 0.25
        (5, 4, 10, [10, 10], 4),
        (5, None, None, [], 0),
    ],
)
def test_a_criterion_adds_up_then_bounds_then_rounds(
    points: int, at_most: int | None, half_life: int | None, days: list[int], result: int
) -> None:
    times = [NOW - timedelta(days=day) for day in days]
    assert points_at(criterion(points, at_most, half_life), NOW, times) == result


moments = st.lists(
    st.datetimes(datetime(2024, 1, 1), datetime(2026, 1, 14), timezones=st.just(UTC))  # noqa: DTZ001
)
criteria = st.builds(
    criterion,
    st.integers(-100, 100),
    st.none() | st.integers(1, 300),
    st.none() | st.integers(1, 400),
)


@given(criteria, moments, st.randoms(use_true_random=False))
def test_the_order_of_activities_does_not_matter(
    any_criterion: EngagementCriterion, times: list[datetime], random: object
) -> None:
    shuffled = list(times)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert points_at(any_criterion, NOW, shuffled) == points_at(any_criterion, NOW, times)


@given(criteria, moments, st.timedeltas(timedelta(), timedelta(days=1000)))
def test_points_only_fall_towards_nothing_and_never_pass_their_bound(
    any_criterion: EngagementCriterion, times: list[datetime], later: timedelta
) -> None:
    now, then = points_at(any_criterion, NOW, times), points_at(any_criterion, NOW + later, times)
    assert abs(then) <= abs(now)
    assert now * then >= 0
    if any_criterion.at_most is not None:
        assert abs(now) <= any_criterion.at_most


@pytest.mark.parametrize(
    ("by", "fit", "engagement", "reached"),
    [
        (GradedBy.FIT, 60, 0, "A"),
        (GradedBy.FIT, 59, 100, "B"),
        (GradedBy.FIT, 39, 100, "C"),
        (GradedBy.FIT, -10, 100, "C"),
        (GradedBy.ENGAGEMENT, 0, 60, "A"),
        (GradedBy.TOTAL, 30, 30, "A"),
        (GradedBy.TOTAL, 80, -50, "C"),
    ],
)
def test_the_best_grade_whose_threshold_is_reached(
    by: GradedBy, fit: int, engagement: int, reached: str
) -> None:
    thresholds = GradeThresholds(by=by, at_least={"B": 40, "A": 60}, otherwise="C")
    assert grade(thresholds, fit=fit, engagement=engagement) == reached
