"""What holds whatever happens in whatever order."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from baton.events import (
    AssignmentChange,
    EventData,
    FollowupType,
    LeadErased,
    LeadEvent,
    LeadReleased,
    LeadRouted,
    LeadScored,
    LeadUnrouted,
    Stage,
)
from baton.followups import TAKING
from baton.policy.bundle import Bundle
from baton.runtime.inputs import EventInput, Input
from routing.domain import followups
from routing.domain.choice import Question, recompute
from routing.domain.loads import WORKED
from routing.domain.state import Assignment, Lead
from routing.policy.routing import ROUTING
from routing_tests.sales import AWAY, BUNDLE, FACT, LEFT, Sales, lead

NAMES = st.sampled_from(["x", "y", "z"])
REASONS = st.sampled_from([None, "not-mine", "no-time", "spam", "unheard-of"])
REPS = st.sampled_from([None, None, None, "rep-a", "rep-b", "rep-c", "rep-d", "somebody-else"])
TELLING = [*WORKED, *followups.ENDS]
FOLLOWUPS = [*FollowupType, *TELLING, *TELLING]
# How long ago something happened that is told now, in minutes.
AGO = st.sampled_from([0, 0, 0, 1, 10, 60, 60 * 24 * 40])


def scored(given: Input) -> LeadScored | None:
    data = given.event.data if isinstance(given, EventInput) else None
    return data if isinstance(data, LeadScored) else None


def erased(given: Input) -> bool:
    return isinstance(given, EventInput) and isinstance(given.event.data, LeadErased)


def by_turn(held: Assignment) -> bool:
    return held.began_at is None and held.change is not AssignmentChange.TAKEN


def answered(events: Sequence[EventData]) -> set[UUID | None]:
    return {one.enquiry for one in events if isinstance(one, LeadRouted | LeadUnrouted)}


class Department(RuleBasedStateMachine):
    """A sales department to which anything happens, one thing at a time or several in a batch."""

    def __init__(self) -> None:
        super().__init__()
        self.sales = Sales()
        self.heard: list[Input] = []
        self.waiting: list[Callable[[], Input]] = []
        # Since when each lead is qualified: as scoring says, and as routing has read. And how many
        # of routing's events there were when routing read it.
        self.since: dict[UUID, datetime | None] = {}
        self.qualified: dict[UUID, datetime | None] = {}
        self.told_before: dict[UUID, int] = {}

    def happen(self, make: Callable[[], Input], *, at_once: bool) -> None:
        self.waiting.append(make)
        if at_once:
            given = [one() for one in self.waiting]
            self.waiting = []
            self.heard += given
            self.process(given)
            self.sales.later(seconds=30)

    def process(self, given: Sequence[Input]) -> None:
        seen = len(self.sales.events)
        for one, decision in zip(given, self.sales.batch(*given), strict=True):
            self.note(one, seen)
            seen += len(decision.events)
            data = scored(one)
            if data is not None and data.new_enquiry:
                assert data.enquiry in answered(decision.events)

    def qualifies(self, name: str, stage: Stage, at: datetime) -> datetime | None:
        """Since when scoring says that a lead is qualified; it may have had a break before `at`."""
        before = self.since.get(lead(name))
        since = at if before is None or at > before else before
        self.since[lead(name)] = since if BUNDLE.section(ROUTING).takes(stage) else None
        return self.since[lead(name)]

    def note(self, given: Input, seen: int) -> None:
        data, id_ = scored(given), given.subject.id
        if erased(given):
            self.told_before.pop(id_, None)
        elif data is not None:
            if data.qualified_at is not None and self.qualified.get(id_) != data.qualified_at:
                self.told_before[id_] = seen
            self.qualified[id_] = data.qualified_at

    @rule(
        name=NAMES,
        stage=st.sampled_from([*Stage]),
        new_enquiry=st.booleans(),
        employees=st.sampled_from([5, 5000]),
        title=st.sampled_from([None, "student"]),
        email=st.sampled_from([None, "lead@example.com"]),
        ago=AGO,
        at_once=st.booleans(),
    )
    def score(
        self,
        name: str,
        stage: Stage,
        employees: int,
        title: str | None,
        email: str | None,
        ago: int,
        *,
        new_enquiry: bool,
        at_once: bool,
    ) -> None:
        def make() -> Input:
            at = self.sales.now - timedelta(minutes=ago)
            data = self.sales.scored(
                name,
                stage=stage,
                new_enquiry=new_enquiry,
                employees=employees,
                title=title,
                email=email,
                at=at,
                qualified_at=self.qualifies(name, stage, at),
            )
            return self.sales.event(data)

        self.happen(make, at_once=at_once)

    @rule(name=NAMES, at_once=st.booleans())
    def enquire(self, name: str, *, at_once: bool) -> None:
        def make() -> Input:
            since = self.since.get(lead(name)) or self.sales.now
            at = self.qualifies(name, Stage.MQL, since)
            return self.sales.event(self.sales.scored(name, qualified_at=at))

        self.happen(make, at_once=at_once)

    @rule(
        name=NAMES,
        type_=st.sampled_from(FOLLOWUPS),
        rep=REPS,
        reason=REASONS,
        ago=AGO,
        at_once=st.booleans(),
    )
    def follow_up(
        self,
        name: str,
        type_: FollowupType,
        rep: str | None,
        reason: str | None,
        ago: int,
        *,
        at_once: bool,
    ) -> None:
        def make() -> Input:
            at = self.sales.now - timedelta(minutes=ago)
            return self.sales.event(self.sales.followup(type_, name, rep=rep, reason=reason, at=at))

        self.happen(make, at_once=at_once)

    @rule(
        name=NAMES,
        type_=st.sampled_from(sorted(TAKING)),
        rep=st.sampled_from(["rep-a", "rep-d", "somebody-else"]),
        ago=AGO,
        at_once=st.booleans(),
    )
    def take(self, name: str, type_: FollowupType, rep: str, ago: int, *, at_once: bool) -> None:
        def make() -> Input:
            at = self.sales.now - timedelta(minutes=ago)
            return self.sales.event(self.sales.followup(type_, name, rep=rep, at=at))

        self.happen(make, at_once=at_once)

    @rule(name=NAMES, at_once=st.booleans())
    def breach(self, name: str, *, at_once: bool) -> None:
        self.happen(lambda: self.sales.event(self.sales.breach(name)), at_once=at_once)

    @rule(name=NAMES, at_once=st.booleans())
    def retract(self, name: str, *, at_once: bool) -> None:
        def make() -> Input:
            breached = self.sales.leads.get(lead(name), Lead()).breached
            id_ = breached[0].id if breached else FACT
            return self.sales.event(self.sales.retraction(id_, name))

        self.happen(make, at_once=at_once)

    @rule(bundle=st.sampled_from([BUNDLE, AWAY, LEFT]))
    def activate(self, bundle: Bundle) -> None:
        self.sales.bundle = bundle

    @rule(name=NAMES, kind=st.sampled_from(["accept", "decline"]), at_once=st.booleans())
    def command(self, name: str, kind: str, *, at_once: bool) -> None:
        def make() -> Input:
            held = self.sales.leads.get(lead(name), Lead()).held
            rep, id_ = (held.rep.id, held.id) if held else ("rep-a", lead("none"))
            return self.sales.command(kind, name, rep=rep, assignment_id=str(id_), reason="no-time")

        self.happen(make, at_once=at_once)

    @rule(name=NAMES, at_once=st.booleans())
    def retry(self, name: str, *, at_once: bool) -> None:
        if lead(name) in self.sales.leads:
            self.happen(lambda: self.sales.timer(name), at_once=at_once)

    @rule(name=NAMES, at_once=st.booleans())
    def erase(self, name: str, *, at_once: bool) -> None:
        self.happen(lambda: self.sales.event(self.sales.erased(name)), at_once=at_once)

    @rule(data=st.data())
    def hear_again_under_another_id(self, data: st.DataObject) -> None:
        facts: list[LeadEvent] = [
            one.event.data
            for one in self.heard
            if isinstance(one, EventInput)
            and isinstance(one.event.data, LeadEvent)
            and scored(one) is None
        ]
        if facts:
            self.process([self.sales.event(data.draw(st.sampled_from(facts)))])

    @invariant()
    def no_lead_has_two_owners(self) -> None:
        # By the events alone: a lead is released by who has it before somebody else gets it.
        owners: dict[object, object] = {}
        for event in self.sales.events:
            if isinstance(event, LeadRouted):
                before = owners.get(event.lead_id)
                renewed = event.change is AssignmentChange.RENEWED
                assert before == (event.previous_assignment if renewed else None)
                owners[event.lead_id] = event.assignment_id
            elif isinstance(event, LeadReleased):
                assert owners.pop(event.lead_id) == event.assignment_id
        held = {id_: one.held.id for id_, one in self.sales.leads.items() if one.held}
        assert held == owners

    @invariant()
    def load_is_the_number_of_open_assignments(self) -> None:
        for rep in {*self.sales.reps, *(one.id for one in BUNDLE.teams.reps)}:
            held = [one.held for one in self.sales.leads.values() if one.held]
            assert self.sales.open(rep) == sum(one.rep.id == rep and one.open for one in held)

    @invariant()
    def capacity_is_exceeded_only_by_leads_that_return_or_are_taken(self) -> None:
        for rep, capacity in (("rep-a", 3), ("rep-b", 3), ("rep-c", 1), ("rep-off", 0)):
            held = [one.held for one in self.sales.leads.values() if one.held]
            over = [one for one in held if one.rep.id == rep and not by_turn(one)]
            assert self.sales.open(rep) <= capacity + len(over)

    @invariant()
    def a_qualified_lead_has_an_owner_or_news_of_why_not(self) -> None:
        # News that is newer than its qualification, and than whatever rep had it.
        for id_, state in self.sales.leads.items():
            if state.held is not None or self.qualified.get(id_) is None:
                continue
            told = [
                (number, event)
                for number, event in enumerate(self.sales.events)
                if isinstance(event, LeadEvent) and event.lead_id == id_
            ]
            number, last = told[-1]
            assert isinstance(last, LeadUnrouted)
            assert number >= self.told_before.get(id_, 0)
            assert state.unrouted is not None

    @invariant()
    def credits_sum_to_nothing(self) -> None:
        assert all(sum(standing.values()) == 0 for standing in self.sales.pools.values())

    @invariant()
    def every_choice_follows_from_what_was_kept_of_it(self) -> None:
        for row in self.sales.decisions[-3:]:
            if row.question is not None and row.choice is not None:
                kept = Question.model_validate_json(row.question.model_dump_json())
                bundle = next(one for one in (BUNDLE, AWAY, LEFT) if one.hash == row.policy)
                again = recompute(kept, bundle)
                assert again.model_dump_json() == row.choice.model_dump_json()


Department.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestDepartment = pytest.mark.long(Department.TestCase)
