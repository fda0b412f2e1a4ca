"""What a condition answers: by tables for each comparison, by laws for their combination."""

from datetime import UTC, datetime
from itertools import product
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.events import (
    ActivityType,
    Company,
    Consent,
    ConsentStatus,
    Contact,
    LeadActivity,
    Profile,
    Request,
    Score,
    Stage,
)
from baton.policy.compiling import compiled
from baton.policy.conditions import (
    ALWAYS,
    Clause,
    ConditionResult,
    Truth,
    conjunction,
    disjunction,
    negation,
)
from baton.policy.document import Data
from baton.policy.fields import Facts, facts_of, facts_of_activity, vocabulary
from baton.policy.values import ValueKind

KNOWN = vocabulary(
    {
        "budget": ValueKind.INTEGER,
        "ratio": ValueKind.NUMBER,
        "renewal": ValueKind.DATE,
        "partner": ValueKind.BOOLEAN,
        "note": ValueKind.TEXT,
    },
    grades=("A", "B"),
)
PROFILE = Profile(
    brand="main",
    source="website",
    contact=Contact(email="It@Example.NO", country="NO", job_title="  Leiterin Einkauf "),
    company=Company(name="Müller & Söhne", employees=50, industry=" "),
    consent=Consent(status=ConsentStatus.GRANTED, at=datetime(2026, 1, 10, 12, tzinfo=UTC)),
    request=Request(message="Call me\nnext week"),
    custom={
        "budget": 20000,
        "ratio": 0.5,
        "renewal": "2026-06-30",
        "partner": False,
        "note": None,
        "undeclared": 1,
    },
)
SCORE = Score(fit=30, engagement=12, total=42, grade="B")
FACTS = facts_of(PROFILE, SCORE, Stage.MQL)


def truth_of(data: Data, facts: Facts = FACTS) -> Truth:
    return compiled(data, KNOWN.staged).evaluate(facts).matched


@pytest.mark.parametrize(
    ("leaf", "answer"),
    [
        ({"field": "contact.country", "equals": "NO"}, True),
        ({"field": "contact.country", "equals": "no"}, True),
        ({"field": "contact.country", "equals": "DE"}, False),
        ({"field": "contact.country", "not_equals": "DE"}, True),
        ({"field": "contact.country", "in": ["DE", "no"]}, True),
        ({"field": "contact.country", "in": ["DE", "DK"]}, False),
        ({"field": "contact.email", "equals": "it@example.no"}, True),
        ({"field": "contact.job_title", "equals": "leiterin einkauf"}, True),
        ({"field": "contact.job_title", "contains": "LEITER"}, True),
        ({"field": "contact.job_title", "matches": "^\\s*leiter(in)?\\b"}, True),
        ({"field": "contact.job_title", "matches": "(?-i)leiterin"}, False),
        ({"field": "company.name", "equals": "MÜLLER & SÖHNE"}, True),
        ({"field": "company.name", "contains": "Mu\u0308ller"}, True),
        ({"field": "company.name", "matches": "mu\u0308ller"}, True),
        ({"field": "company.employees", "equals": 50}, True),
        ({"field": "company.employees", "less": 50}, False),
        ({"field": "company.employees", "at_most": 50}, True),
        ({"field": "company.employees", "more": 49}, True),
        ({"field": "company.employees", "at_least": 51}, False),
        ({"field": "company.employees", "in": [10, 50]}, True),
        ({"field": "company.employees", "at_least": 20, "less": 100}, True),
        ({"field": "company.employees", "at_least": 20, "less": 50}, False),
        ({"field": "company.industry", "exists": True}, False),
        ({"field": "company.industry", "equals": "x"}, None),
        ({"field": "company.domain", "exists": False}, True),
        ({"field": "company.domain", "not_equals": "x"}, None),
        ({"field": "company.domain", "in": ["x"]}, None),
        ({"field": "company.domain", "matches": "x"}, None),
        ({"field": "consent.status", "equals": "granted"}, True),
        ({"field": "consent.status", "in": ["denied", "Unknown"]}, False),
        ({"field": "consent.at", "less": "2026-01-10T12:00:01Z"}, True),
        ({"field": "consent.at", "equals": "2026-01-10T13:00:00+01:00"}, True),
        ({"field": "request.message", "matches": "me.next"}, False),
        ({"field": "request.message", "matches": "(?s)me.next"}, True),
        ({"field": "custom.budget", "at_least": 20000}, True),
        ({"field": "custom.ratio", "at_most": 0.5}, True),
        ({"field": "custom.ratio", "less": 1}, True),
        ({"field": "custom.renewal", "less": "2026-07-01"}, True),
        ({"field": "custom.renewal", "equals": "2026-06-30"}, True),
        ({"field": "custom.partner", "equals": False}, True),
        ({"field": "custom.note", "exists": False}, True),
        ({"field": "brand", "equals": "main"}, True),
        ({"field": "score.total", "at_least": 42}, True),
        ({"field": "score.grade", "equals": "B"}, True),
        ({"field": "stage", "equals": "mql"}, True),
        ({"field": "stage", "in": ["sal", "sql"]}, False),
    ],
)
def test_each_comparison_answers(leaf: Data, answer: Truth) -> None:
    assert truth_of(leaf) is answer


@pytest.mark.parametrize(
    "leaf",
    [
        {"field": "score.total", "less": 1},
        {"field": "score.grade", "equals": "A"},
        {"field": "stage", "not_equals": "mql"},
    ],
)
def test_what_has_not_been_decided_yet_is_unknown(leaf: Data) -> None:
    assert truth_of(leaf, facts_of(PROFILE)) is None


def test_a_custom_value_kept_under_another_type_is_missing() -> None:
    kept = PROFILE.model_copy(update={"custom": {"budget": "plenty", "partner": 1}})
    assert truth_of({"field": "custom.budget", "at_least": 1}, facts_of(kept)) is None
    assert truth_of({"field": "custom.partner", "equals": True}, facts_of(kept)) is None
    assert truth_of({"field": "custom.budget", "exists": True}, facts_of(kept)) is False


def test_activities_have_conditions_of_their_own() -> None:
    activity = LeadActivity(
        lead_id=UUID(int=0),
        occurred_at=datetime(2026, 1, 14, tzinfo=UTC),
        received_at=datetime(2026, 1, 14, tzinfo=UTC),
        source="website",
        type=ActivityType.PAGE_VIEWED,
        subject="https://www.example.com/pricing",
    )
    condition = compiled(
        {
            "all": [
                {"field": "activity.type", "equals": "page_viewed"},
                {"field": "activity.subject", "contains": "/Pricing"},
                {"field": "activity.bot", "equals": False},
                {"field": "activity.occurred_at", "at_least": "2026-01-01T00:00:00Z"},
                {"field": "activity.source", "equals": "website"},
            ]
        },
        KNOWN.activity,
    )
    assert condition.evaluate(facts_of_activity(activity)).matched is True
    assert condition.evaluate(facts_of(PROFILE)).matched is None


def test_an_outcome_says_what_each_clause_saw() -> None:
    condition = compiled(
        {
            "any": [
                {"field": "contact.country", "equals": "DE"},
                {"not": {"field": "company.domain", "equals": "example.com"}},
                {"field": "custom.renewal", "at_least": "2026-01-01"},
            ]
        },
        KNOWN.profile,
    )
    assert condition.evaluate(FACTS) == ConditionResult(
        matched=True,
        clauses=(
            Clause("contact.country", "contact.country is DE", matched=False, value="NO"),
            Clause("company.domain", "company.domain is example.com", matched=None, value=None),
            Clause(
                "custom.renewal",
                "custom.renewal is at least 2026-01-01",
                matched=True,
                value="2026-06-30",
            ),
        ),
    )


def test_reasons_of_one_clause_are_one() -> None:
    outcome = compiled({"field": "company.employees", "at_least": 10}, KNOWN.profile).evaluate(
        FACTS
    )
    (reason,) = outcome.reasons("mid", "A company of some size", points=25)
    assert (reason.code, reason.label, reason.points) == ("mid", "A company of some size", 25)
    assert (reason.field, reason.value, reason.matched) == ("company.employees", 50, True)


def test_reasons_of_several_clauses_begin_with_the_whole() -> None:
    outcome = compiled(
        {"field": "company.employees", "at_least": 10, "less": 40}, KNOWN.profile
    ).evaluate(FACTS)
    whole, *clauses = outcome.reasons("mid", "A company of some size", points=25)
    assert (whole.matched, whole.points, whole.field) == (False, 25, None)
    assert [(c.label, c.matched, c.value, c.points) for c in clauses] == [
        ("company.employees is at least 10", True, 50, None),
        ("company.employees is less than 40", False, 50, None),
    ]


def test_a_rule_without_a_condition_always_holds() -> None:
    assert ALWAYS.evaluate(Facts()) == ConditionResult(matched=True, clauses=())


def test_a_pattern_that_hurts_other_engines_is_answered_at_once() -> None:
    condition = compiled({"field": "request.message", "matches": "(a+)+$"}, KNOWN.profile)
    message = "a" * 9_999 + "b"
    profile = PROFILE.model_copy(update={"request": Request(message=message)})
    assert condition.evaluate(facts_of(profile)).matched is False


ANSWERS: list[Truth] = [True, False, None]
answers = st.sampled_from(ANSWERS)


@pytest.mark.parametrize(
    ("first", "second", "both", "either"),
    [
        (True, True, True, True),
        (True, False, False, True),
        (True, None, None, True),
        (False, False, False, False),
        (False, None, False, None),
        (None, None, None, None),
    ],
)
def test_truth_tables(first: Truth, second: Truth, both: Truth, either: Truth) -> None:
    for parts in ([first, second], [second, first]):
        assert conjunction(parts) is both
        assert disjunction(parts) is either


def test_negation_swaps_what_is_known() -> None:
    assert [negation(answer) for answer in ANSWERS] == [False, True, None]


@given(st.lists(answers))
def test_de_morgan(parts: list[Truth]) -> None:
    contrary = [negation(part) for part in parts]
    assert negation(conjunction(parts)) is disjunction(contrary)
    assert negation(disjunction(parts)) is conjunction(contrary)


@given(st.lists(answers), st.randoms(use_true_random=False))
def test_order_and_repetition_do_not_matter(parts: list[Truth], random: object) -> None:
    shuffled = [*parts, *parts]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert conjunction(shuffled) is conjunction(parts)
    assert disjunction(shuffled) is disjunction(parts)


def test_one_distributes_over_the_other() -> None:
    for a, b, c in product(ANSWERS, repeat=3):
        assert conjunction([a, disjunction([b, c])]) is disjunction(
            [conjunction([a, b]), conjunction([a, c])]
        )
        assert disjunction([a, conjunction([b, c])]) is conjunction(
            [disjunction([a, b]), disjunction([a, c])]
        )


LEAVES: list[Data] = [
    {"field": "contact.country", "equals": "NO"},
    {"field": "contact.country", "equals": "DE"},
    {"field": "company.domain", "equals": "example.com"},
    {"field": "company.domain", "exists": False},
    {"field": "company.employees", "at_least": 10, "less": 20},
]
trees: st.SearchStrategy[Data] = st.recursive(
    st.sampled_from(LEAVES),
    lambda inner: st.one_of(
        st.fixed_dictionaries({"all": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"any": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"not": inner}),
    ),
    max_leaves=12,
)


@given(trees)
def test_a_condition_and_its_double_negation_answer_alike(tree: Data) -> None:
    assert truth_of({"not": {"not": tree}}) is truth_of(tree)
    assert truth_of({"any": [tree]}) is truth_of(tree)
    assert truth_of({"all": [tree, tree]}) is truth_of(tree)


@given(trees)
def test_a_condition_holds_where_it_answers_with_true(tree: Data) -> None:
    assert compiled(tree, KNOWN.staged).holds(FACTS) is (truth_of(tree) is True)


FULLER = FACTS.profile.model_copy(  # type: ignore[union-attr]
    update={"company": PROFILE.company.model_copy(update={"domain": "example.com"})}
)


def _without_existence(tree: Data) -> bool:
    return "exists" not in str(tree)


@given(trees.filter(_without_existence))
def test_learning_more_never_turns_an_answer_round(tree: Data) -> None:
    before, after = truth_of(tree), truth_of(tree, facts_of(FULLER, SCORE, Stage.MQL))
    assert before is None or before is after
