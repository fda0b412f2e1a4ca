"""What the demo sends is the same in each run, and has one of everything that is to be seen."""

from collections import Counter

from baton_local.demo import plan as planning
from baton_local.demo.cast import STAR, Handling
from baton_local.demo.plan import SENDING_S, Kind

PLAN = planning.made()
PEOPLE = [person for delivery in PLAN.deliveries for person in delivery.people]


def test_it_is_the_same_in_each_run() -> None:
    assert planning.made() == PLAN


def test_each_kind_of_delivery_is_there_in_its_time_and_by_an_id_of_its_own() -> None:
    assert {delivery.kind for delivery in PLAN.deliveries} == set(Kind)
    times = [delivery.at for delivery in PLAN.deliveries]
    assert times == sorted(times)
    assert times[-1] <= SENDING_S
    assert len({delivery.id for delivery in PLAN.deliveries}) == len(PLAN.deliveries) > 200


def test_nobody_shares_an_identity_with_another() -> None:
    known = {(person.email, person.phone, person.number) for person in PEOPLE}
    for counts in (
        Counter(email for email, _, _ in known),
        Counter(phone for _, phone, _ in known),
    ):
        assert {value for value, count in counts.items() if value and count > 1} == set()


def test_everything_that_a_rep_can_do_is_done() -> None:
    assert set(PLAN.handling.values()) == set(Handling)


def test_who_is_forgotten_is_sent_early_enough_for_the_breach_to_be_seen() -> None:
    first = {person.email: one.at for one in reversed(PLAN.deliveries) for person in one.people}
    forgotten = [email for email, handling in PLAN.handling.items() if handling == "forgotten"]
    assert len(forgotten) >= 4
    assert max(first[email] for email in forgotten) < SENDING_S / 2


def test_the_story_that_is_told_begins_before_the_enquiry() -> None:
    of_star = [delivery.kind for delivery in PLAN.deliveries if delivery.people == (STAR,)]
    assert of_star == [Kind.PAGE_VIEW, Kind.PAGE_VIEW, Kind.LEAD]
    assert PLAN.handling[STAR.email or ""] is Handling.FORGOTTEN
