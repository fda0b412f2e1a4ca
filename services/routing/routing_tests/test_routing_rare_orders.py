"""Rare orders and rare leads: none rests with nobody, or counts for the wrong rep."""

from datetime import timedelta

import pytest

from baton.events import FollowupType, History, LeadReleased, LeadRouted, LeadScored, Stage
from baton.policy.bundle import Bundle, texts_in
from routing.policy.reads import PROMISE_NAMES, READS
from routing_tests.sales import BUNDLE, POLICY, Sales, kinds, lead, only

F = FollowupType
_TEXTS = texts_in(POLICY)
WITHOUT_WARM = Bundle.parse(
    {
        **_TEXTS,
        "sla.yaml": _TEXTS["sla.yaml"].replace("warm:", "lukewarm:"),
        "routing.yaml": _TEXTS["routing.yaml"].replace("sla: warm", "sla: lukewarm"),
    },
    READS,
)
"""The bundle once a promise of it has another name."""


def test_a_lead_that_qualifies_by_an_import_is_routed_as_any_other() -> None:
    sales = Sales()
    sales.hear(sales.scored(stage=Stage.LEAD))
    sales.later(minutes=1)
    history = History(owner=None)
    known = sales.scored(new_enquiry=False, history=history, employees=5000, qualified_at=sales.now)
    only(sales.hear(known), LeadRouted)


def test_a_trial_delivery_does_not_hide_why_nobody_has_a_real_lead() -> None:
    sales = Sales()
    sales.enquire()
    sales.later(minutes=10)
    sales.hear(sales.followup(F.WON))
    sales.hear(sales.scored(stage=Stage.CUSTOMER, new_enquiry=False))
    assert kinds(sales.hear(sales.scored(stage=Stage.CUSTOMER, test=True))) == []
    # A customer looks at a page.
    assert kinds(sales.hear(sales.scored(stage=Stage.CUSTOMER, new_enquiry=False))) == []


def test_an_enquiry_after_the_lead_was_taken_by_a_stranger_is_routed() -> None:
    sales = Sales()
    sales.enquire()
    sales.later(minutes=10)
    taken_at = sales.now
    sales.later(minutes=10)
    sales.enquire()
    sales.later(minutes=1)
    taken = sales.followup(F.OWNER_CHANGED, rep="somebody-else", at=taken_at)
    assert kinds(sales.hear(taken)) == ["released", "routed"]


def test_the_promise_of_the_latest_of_several_enquiries_moves_the_lead_if_it_is_broken() -> None:
    sales = Sales()
    sales.enquire()
    sales.hear(sales.followup(F.CONTACTED))
    sales.later(days=1)
    sales.enquire()  # Its clock runs ...
    clock = sales.held().id
    sales.later(minutes=10)
    sales.enquire()  # ... and serves this one too.
    sales.later(minutes=50)
    assert kinds(sales.hear(sales.breach(assignment_id=clock))) == ["released", "routed"]


def test_a_promise_is_known_however_many_enquiries_its_clock_serves() -> None:
    sales = Sales()
    sales.enquire()
    clock = sales.held().id
    for _ in range(25):
        sales.later(minutes=1)
        sales.enquire()
    sales.later(minutes=35)
    assert kinds(sales.hear(sales.breach(assignment_id=clock))) == ["released", "routed"]


@pytest.mark.parametrize("rep", ["rep-a", None])
def test_a_rep_who_answered_in_time_has_no_lead_on_the_desk_once_it_returns(
    rep: str | None,
) -> None:
    sales = Sales()
    sales.enquire()
    first = sales.held().id
    sales.later(hours=1)
    sales.hear(sales.breach())
    called_at = sales.now - timedelta(minutes=1)
    sales.later(minutes=2)
    sales.hear(sales.followup(F.CONTACTED, rep=rep, at=called_at))
    returned = sales.hear(sales.retraction(first))
    assert kinds(returned) == ["released", "routed"]
    assert sales.rep() == "rep-a"
    assert sales.open("rep-a") == 0


def test_the_turn_of_a_rep_whom_a_wrong_breach_gave_the_lead_is_given_back() -> None:
    sales = Sales()
    sales.enquire()
    first = sales.held().id
    before = dict(sales.pools["inbound"])
    sales.later(hours=1)
    sales.hear(sales.breach())
    called_at = sales.now - timedelta(minutes=1)
    sales.later(minutes=2)
    sales.hear(sales.followup(F.CONTACTED, rep="rep-a", at=called_at))
    sales.hear(sales.retraction(first))
    assert sales.pools["inbound"] == before


def test_a_lead_of_before_baton_can_be_claimed_under_a_promise_of_the_policy() -> None:
    sales = Sales()
    sales.hear(
        sales.scored(new_enquiry=False, history=History(owner="rep-a"), email=None, stage=Stage.SAL)
    )
    sales.later(minutes=1)
    routed = sales.hear(sales.followup(F.CLAIMED, rep="rep-b"))[-1]
    assert isinstance(routed, LeadRouted)
    assert routed.sla_policy in BUNDLE.section(PROMISE_NAMES).policies


def test_who_claims_a_lead_after_its_promise_left_the_policy_has_one_of_the_policy() -> None:
    sales = Sales()
    sales.enquire()
    sales.bundle = WITHOUT_WARM
    sales.later(minutes=1)
    routed = sales.hear(sales.followup(F.CLAIMED, rep="rep-b"))[-1]
    assert isinstance(routed, LeadRouted)
    assert routed.sla_policy in sales.bundle.section(PROMISE_NAMES).policies


def test_a_batch_locks_the_pool_of_a_turn_that_returns_with_its_lead() -> None:
    sales = Sales()
    sales.enquire(employees=5000)  # rep-b, by a turn of `enterprise`.
    first = sales.held()
    assert first.terms.pool == "enterprise"
    sales.later(minutes=5)
    sales.hear(sales.breach())
    sales.hear(sales.scored(new_enquiry=False, employees=50))
    sales.later(minutes=1)
    sales.batch(
        sales.event(sales.retraction(first.id)),
        sales.event(sales.followup(F.REJECTED, reason="spam", assignment_id=first.id)),
    )


def test_what_is_kept_of_breaches_is_bounded() -> None:
    sales = Sales()
    for _ in range(30):
        sales.enquire()
        sales.later(hours=1)
        sales.hear(sales.breach())
    assert len(sales.leads[lead("x")].breached) < 25


def test_a_release_of_a_renewed_assignment_is_not_before_that_began() -> None:
    # Else the monitor would pass it over where the person was erased in between.
    sales = Sales()
    sales.enquire()
    sales.later(minutes=10)
    lost_at = sales.now
    sales.later(minutes=10)
    sales.enquire()
    released = sales.hear(sales.followup(F.LOST, at=lost_at))[0]
    assert isinstance(released, LeadReleased)
    assert released.occurred_at == sales.now


def test_an_enquiry_that_is_replayed_after_news_that_name_it_is_the_owner_s_to_answer() -> None:
    sales = Sales()
    sales.hear(sales.scored())
    dead_letter = sales.event(sales.scored(), 2)
    assert isinstance(dead_letter.event.data, LeadScored)
    sales.later(minutes=1)
    activity = sales.scored(new_enquiry=False)
    news = activity.model_copy(update={"enquiry": dead_letter.event.data.enquiry})
    sales.give(sales.event(news, 3))
    assert kinds(sales.give(dead_letter)) == ["routed"]
