"""The checker finds nothing wrong with a kept promise, and finds each way of breaking one."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from baton.events import LeadEvent
from tests.chaos.checker import answers, clocks
from tests.chaos.checker.evidence import Evidence
from tests.chaos.checker.records import Found
from tests.chaos.checker.scrape import Scrape
from tests.chaos.checker.seen import Barred, Kind, Outcome, Seen, Sent, Spoilt, Taken
from tests.chaos.checker.told import (
    Assignment,
    Clock,
    Decision,
    Known,
    Lead,
    Letter,
    Ownership,
    Rep,
    Replayed,
    ScoreChange,
)
from tests.chaos.checker.verdict import verdict
from tests.chaos.storms import READ, USERS

NOW = datetime.now(UTC)
AT_REST = dict.fromkeys(
    (
        "baton_outbox_rows",
        "baton_outbox_unpublished",
        "baton_commands_waiting",
        "baton_timers_overdue_seconds",
        "baton_spool_rows",
        "baton_breaker_tripped",
    ),
    0.0,
)


@dataclass
class World:
    """One lead that was captured, scored, given to a rep and accepted, and what tells of it."""

    lead_id: UUID = field(default_factory=uuid4)
    assignment: UUID = field(default_factory=uuid4)
    clock: UUID = field(default_factory=uuid4)
    decision: UUID = field(default_factory=uuid4)
    records: list[Found] = field(default_factory=list)
    seen: Seen = field(default_factory=lambda: Seen(seed=0))
    owned: Ownership | None = None
    lead: Lead | None = None
    clocks: list[Clock] = field(default_factory=list)
    reps: list[Rep] = field(default_factory=lambda: [Rep(id="ann", open_leads=1)])
    letters: list[Letter] = field(default_factory=list)
    replayed: list[Replayed] = field(default_factory=list)
    metrics: dict[str, float] = field(default_factory=lambda: dict(AT_REST))
    unready: str | None = None

    def put(self, topic: str, kind: str, sequence: int | None, **data: Any) -> Found:
        told = {"lead_id": str(self.lead_id), **data}
        record = Found(
            topic=topic,
            partition=0,
            offset=len(self.records),
            id=uuid4(),
            type=f"baton.{kind}.v1",
            lead_id=None if topic == "dead-letter" else self.lead_id,
            sequence=sequence,
            content=(json.dumps(told).encode(), ()),
            data=told,
            written_at=NOW,
        )
        self.records.append(record)
        return record

    def routed(self, kind: str, sequence: int, assignment: UUID | None, **data: Any) -> Found:
        return self.put(
            "lead-routed",
            f"lead.{kind}",
            sequence,
            assignment_id=None if assignment is None else str(assignment),
            decision_id=str(self.decision),
            occurred_at=NOW.isoformat(),
            **data,
        )

    def sla(self, kind: str, sequence: int, **data: Any) -> Found:
        return self.put("lead-sla", f"sla.{kind}", sequence, clock_id=str(self.clock), **data)

    def letter(self, **changes: Any) -> Letter:
        usual: dict[str, Any] = {
            "id": uuid4(),
            "kind": "event",
            "topic": "lead-scored",
            "offset": 7,
            "shard": 0,
            "lead_id": self.lead_id,
            "reason": "the database refuses it: 23514",
            "failed_at": NOW,
            "replayed_at": NOW,
        }
        made = Letter(**(usual | changes))
        self.letters.append(made)
        self.put("dead-letter", "dead.letter", None, service="routing", dead_letter_id=str(made.id))
        return made

    def evidence(self) -> Evidence:
        return Evidence(
            seen=self.seen,
            records=self.records,
            leads={self.lead_id: self.lead},
            ownerships={self.lead_id: self.owned},
            clocks={self.lead_id: tuple(self.clocks)},
            reps=self.reps,
            letters={"routing": self.letters},
            replayed=self.replayed,
            scrapes={"ingest-1": Scrape(self.metrics, self.unready, intake=True)},
            users=USERS,
        )


def held(world: World, **changes: Any) -> Assignment:
    usual: dict[str, Any] = {
        "id": world.assignment,
        "rep": "ann",
        "assigned_at": NOW,
        "accepted_at": NOW,
        "worked_at": None,
        "ended_at": None,
        "ended_code": None,
    }
    return Assignment(**(usual | changes))


def sound() -> World:
    """A world in which every promise was kept; a copy is on the wire, and a replay took effect."""
    world = World()
    profile = {"contact": {"email": "a@example.com"}}
    enquiry = world.put("lead-captured", "lead.captured", None, profile=profile)
    world.records.append(replace(enquiry, offset=50))
    view = world.put("lead-activity", "lead.activity", None)
    accepted = world.put("lead-followup", "lead.followup", 1, type="accepted")
    scored = world.put("lead-scored", "lead.scored", 1, stage="mql")
    world.routed("routed", 1, world.assignment)
    world.sla("started", 1)
    sent = {"email": "a@example.com", "tries": 1, "outcome": Outcome.ACCEPTED}
    taken = Taken(lead_id=world.lead_id, event_id=enquiry.id)
    viewed = Taken(lead_id=world.lead_id, event_id=view.id)
    world.seen.sent += [
        Sent(kind=Kind.LEAD, answers=(taken, taken), **sent),
        Sent(kind=Kind.ACTIVITY, answers=(viewed,), **sent),
        Sent(kind=Kind.ACCEPT, lead_id=world.lead_id, assignment_id=world.assignment, **sent),
    ]
    world.lead = Lead(
        stage="mql",
        enquiries=(Known(id=enquiry.id),),
        activities=1,
        followups=(Known(id=accepted.id),),
        history=(ScoreChange(number=1, event_id=scored.id, stage="mql"),),
    )
    now = held(world)
    decision = Decision(id=world.decision, code="routed")
    world.owned = Ownership(current=now, assignments=(now,), decisions=(decision,))
    world.clocks = [
        Clock(
            clock_id=world.clock,
            assignment_id=world.assignment,
            target="first_response",
            state="running",
            due_at=NOW + timedelta(hours=2),
        )
    ]
    world.seen.barred = [Barred(lead_id=world.lead_id, service="routing")]
    world.replayed = [Replayed("routing", world.letter(), accepted=True)]
    spoilt = Spoilt(topic="lead-scored", partition=3, offset=9, type="baton.lead.scored.v1")
    world.seen.spoilt = [spoilt]
    world.letter(shard=3, offset=9, lead_id=None, reason="broken", replayed_at=None)
    return world


def test_nothing_is_wrong_with_a_kept_promise() -> None:
    assert verdict(sound().evidence()) == []


def lost_after_the_answer(world: World) -> None:
    world.records = [r for r in world.records if r.topic != "lead-activity"]
    assert world.lead
    world.lead = world.lead.model_copy(update={"activities": 0})


def two_ids_for_one_delivery(world: World) -> None:
    sent = world.seen.sent[0]
    sent.answers = (*sent.answers, Taken(lead_id=uuid4(), event_id=sent.answers[0].event_id))


def taken_though_refused(world: World) -> None:
    world.seen.sent[0].outcome = Outcome.REFUSED


def there_twice(world: World) -> None:
    world.records.append(replace(world.records[0], id=uuid4()))


def of_nobody(world: World) -> None:
    world.seen.sent = world.seen.sent[1:]


def not_accepted(world: World) -> None:
    world.owned = ownership(world, held(world, accepted_at=None))


def two_contents(world: World) -> None:
    scored = next(r for r in world.records if r.topic == "lead-scored")
    world.records.append(replace(scored, content=(b"another", ())))


def gap(world: World) -> None:
    world.records = [replace(r, sequence=r.sequence and r.sequence + 1) for r in world.records]


def out_of_order(world: World) -> None:
    world.sla("warned", 3)
    world.sla("met", 2)


def fact_twice(world: World) -> None:
    assert world.lead
    world.lead = world.lead.model_copy(update={"activities": 2})


def fact_lost(world: World) -> None:
    assert world.lead
    world.lead = world.lead.model_copy(update={"followups": ()})


def never_scored(world: World) -> None:
    world.lead = None


def history_with_a_gap(world: World) -> None:
    assert world.lead
    change = world.lead.history[0].model_copy(update={"number": 2})
    world.lead = world.lead.model_copy(update={"history": (change,)})


def told_and_not_kept(world: World) -> None:
    world.put("lead-scored", "lead.scored", 2, stage="mql")


def never_routed(world: World) -> None:
    world.owned = None


def two_owners(world: World) -> None:
    world.routed("routed", 2, uuid4())


def another_owner(world: World) -> None:
    world.owned = ownership(world, held(world, id=uuid4()))


def no_reason(world: World) -> None:
    world.routed("released", 2, world.assignment, code="")
    ended = held(world, ended_at=NOW, ended_code="")
    assert world.owned
    changes = {"current": None, "assignments": (ended,)}
    world.owned = world.owned.model_copy(update=changes)


def undecided(world: World) -> None:
    assert world.owned
    world.owned = world.owned.model_copy(update={"decisions": ()})


def desk_too_full(world: World) -> None:
    world.reps = [Rep(id="ann", open_leads=2)]


def no_clock(world: World) -> None:
    world.clocks = []


def two_clocks(world: World) -> None:
    world.clocks *= 2


def clock_of_nobody(world: World) -> None:
    world.routed("released", 2, world.assignment, code="closed")
    ended = held(world, ended_at=NOW, ended_code="closed")
    assert world.owned
    world.owned = world.owned.model_copy(update={"current": None, "assignments": (ended,)})
    world.reps = []


def clock_overdue(world: World) -> None:
    world.clocks[0] = world.clocks[0].model_copy(update={"due_at": NOW - timedelta(minutes=1)})


def clock_told_otherwise(world: World) -> None:
    world.sla("met", 2)


def told_twice(world: World) -> None:
    world.sla("met", 2)
    world.sla("met", 3)
    world.clocks[0] = world.clocks[0].model_copy(update={"state": "met"})


def false_breach(world: World) -> None:
    world.sla("breached", 2, facts_complete=True)
    answered_in_time(world, "breached")


def false_breach_that_was_taken_back(world: World) -> None:
    world.sla("breached", 2, facts_complete=True)
    world.sla("retracted", 3)
    world.sla("met", 4)
    answered_in_time(world, "met")


def answered_in_time(world: World, state: str) -> None:
    changes = {"state": state, "due_at": NOW + timedelta(seconds=2)}
    world.clocks[0] = world.clocks[0].model_copy(update=changes)
    at = (NOW + timedelta(seconds=1)).isoformat()
    answer = world.put("lead-followup", "lead.followup", None, type="contacted", occurred_at=at)
    assert world.lead
    facts = (*world.lead.followups, Known(id=answer.id))
    world.lead = world.lead.model_copy(update={"followups": facts})


def poison_of_nothing(world: World) -> None:
    world.letter(lead_id=uuid4())


def poison_not_kept(world: World) -> None:
    lost = world.letters.pop()
    world.records = [r for r in world.records if r.data.get("dead_letter_id") != str(lost.id)]


def poison_not_told(world: World) -> None:
    world.records.pop()


def poison_told_twice(world: World) -> None:
    world.records.append(replace(world.records[-1], id=uuid4()))


def replay_without_effect(world: World) -> None:
    world.replayed = [replace(each, accepted=False) for each in world.replayed]


def refused_and_not_kept(world: World) -> None:
    world.seen.barred.append(Barred(lead_id=world.lead_id, service="scoring"))


def left_in_the_outbox(world: World) -> None:
    world.metrics["baton_outbox_rows"] = 1


def command_left(world: World) -> None:
    world.metrics["baton_commands_waiting"] = 1


def timer_overdue(world: World) -> None:
    world.metrics["baton_timers_overdue_seconds"] = 3


def spool_not_empty(world: World) -> None:
    world.metrics["baton_spool_rows"] = 1


def metric_gone(world: World) -> None:
    del world.metrics["baton_outbox_rows"]


def metric_of_the_spool_gone(world: World) -> None:
    del world.metrics["baton_spool_rows"]


def unwell(world: World) -> None:
    world.unready = "not ready"


def ownership(world: World, current: Assignment) -> Ownership:
    assert world.owned
    return world.owned.model_copy(update={"current": current, "assignments": (current,)})


BROKEN: dict[Callable[[World], None], str] = {
    lost_after_the_answer: "accepted and lost",
    two_ids_for_one_delivery: "one delivery was answered with several ids",
    taken_though_refused: "an enquiry took place twice, or not at all, or though it was refused",
    there_twice: "an enquiry took place twice, or not at all, or though it was refused",
    of_nobody: "a lead that nobody sent",
    not_accepted: "a rep was told that it is done, and it is not",
    two_contents: "an input was decided on twice",
    gap: "sequence is not 1, 2, 3, ...",
    out_of_order: "sequence is not 1, 2, 3, ...",
    fact_twice: "a fact was lost or counted twice",
    fact_lost: "a fact was lost or counted twice",
    never_scored: "captured and never scored",
    history_with_a_gap: "the score history has gaps",
    told_and_not_kept: "what was told of a score is not its history",
    never_routed: "neither assigned nor told why",
    two_owners: "two owners, or a release of what nobody had",
    another_owner: "who has a lead is not who was told last",
    no_reason: "nobody has a lead, and no reason is told",
    undecided: "told without a decision",
    desk_too_full: "a rep's open leads are not those that the rep has",
    no_clock: "not one clock for each target of an assignment",
    two_clocks: "not one clock for each target of an assignment",
    clock_of_nobody: "a clock runs for who does not have the lead",
    clock_overdue: "a clock is overdue",
    clock_told_otherwise: "a clock stands otherwise than was told",
    told_twice: "a clock was told of twice",
    false_breach: "a false breach",
    false_breach_that_was_taken_back: "a false breach",
    poison_of_nothing: "a dead letter of what is not poison",
    poison_not_kept: "a record that can't be read is not one dead letter",
    poison_not_told: "a dead letter was not told of once",
    poison_told_twice: "a dead letter was not told of once",
    replay_without_effect: "a replay took no effect",
    refused_and_not_kept: "what was refused was not kept",
    left_in_the_outbox: "not at rest at the end",
    command_left: "not at rest at the end",
    timer_overdue: "not at rest at the end",
    spool_not_empty: "not at rest at the end",
    metric_gone: "not at rest at the end",
    metric_of_the_spool_gone: "not at rest at the end",
    unwell: "not at rest at the end",
}


@pytest.mark.parametrize(("change", "done"), [("renewed", True), ("breached", False)])
def test_what_a_rep_did_by_an_earlier_id_is_done_where_the_same_rep_goes_on(
    change: str, *, done: bool
) -> None:
    world, earlier = sound(), uuid4()
    world.routed("routed", 2, world.assignment, change=change, previous_assignment=str(earlier))
    (accepted,) = (each for each in world.seen.sent if each.kind is Kind.ACCEPT)
    world.seen.sent = [accepted.model_copy(update={"assignment_id": earlier})]
    rules = {violation.rule for violation in answers.check(world.evidence())}
    assert ("a rep was told that it is done, and it is not" not in rules) == done


@pytest.mark.parametrize("data", READ["routing"].uses, ids=lambda data: data.__name__)
def test_a_service_keeps_a_broken_record_of_any_type_that_it_decides_on(
    data: type[LeadEvent],
) -> None:
    world = sound()
    world.seen.spoilt = [Spoilt(topic="any", partition=3, offset=9, type=data.event_type)]
    world.letters[-1] = world.letters[-1].model_copy(update={"topic": "any"})
    assert verdict(world.evidence()) == []


@pytest.mark.parametrize("late", [timedelta(seconds=3), None], ids=["written late", "incomplete"])
def test_a_breach_that_could_not_have_been_avoided_is_none(late: timedelta | None) -> None:
    world = sound()
    world.sla("breached", 2, facts_complete=late is not None)
    world.sla("retracted", 3)
    world.sla("met", 4)
    answered_in_time(world, "met")
    if late is not None:
        world.records[-1] = replace(world.records[-1], written_at=NOW + late)
    assert verdict(world.evidence()) == []


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.__name__.replace("_", "-"))
def test_each_way_of_breaking_a_promise_is_found(broken: Callable[[World], None]) -> None:
    world = sound()
    broken(world)
    assert BROKEN[broken] in {violation.rule for violation in verdict(world.evidence())}


@dataclass
class Desk:
    """A lead at a rep's desk from `NOW` on, as the checker of clocks sees it. Minutes count."""

    world: World = field(default_factory=World)
    ids: dict[str, UUID] = field(default_factory=dict)
    sequence: int = 0

    def __post_init__(self) -> None:
        self.world.put("lead-captured", "lead.captured", None)

    def routed(
        self, name: str, minute: int, change: str = "new", previous: str | None = None, rep: int = 1
    ) -> None:
        self.ids[name] = uuid4()
        self.world.put(
            "lead-routed",
            "lead.routed",
            None,
            assignment_id=str(self.ids[name]),
            occurred_at=at(minute),
            rep={"id": f"rep-{rep}"},
            change=change,
            previous_assignment=previous and str(self.ids[previous]),
        )
        current = held(self.world, id=self.ids[name])
        self.world.owned = Ownership(current=current, assignments=(current,), decisions=())

    def released(self, name: str, minute: int) -> None:
        there = {"assignment_id": str(self.ids[name]), "occurred_at": at(minute)}
        self.world.put("lead-routed", "lead.released", None, **there)

    def followed_up(self, kind: str, minute: int, *, rep: int | None = None) -> None:
        who = {"rep": rep and f"rep-{rep}", "assignment_id": None}
        record = self.world.put(
            "lead-followup", "lead.followup", None, type=kind, occurred_at=at(minute), **who
        )
        self.world.records[-1] = replace(record, written_at=NOW + timedelta(days=1))

    def clock(self, name: str, state: str, *told: str, due: int = 60) -> Clock:
        made = Clock(
            clock_id=uuid4(),
            assignment_id=self.ids[name],
            target="first_response",
            state=state,
            due_at=NOW + timedelta(minutes=due),
        )
        self.world.clocks.append(made)
        for kind in told:
            self.tell(made, kind, due_at=made.due_at.isoformat(), facts_complete=True)
        return made

    def tell(self, clock: Clock, kind: str, **data: Any) -> None:
        self.sequence += 1
        told = {"clock_id": str(clock.clock_id), **data}
        self.world.put("lead-sla", f"sla.{kind}", self.sequence, **told)

    def found(self) -> set[str]:
        return {violation.rule for violation in clocks.check(self.world.evidence())}


def at(minute: int) -> str:
    return (NOW + timedelta(minutes=minute)).isoformat()


NOT_ONE = "not one clock for each target of an assignment"
FALSE = "a false breach"
UNFOUNDED = "a clock is closed without a fact"
NOT_CLOSED = "a clock is not closed by its fact"


@pytest.mark.parametrize(
    ("answered", "second", "found"),
    [
        (None, False, set()),
        (None, True, {NOT_ONE}),
        (10, True, set()),
        (10, False, {NOT_ONE}),
        (20, False, set()),
        (30, True, {NOT_ONE}),
    ],
)
def test_a_new_enquiry_has_a_clock_of_its_own_where_none_runs_that_serves_it(
    answered: int | None, found: set[str], *, second: bool
) -> None:
    desk = Desk()
    desk.routed("first", 0)
    desk.routed("second", 20, "renewed", "first")
    if answered is None:
        desk.clock("first", "running", "started")
    else:
        desk.followed_up("contacted", answered)
        desk.clock("first", "met", "started", "met")
    if second:
        desk.clock("second", "running", "started", due=80)
    assert desk.found() == found


def test_a_clock_may_begin_once_more_after_it_was_taken_back() -> None:
    desk = Desk()
    desk.routed("first", 0)
    desk.clock("first", "running", "started", "retracted", "started")
    assert desk.found() == set()
    desk.clock("first", "running", "started", "started")
    assert "a clock has not begun once" in desk.found()


def test_a_clock_runs_for_the_whole_tenure() -> None:
    desk = Desk()
    desk.routed("first", 0)
    desk.clock("first", "running", "started")
    desk.routed("second", 20, "renewed", "first")
    assert desk.found() == set()
    desk.routed("third", 30, "declined", "second", rep=2)
    desk.clock("third", "running", "started", due=90)
    assert desk.found() == {"a clock runs for who does not have the lead"}


@pytest.mark.parametrize(
    ("before", "after", "stands", "found"),
    [
        (60, 40, 40, set()),
        (60, 70, 70, {"a clock was moved back"}),
        (50, 40, 40, {"a clock was moved back"}),
        (60, 40, 60, {"a clock stands otherwise than was told"}),
    ],
)
def test_a_due_time_moves_from_what_was_told_to_an_earlier_one(
    before: int, after: int, stands: int, found: set[str]
) -> None:
    desk = Desk()
    desk.routed("first", 0)
    desk.routed("second", 20, "renewed", "first")
    clock = desk.clock("first", "running", "started")
    desk.tell(clock, "moved", due_before=at(before), due_at=at(after))
    moved = clock.model_copy(update={"due_at": NOW + timedelta(minutes=stands)})
    desk.world.clocks = [moved]
    assert desk.found() == found


@pytest.mark.parametrize(("second", "found"), [(False, set()), (True, {NOT_ONE})])
def test_a_lead_that_returns_starts_no_clock(found: set[str], *, second: bool) -> None:
    desk = Desk()
    desk.routed("first", 0)
    desk.followed_up("contacted", 10)
    desk.clock("first", "met", "started", "met")
    desk.routed("back", 70, "returned", "first")
    if second:
        desk.clock("back", "running", "started", due=130)
    assert desk.found() == found


@pytest.mark.parametrize(
    ("kind", "right"),
    [
        ("meeting_held", "met"),
        ("converted", "met"),
        ("opportunity", "met"),
        ("won", "met"),
        ("lost", "retracted"),
        ("merged", "retracted"),
        ("deleted", "retracted"),
        ("owner_changed", "retracted"),
        ("claimed", "retracted"),
        ("rejected", None),
        ("note", None),
    ],
)
def test_what_a_followup_of_another_rep_makes_of_a_clock(kind: str, right: str | None) -> None:
    for state in ("met", "retracted", "breached"):
        desk = Desk()
        desk.routed("first", 0)
        desk.followed_up(kind, 10, rep=2)
        desk.clock("first", state, "started", state)
        if state == (right or "breached"):
            assert desk.found() == set()
        elif state == "breached":
            assert desk.found() == {FALSE}
        else:
            assert desk.found() == {UNFOUNDED if right is None else NOT_CLOSED}


@pytest.mark.parametrize("kind", ["owner_changed", "rejected", "lost"])
def test_what_ended_the_assignment_after_it_was_due_takes_no_breach_back(kind: str) -> None:
    desk = Desk()
    desk.routed("first", 0)
    desk.followed_up(kind, 61, rep=2 if kind == "owner_changed" else 1)
    desk.clock("first", "breached", "started", "breached")
    assert desk.found() == set()


@pytest.mark.parametrize(
    ("answered", "state", "found"),
    [
        (10, "retracted", set()),
        (10, "breached", {FALSE}),
        (59, "running", {NOT_CLOSED}),
        (62, "breached", set()),
        (62, "retracted", {UNFOUNDED}),
    ],
)
def test_who_has_a_lead_by_a_breach_that_was_wrong_is_not_judged(
    answered: int, state: str, found: set[str]
) -> None:
    desk = Desk()
    desk.routed("first", 0)
    right = "met" if answered <= 60 else "breached"
    told = ("started", "breached", *(("retracted", "met") if right == "met" else ()))
    desk.clock("first", right, *told)
    desk.released("first", 65)
    desk.routed("second", 65, "breached", "first", rep=2)
    desk.followed_up("contacted", answered)
    desk.clock("second", state, "started", *(() if state == "running" else (state,)), due=125)
    assert desk.found() == found


def test_what_follows_from_a_wrong_breach_is_wrong_too_but_not_what_follows_a_decline() -> None:
    for change, right in (("breached", "retracted"), ("declined", "running")):
        desk = Desk()
        desk.routed("first", 0)
        desk.followed_up("contacted", 10)
        desk.clock("first", "met", "started", "met")
        desk.routed("second", 61, "breached", "first", rep=2)
        desk.clock("second", "retracted", "started", "retracted", due=121)
        desk.routed("third", 122, change, "second")
        desk.clock("third", right, "started", *(["retracted"] * (right == "retracted")), due=182)
        assert desk.found() == set()


def test_a_clock_that_was_taken_back_for_another_serves_nobody() -> None:
    desk = Desk()
    desk.routed("first", 0)
    desk.clock("first", "breached", "started", "breached")
    desk.routed("second", 20, "renewed", "first")
    desk.clock("second", "retracted", "started", "retracted", due=80)
    desk.routed("third", 70, "renewed", "second")
    assert desk.found() == {NOT_ONE}
    desk.clock("third", "running", "started", due=130)
    assert desk.found() == set()
