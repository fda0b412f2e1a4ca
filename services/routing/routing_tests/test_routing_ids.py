"""A bundle may give its exclusions, rules, pools and SLA policies any id, Baton's own codes too."""

import json
from datetime import timedelta
from functools import cache
from itertools import chain

import pytest
from pydantic import JsonValue, TypeAdapter

from baton.events import (
    AssignmentChange,
    FollowupType,
    History,
    LeadRouted,
    LeadUnrouted,
    ReleaseCode,
    Stage,
)
from baton.policy.bundle import Bundle, texts_in
from routing.domain.choice import Choice, recompute
from routing.domain.codes import DecisionCode, UnroutedCode
from routing.domain.state import Lead, NoOwner, Terms
from routing.policy.reads import READS
from routing_tests.sales import POLICY, Sales, only

PLAIN = "plain-id"
CODES = sorted(
    {
        code.value
        for code in chain(UnroutedCode, DecisionCode, ReleaseCode, AssignmentChange, FollowupType)
    }
)
RENAMED = {
    "exclusion": (("routing.yaml", "students", 1),),
    "rule": (("routing.yaml", "id: reachable", 1),),
    "pool": (("routing.yaml", "pool: inbound", 1), ("routing.yaml", "id: inbound", 1)),
    "policy": (("routing.yaml", "sla: warm", 1), ("sla.yaml", "warm", 1)),
}


def bundle_with(what: str, id_: str) -> Bundle:
    """The tests' bundle in which one exclusion, rule, pool or SLA policy has that id."""
    texts = texts_in(POLICY)
    for file, old, count in RENAMED[what]:
        assert old in texts[file]
        *before, _ = old.rpartition(" ")
        texts[file] = texts[file].replace(old, "".join(before) + id_, count)
    texts["routing.yaml"] = texts["routing.yaml"].replace(
        "overflow: inbound", f"overflow: {id_ if what == 'pool' else 'inbound'}"
    )
    return Bundle.parse(texts, READS)


def everyday(bundle: Bundle) -> JsonValue:
    """What becomes of leads that are excluded, matched by no rule, imported, taken and breached.

    All events, decisions and states, as JSON.
    """
    sales = Sales(bundle)
    _excluded(sales)
    _owned(sales)
    _imported(sales)
    _waiting(sales)
    decisions = [
        (str(row.code), row.choice.model_dump(mode="json") if row.choice else None)
        for row in sales.decisions
    ]
    events = TypeAdapter(list[dict[str, JsonValue]]).validate_python(
        [event.model_dump(mode="json") for event in sales.events]
    )
    states = [lead.model_dump(mode="json") for lead in sales.leads.values()]
    for row in sales.decisions:
        if row.question is not None:
            assert recompute(row.question, bundle) == row.choice
    made: JsonValue = json.loads(json.dumps([events, decisions, states, sales.pools]))
    return made


def _excluded(sales: Sales) -> None:
    sales.enquire("excluded", title="student")
    sales.hear(sales.scored("excluded", title="student", new_enquiry=False))
    sales.hear(sales.scored("excluded", title="student", test=True))
    sales.hear(sales.scored("excluded", test=True, new_enquiry=False))
    sales.hear(sales.scored("excluded", new_enquiry=False))
    sales.enquire("no rule", email=None)
    sales.hear(sales.scored("no rule", title="student", email=None, new_enquiry=False))
    sales.hear(sales.scored("no rule", new_enquiry=False))


def _owned(sales: Sales) -> None:
    sales.enquire("owned")
    sales.hear(sales.scored("owned", title="student", new_enquiry=False))
    sales.hear(sales.breach("owned"))
    sales.hear(sales.scored("owned", title="student"))
    sales.hear(sales.followup(FollowupType.DECLINED, "owned", at=sales.now + timedelta(seconds=1)))
    sales.hear(sales.scored("owned", new_enquiry=False))
    sales.later(minutes=5)
    sales.hear(sales.followup(FollowupType.REJECTED, "owned"))
    sales.hear(sales.scored("owned", title="student", new_enquiry=False))
    sales.enquire("owned", title="student")
    sales.hear(sales.scored("owned", new_enquiry=False))


def _imported(sales: Sales) -> None:
    for name in ("renewed", "taken"):
        history = History(owner="rep-b", stage=None, outcomes=())
        sales.hear(sales.scored(name, email=None, new_enquiry=False, history=history))
    sales.enquire("renewed", email=None)
    sales.later(minutes=5)
    sales.hear(sales.followup(FollowupType.CLAIMED, "taken", rep="rep-c"))
    sales.hear(sales.followup(FollowupType.OWNER_CHANGED, "renewed", rep="rep-c"))
    sales.enquire("taken", email=None)


def _waiting(sales: Sales) -> None:
    for number in range(12):
        sales.enquire(f"many {number}")
    sales.give(sales.timer("many 11"))
    sales.hear(sales.scored("many 11", title="student", new_enquiry=False))
    sales.give(sales.timer("many 11"))
    sales.hear(sales.scored("many 11", new_enquiry=False))


@cache
def plain(what: str) -> str:
    return json.dumps(everyday(bundle_with(what, PLAIN)))


@pytest.mark.long
@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("what", RENAMED)
def test_an_id_that_is_also_a_code_changes_nothing_but_its_own_text(what: str, code: str) -> None:
    assert everyday(bundle_with(what, code)) == json.loads(plain(what).replace(PLAIN, code))


def test_the_event_tells_an_exclusion_from_a_code_of_the_same_text() -> None:
    sales = Sales(bundle_with("exclusion", "no_rule"))
    excluded = only(sales.enquire("x", title="student"), LeadUnrouted)
    unmatched = only(sales.enquire("y", email=None), LeadUnrouted)
    assert (excluded.code, excluded.exclusion) == ("no_rule", "no_rule")
    assert (unmatched.code, unmatched.exclusion) == ("no_rule", None)
    assert [reason.code for reason in excluded.reasons] == ["no_rule"]
    assert unmatched.reasons == ()


@pytest.mark.parametrize("code", ["students", "no_rule"])
def test_a_lead_that_an_older_release_excluded_is_looked_at_again(code: str) -> None:
    sales = Sales()
    sales.enquire(title="student")
    ((lead_id, state),) = sales.leads.items()
    old = state.model_dump(mode="json")
    old["unrouted"] = {"code": code, "retry_at": None}
    sales.leads[lead_id] = Lead.model_validate(old)
    only(sales.hear(sales.scored(new_enquiry=False)), LeadRouted)


@pytest.mark.parametrize("code", list(UnroutedCode))
def test_a_state_of_an_older_release_with_a_code_of_baton_has_no_exclusion(
    code: UnroutedCode,
) -> None:
    old = NoOwner.model_validate({"code": code.value, "retry_at": None})
    assert (old.cause, old.exclusion) == (code, None)


@pytest.mark.parametrize(
    ("rule", "code", "exclusion"),
    [
        (None, "students", "students"),
        (None, "max_attempts", "max_attempts"),
        (None, "no_rule", None),
        ("reachable", "max_attempts", None),
    ],
)
def test_a_choice_of_an_older_release_has_its_exclusion_where_no_rule_held(
    rule: str | None, code: str, exclusion: str | None
) -> None:
    kept = {"code": code, "rule": rule, "reasons": (), "rep": None}
    assert Choice.model_validate(kept).exclusion == exclusion


@pytest.mark.parametrize(("pool", "promised"), [("imported", False), ("inbound", True)])
def test_terms_of_an_older_release_promise_nothing_where_no_rule_took_the_import(
    pool: str, *, promised: bool
) -> None:
    others = {"role": "imported", "sla_policy": "imported"}
    terms = Terms.model_validate({"rule": "imported", "pool": pool, **others})
    assert terms.promised is promised


def test_an_imported_lead_without_a_rule_that_a_rep_claims_has_the_promise_of_the_last_rule() -> (
    None
):
    sales = Sales()
    history = History(owner="rep-b", stage=None, outcomes=())
    sales.hear(sales.scored(stage=Stage.MQL, email=None, new_enquiry=False, history=history))
    sales.later(minutes=5)
    _, routed = sales.hear(sales.followup(FollowupType.CLAIMED, rep="rep-c"))
    assert isinstance(routed, LeadRouted)
    assert (routed.rule, routed.sla_policy) == ("claimed", "warm")
