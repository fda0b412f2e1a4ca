"""What a rep asks for by HTTP, as the lead's shard decides it."""

import json

import pytest

from baton.events import FollowupType, LeadFollowup
from baton.runtime.decisions import Answer, Decision
from baton.runtime.inputs import TimerInput
from baton.subjects import Subject
from routing.domain.loads import Loads
from routing.domain.outcomes import (
    OUTCOME,
    Accepted,
    Declined,
    NotTheOwner,
    Outcome,
    UnknownLead,
    UnknownReason,
    Unrouted,
    WithoutOwner,
)
from routing.domain.state import Lead
from routing_tests.sales import Sales, kinds, lead, only


def ask(sales: Sales, kind: str, **body: str) -> tuple[Decision[Lead, Loads], Outcome]:
    """Decide on a command; gives its outcome as a request reads it from the database."""
    made = sales.batch(sales.command(kind, **body))[0]
    assert isinstance(made.answer, Answer)
    outcome = OUTCOME.validate_json(json.dumps(made.answer.body))
    assert outcome.outcome == made.answer.outcome
    return made, outcome


def with_owner() -> tuple[Sales, dict[str, str]]:
    sales = Sales()
    sales.enquire()
    sales.later(minutes=5)
    return sales, {"rep": "rep-a", "assignment_id": str(sales.held().id)}


def test_accepting_tells_the_others_and_answers_who_has_the_lead() -> None:
    sales, mine = with_owner()
    made, outcome = ask(sales, "accept", **mine)
    fact = only(made.events, LeadFollowup)
    assert (fact.type, fact.source, fact.rep) == (FollowupType.ACCEPTED, "routing", "rep-a")
    assert str(fact.assignment_id) == mine["assignment_id"]
    assert isinstance(outcome, Accepted)
    assert outcome.lead.lead_id == lead("x")
    assert outcome.lead.assignment is not None
    assert outcome.lead.assignment.rep == "rep-a"
    assert sales.held().accepted_at == sales.now


def test_accepting_twice_is_told_once_and_answered_the_same() -> None:
    sales, mine = with_owner()
    _, first = ask(sales, "accept", **mine)
    sales.later(minutes=1)
    made, second = ask(sales, "accept", **mine)
    assert (kinds(made.events), second) == ([], first)


def test_what_the_crm_says_as_well_is_told_once() -> None:
    sales, mine = with_owner()
    sales.hear(sales.followup(FollowupType.ACCEPTED))
    made, outcome = ask(sales, "accept", **mine)
    assert (kinds(made.events), outcome.outcome) == ([], "accepted")


def test_declining_reroutes_at_once_and_answers_who_has_the_lead_now() -> None:
    sales, mine = with_owner()
    made, outcome = ask(sales, "decline", **mine, reason="not-mine")
    assert kinds(made.events) == ["followup", "released", "routed"]
    assert isinstance(outcome, Declined)
    assert outcome.lead.assignment is not None
    assert outcome.lead.assignment.rep == "rep-b"
    assert sales.pools["inbound"] == {"rep-b": -500_000_000, "rep-c": 500_000_000}


def test_declining_where_nobody_else_can_take_it_answers_why() -> None:
    sales, mine = with_owner()
    ask(sales, "decline", **mine, reason="no-time")
    mine = {"rep": "rep-b", "assignment_id": str(sales.held().id)}
    _, outcome = ask(sales, "decline", **mine, reason="no-time")
    assert isinstance(outcome, Declined)
    assert outcome.lead.assignment is None
    assert outcome.lead.unrouted == Unrouted(code="max_attempts", retry_at=None)


@pytest.mark.parametrize("reason", ["none-such", "spam"])
def test_a_reason_must_be_one_for_which_a_lead_can_be_declined(reason: str) -> None:
    sales, mine = with_owner()
    made, outcome = ask(sales, "decline", **mine, reason=reason)
    assert outcome == UnknownReason(reason=reason, allowed=("not-mine", "no-time"))
    assert kinds(made.events) == []
    assert sales.rep() == "rep-a"


@pytest.mark.parametrize("kind", ["accept", "decline"])
@pytest.mark.parametrize("field", ["rep", "assignment_id"])
def test_what_is_not_the_current_assignment_is_refused_and_named(kind: str, field: str) -> None:
    sales, mine = with_owner()
    other = {"rep": "rep-b", "assignment_id": str(lead("another"))}[field]
    made, outcome = ask(sales, kind, **{**mine, "reason": "no-time", field: other})
    assert kinds(made.events) == []
    assert isinstance(outcome, NotTheOwner)
    assert (outcome.named, outcome.rep) == (field, "rep-a")
    assert str(outcome.assignment_id) == mine["assignment_id"]


def test_a_lead_that_nobody_has_can_not_be_accepted() -> None:
    sales, mine = with_owner()
    sales.hear(sales.followup(FollowupType.REJECTED))
    _, outcome = ask(sales, "accept", **mine)
    assert outcome == WithoutOwner(code="rejected")


def test_a_lead_that_is_not_known_is_not_found() -> None:
    sales = Sales()
    made, outcome = ask(sales, "accept", rep="rep-a", assignment_id=str(lead("x")))
    assert (made.state, outcome) == (None, UnknownLead(lead_id=lead("x")))


def test_there_are_no_other_commands_and_timers() -> None:
    sales, mine = with_owner()
    with pytest.raises(ValueError, match="no command 'steal'"):
        sales.give(sales.command("steal", **mine))
    with pytest.raises(ValueError, match="no timer 'expire'"):
        sales.give(TimerInput(lead("timer"), Subject.lead(lead("x")), "expire", sales.now))
