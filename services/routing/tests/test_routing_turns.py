"""Whose turn it is: the bounds that `turns` states."""

from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.domain import turns

WEIGHTS = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 50), min_size=1)


def test_turns_of_unequal_weights_are_spread_rather_than_bunched() -> None:
    standing: dict[str, int] = {}
    order = ""
    for _ in range(8):
        turn = turns.take(standing, {"a": 3, "b": 1})
        standing = turns.after(standing, turn.changes)
        order += turn.rep
    assert order == "aabaaaba"


def test_of_equal_credits_the_first_in_the_pool_takes_the_lead() -> None:
    assert turns.take({}, {"second": 1, "first": 1}).rep == "second"


@pytest.mark.parametrize("weights", [{}, {"a": 0}, {"a": 2, "b": -1}])
def test_a_turn_needs_someone_with_a_weight(weights: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="weights above zero"):
        turns.take({}, weights)


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
        for rep, weight in weights.items():
            ahead = taken[rep] - Fraction(n * weight, total)
            assert -behind_at_most <= ahead < 1


@given(WEIGHTS)
def test_after_as_many_leads_as_the_weights_sum_to_each_rep_has_had_its_weight_in_leads(
    weights: dict[str, int],
) -> None:
    standing: dict[str, int] = {}
    taken: Counter[str] = Counter()
    for _ in range(sum(weights.values())):
        turn = turns.take(standing, weights)
        standing = turns.after(standing, turn.changes)
        taken[turn.rep] += 1
    assert dict(taken) == weights
    assert standing == {}


@given(WEIGHTS, st.lists(st.sets(st.sampled_from("abcdefgh")), max_size=200))
def test_whatever_absences_do_no_credit_runs_away(
    weights: dict[str, int], present: list[set[str]]
) -> None:
    bound = Fraction(3, 2) * (len(weights) - 1) * sum(weights.values())
    standing: dict[str, int] = {}
    for here in present:
        able = {rep: weight for rep, weight in weights.items() if rep in here}
        if not able:
            continue
        standing = turns.after(standing, turns.take(standing, able).changes)
        assert sum(standing.values()) == 0
        assert all(abs(credit) <= bound for credit in standing.values())


@given(WEIGHTS, st.integers(0, 20), st.integers(0, 20))
def test_a_turn_that_is_taken_back_leaves_the_credits_as_if_it_had_never_been(
    weights: dict[str, int], before: int, later: int
) -> None:
    standing: dict[str, int] = {}
    for _ in range(before):
        standing = turns.after(standing, turns.take(standing, weights).changes)
    back = turns.take(standing, weights)
    with_turn, without = turns.after(standing, back.changes), standing
    for _ in range(later):
        same = turns.take(with_turn, weights)
        with_turn, without = (turns.after(c, same.changes) for c in (with_turn, without))
    assert turns.taken_back(with_turn, back.changes) == without
