"""Whose turn it is: the bounds that `turns` states."""

from collections import Counter
from collections.abc import Mapping
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.domain import turns

LEAD = 10**9
REPS = "abcdefgh"
WEIGHT = st.integers(1, 1000)
WEIGHTS = st.dictionaries(st.sampled_from(REPS), st.integers(1, 50), min_size=1)
PERIODS = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from(REPS), WEIGHT, min_size=1),
        st.integers(1, 20),
        st.booleans(),
    ),
    max_size=30,
)
"""Weights of those who can take leads, how many leads come, and whether a turn is given back."""


def order_of_turns(
    weights: Mapping[str, int], leads: int, credits_before: Mapping[str, int] | None = None
) -> tuple[str, dict[str, int]]:
    """Who takes the next leads, one letter a lead, and the credits after them."""
    standing, order = dict(credits_before or {}), ""
    for _ in range(leads):
        turn = turns.take(standing, weights)
        standing = turns.after(standing, turn.changes)
        order += turn.rep
    return order, standing


def test_turns_of_unequal_weights_are_spread_rather_than_bunched() -> None:
    assert order_of_turns({"a": 3, "b": 1}, 8)[0] == "aabaaaba"


def test_of_equal_credits_the_first_in_the_pool_takes_the_lead() -> None:
    assert turns.take({}, {"second": 1, "first": 1}).rep == "second"


@pytest.mark.parametrize("weights", [{}, {"a": 0}, {"a": 2, "b": -1}])
def test_a_turn_needs_someone_with_a_weight(weights: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="weights above zero"):
        turns.take({}, weights)


def test_of_equal_remainders_the_first_in_the_pool_has_the_billionth_that_is_left() -> None:
    assert turns.take({}, {"c": 1, "a": 1, "b": 1}).changes == {
        "c": 333_333_334 - LEAD,
        "a": 333_333_333,
        "b": 333_333_333,
    }


@pytest.mark.parametrize(
    ("before", "leads", "after"),
    [
        ({"a": 50, "b": 50}, 1, {"a": 1, "b": 1}),
        ({"a": 1000, "b": 1}, 499, {"a": 1, "b": 1}),
        ({"a": 60, "b": 40, "c": 100}, 3, {"a": 3, "b": 2, "c": 5}),
        ({"a": 1000, "b": 1000, "c": 1000}, 1, {"a": 1, "b": 1, "c": 1}),
        ({"a": 1, "b": 1}, 1, {"a": 1000, "b": 1000}),
        ({"a": 999, "b": 1000, "c": 1}, 700, {"a": 1, "b": 1, "c": 7}),
    ],
)
def test_after_a_change_of_weights_each_rep_stays_within_one_lead_of_the_order_of_turns(
    before: dict[str, int], leads: int, after: dict[str, int]
) -> None:
    _, standing = order_of_turns(before, leads)
    order, _ = order_of_turns(after, 60, standing)
    usual, _ = order_of_turns(after, 60)
    for n in range(1, 61):
        taken, due = Counter(order[:n]), Counter(usual[:n])
        assert all(abs(taken[rep] - due[rep]) <= 1 for rep in after), (order, usual)


@settings(deadline=None)
@given(PERIODS, st.lists(st.tuples(WEIGHT, WEIGHT), min_size=30, max_size=30))
def test_weights_times_the_same_factor_change_no_turn_at_any_moment_of_any_history(
    periods: list[tuple[dict[str, int], int, bool]], factors: list[tuple[int, int]]
) -> None:
    standing: tuple[dict[str, int], dict[str, int]] = ({}, {})
    for (weights, leads, _), (one, other) in zip(periods, factors, strict=False):
        for _ in range(leads):
            first, second = (
                turns.take(
                    credits_before, {rep: weight * factor for rep, weight in weights.items()}
                )
                for credits_before, factor in zip(standing, (one, other), strict=True)
            )
            assert first == second
            standing = (
                turns.after(standing[0], first.changes),
                turns.after(standing[1], second.changes),
            )


@settings(deadline=None)
@given(WEIGHTS, st.integers(1, 300))
def test_while_the_same_reps_can_take_leads_each_is_near_the_share_due(
    weights: dict[str, int], leads: int
) -> None:
    total = sum(weights.values())
    behind_at_most = sum(Fraction(1, i) for i in range(2, len(weights) + 1))
    standing: dict[str, int] = {}
    taken: Counter[str] = Counter()
    for n in range(1, leads + 1):
        turn = turns.take(standing, weights)
        standing = turns.after(standing, turn.changes)
        taken[turn.rep] += 1
        rounding = Fraction(n, LEAD)
        for rep, weight in weights.items():
            assert -LEAD < standing.get(rep, 0) <= behind_at_most * LEAD
            ahead = taken[rep] - Fraction(n * weight, total)
            assert -behind_at_most - rounding < ahead < 1 + rounding


@settings(deadline=None)
@given(WEIGHTS)
def test_after_as_many_leads_as_the_weights_sum_to_each_rep_has_had_its_weight_in_leads(
    weights: dict[str, int],
) -> None:
    total = sum(weights.values())
    order, standing = order_of_turns(weights, total)
    assert Counter(order) == weights
    assert all(abs(credit) < total for credit in standing.values())


@settings(deadline=None)
@given(PERIODS)
def test_whatever_happens_credits_sum_to_nothing_and_no_credit_runs_away(
    periods: list[tuple[dict[str, int], int, bool]],
) -> None:
    reps = {rep for weights, _, _ in periods for rep in weights}
    given_back = 0
    standing: dict[str, int] = {}
    for weights, leads, back in periods:
        first = turns.take(standing, weights)
        for _ in range(leads):
            turn = turns.take(standing, weights)
            assert sum(turn.changes.values()) == 0
            standing = turns.after(standing, turn.changes)
            bound = Fraction(len(reps) - 1, 2) + given_back
            assert sum(standing.values()) == 0
            assert all(abs(credit) <= bound * LEAD for credit in standing.values())
        if back:
            standing = turns.taken_back(standing, first.changes)
            given_back += 1


@settings(deadline=None)
@given(WEIGHTS, st.integers(0, 20), st.integers(0, 20))
def test_a_turn_that_is_taken_back_leaves_the_credits_as_if_it_had_never_been(
    weights: dict[str, int], before: int, later: int
) -> None:
    _, standing = order_of_turns(weights, before)
    back = turns.take(standing, weights)
    with_turn, without = turns.after(standing, back.changes), standing
    for _ in range(later):
        same = turns.take(with_turn, weights)
        with_turn, without = (turns.after(c, same.changes) for c in (with_turn, without))
    assert turns.taken_back(with_turn, back.changes) == without
