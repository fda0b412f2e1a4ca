"""How things stand follows from the topics' events, and the demo ends when nothing is open."""

import pytest

from baton.cloudevents import Event
from baton.events import AssignmentChange, EventData, ReleaseCode, Stage
from baton_local.demo.board import Promise
from baton_local.demo.scene import Scene
from baton_local_tests.demo_lead import Lead, dead_letter


@pytest.fixture
def scene() -> Scene:
    return Scene.empty(planned=1)


def hear(scene: Scene, *events: Event[EventData], at: float = 0.0) -> None:
    for event in events:
        scene.hear(event, at)


def sent(scene: Scene, lead: Lead, at: float = 0.0) -> Event[EventData]:
    """The enquiry, which ingest has taken."""
    captured = lead.captured()
    scene.ledger.enquiries[captured.id] = lead.id
    scene.ledger.sent_at[captured.id] = at
    return captured


def test_an_event_that_comes_twice_counts_once(scene: Scene) -> None:
    lead = Lead()
    for event in (sent(scene, lead), lead.routed(), lead.promised(), lead.warned()):
        hear(scene, event, event)
    board = scene.board
    assert (board.owned, len(board.assignments), board.warned, board.repeated) == (1, 1, 1, 4)


def test_a_lead_is_settled_once_it_has_a_rep_who_answered(scene: Scene) -> None:
    lead = Lead()
    captured = sent(scene, lead)
    expected = [
        (captured, "leads without a rep and without a reason: 1"),
        (lead.scored(), "leads without a rep and without a reason: 1"),
        (lead.routed(), "assignments without a clock: 1"),
        (lead.promised(), "clocks that run: 1"),
        (lead.warned(), "clocks that run: 1"),
    ]
    assert "enquiries that are not on lead-captured: 1" in scene.unfinished()
    for event, left in expected:
        hear(scene, event)
        assert list(scene.unfinished()) == [left]
    hear(scene, lead.kept())
    assert not list(scene.faults())


def test_a_lead_is_settled_once_it_is_said_why_nobody_has_it(scene: Scene) -> None:
    lead = Lead()
    hear(scene, sent(scene, lead), lead.scored(Stage.LEAD), lead.unrouted("not_qualified"))
    assert not list(scene.faults())
    assert scene.board.unowned == {"not_qualified": 1}


def test_a_lead_that_will_be_tried_again_is_not_settled(scene: Scene) -> None:
    lead = Lead()
    hear(scene, sent(scene, lead), lead.unrouted("no_capacity", again=True))
    assert list(scene.unfinished()) == ["leads that wait for a rep with time: 1"]


def test_a_lead_taken_from_its_rep_is_nobodys_until_the_next_has_it(scene: Scene) -> None:
    lead = Lead()
    hear(scene, sent(scene, lead), lead.routed(1), lead.promised(), lead.broken())
    hear(scene, lead.released(ReleaseCode.BREACHED))
    assert list(scene.unfinished()) == ["leads without a rep and without a reason: 1"]
    hear(scene, lead.routed(2), lead.promised(), lead.kept())
    assert not list(scene.faults())
    assert (scene.board.reassigned, scene.board.rescued()) == (1, [lead.id])


def test_a_promise_counts_as_what_was_said_of_it_last(scene: Scene) -> None:
    lead = Lead()
    hear(scene, lead.routed(), lead.promised(), lead.warned(), lead.broken())
    assert scene.board.promised() == {("north", "rep-1", Promise.BROKEN): 1}
    hear(scene, lead.dropped(), lead.kept())
    assert scene.board.promised() == {("north", "rep-1", Promise.MET): 1}


def test_an_enquiry_of_a_lead_with_an_owner_is_no_turn_and_needs_no_clock_of_its_own(
    scene: Scene,
) -> None:
    lead = Lead()
    hear(scene, sent(scene, lead), lead.routed(1), lead.promised(), lead.warned())
    hear(scene, lead.renewed(), lead.moved())
    assert scene.board.promised() == {("north", "rep-1", Promise.WARNED): 1}
    hear(scene, lead.kept(), lead.renewed(AssignmentChange.RETURNED))

    assert scene.board.assigned_counts() == {("north", "rep-1"): 1}
    assert not list(scene.faults())


def test_only_a_lead_that_gets_its_rep_at_once_tells_how_quick_that_is(scene: Scene) -> None:
    quick, waiting, passed_on = Lead(), Lead(), Lead()
    for lead in (quick, waiting, passed_on):
        hear(scene, sent(scene, lead, at=1.0))
    hear(scene, quick.routed(), at=1.5)
    hear(scene, waiting.unrouted("no_capacity", again=True), at=1.5)
    hear(scene, waiting.routed(), at=4.5)
    hear(scene, passed_on.routed(1), at=1.75)
    hear(scene, passed_on.released(ReleaseCode.DECLINED), passed_on.routed(2), at=3.0)
    assert scene.board.seconds_to_owner(scene.ledger.sent_at) == [0.5, 0.75]


def test_a_lead_that_nobody_sent_and_a_dead_letter_are_faults(scene: Scene) -> None:
    hear(scene, Lead().unrouted("not_qualified"), dead_letter())
    assert list(scene.faults()) == ["leads that were never sent: 1", "dead letters: 1"]
