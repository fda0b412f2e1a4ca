"""What a change of weights does to the leads that come after it, through whole decisions."""

from collections import Counter
from collections.abc import Callable
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baton.events import FollowupType
from baton.policy.bundle import Bundle
from routing.domain.choice import EarlierProcedureError, Question, recompute
from routing.domain.state import Lead
from routing_tests.sales import BUNDLE, Sales, changed, lead

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["weights", "enquire", "enquire", "work", "breach", "decline", "reject"]),
        st.integers(0, 5),
        st.sampled_from([(1, 1, 1), (2, 1, 1), (3, 2, 5), (1, 20, 3)]),
        st.sampled_from([1, 7, 50]),
        st.sampled_from([1, 7, 50]),
    ),
    max_size=40,
)


@cache
def weighted(weights: tuple[int, int, int], factor: int = 1) -> Bundle:
    """The tests' bundle with these weights of rep-a, rep-b and rep-c, each times the factor."""
    a, b, c = (weight * factor for weight in weights)
    return changed(
        "routing.yaml",
        "[{rep: rep-a, weight: 2}, {rep: rep-b}, {rep: rep-c}]",
        f"[{{rep: rep-a, weight: {a}}}, {{rep: rep-b, weight: {b}}}, {{rep: rep-c, weight: {c}}}]",
    )


def worked_at_once(sales: Sales, name: str) -> str:
    """A lead is routed, and its rep speaks with it, so that every desk stays free."""
    sales.enquire(name)
    rep = sales.rep(name)
    sales.hear(sales.followup(FollowupType.CONTACTED, name))
    return rep


@pytest.mark.parametrize(
    ("before", "factor", "leads", "then"),
    [
        ((1, 1, 1), 1000, 1, (1, 1, 1)),
        ((1000, 1, 1), 1, 499, (1, 1, 1)),
        ((3, 2, 5), 20, 3, (3, 2, 5)),
        ((1, 1, 1), 1, 1, (1000, 1000, 1000)),
    ],
)
def test_after_a_bundle_changes_weights_each_rep_stays_within_one_lead_of_the_order_of_turns(
    before: tuple[int, int, int], factor: int, leads: int, then: tuple[int, int, int]
) -> None:
    sales, usual = Sales(weighted(before, factor)), Sales(weighted(then))
    for n in range(leads):
        worked_at_once(sales, f"before-{n}")
    sales.bundle = weighted(then)
    taken: Counter[str] = Counter()
    due: Counter[str] = Counter()
    for n in range(30):
        taken[worked_at_once(sales, f"after-{n}")] += 1
        due[worked_at_once(usual, f"after-{n}")] += 1
        assert all(abs(taken[rep] - due[rep]) <= 1 for rep in ("rep-a", "rep-b", "rep-c"))


@settings(deadline=None)
@given(STEPS)
def test_weights_times_the_same_factor_change_no_decision_at_any_moment_of_any_history(
    steps: list[tuple[str, int, tuple[int, int, int], int, int]],
) -> None:
    departments = Sales(weighted((1, 1, 1), 1)), Sales(weighted((1, 1, 1), 50))
    for doing, n, weights, one, other in steps:
        for sales, factor in zip(departments, (one, other), strict=True):
            if doing == "weights":
                sales.bundle = weighted(weights, factor)
            else:
                happen(sales, doing, str(n))
        first, second = departments
        assert first.leads == second.leads
        assert first.pools == second.pools
        assert [row.code for row in first.decisions] == [row.code for row in second.decisions]


def happen(sales: Sales, doing: str, name: str) -> None:
    facts: dict[str, Callable[[], object]] = {
        "enquire": lambda: sales.enquire(name),
        "work": lambda: sales.hear(sales.followup(FollowupType.CONTACTED, name)),
        "breach": lambda: sales.hear(sales.breach(name)),
        "decline": lambda: sales.hear(
            sales.followup(FollowupType.DECLINED, name, reason="not-mine")
        ),
        "reject": lambda: sales.hear(sales.followup(FollowupType.REJECTED, name, reason="spam")),
    }
    facts[doing]()
    sales.later(minutes=5)


def test_a_choice_of_an_earlier_release_is_known_as_one_and_not_computed_by_todays_procedure() -> (
    None
):
    sales = Sales()
    sales.enquire()
    question = sales.decisions[-1].question
    assert question is not None
    assert recompute(question, BUNDLE) == sales.decisions[-1].choice
    earlier = Question.model_validate_json(question.model_dump_json(exclude={"procedure"}))
    with pytest.raises(EarlierProcedureError, match="procedure 1"):
        recompute(earlier, BUNDLE)


def test_a_turn_that_an_earlier_release_took_after_the_migration_is_not_in_the_credits() -> None:
    sales = Sales()
    sales.enquire()
    before = dict(sales.pools["inbound"])
    held = sales.held().model_dump(mode="json", exclude={"credit_changes"})
    state = sales.leads[lead("x")].model_dump(mode="json")
    held["turn"] = {"rep-a": -2, "rep-b": 1, "rep-c": 1}
    sales.leads[lead("x")] = Lead.model_validate({**state, "held": held})
    sales.later(minutes=5)
    sales.hear(sales.followup(FollowupType.REJECTED, reason="spam"))
    assert sales.pools["inbound"] == before
