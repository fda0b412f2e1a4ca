"""What holds whatever happens in whatever order."""

from collections.abc import Callable

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from routing_sales import BUNDLE, Sales, lead

from baton.events import FollowupType, LeadReleased, LeadRouted, LeadScored, Stage
from baton.runtime.inputs import EventInput, Input
from routing.domain import followups
from routing.domain.choice import Question, recompute
from routing.domain.floor import WORKED
from routing.domain.state import Lead

NAMES = st.sampled_from(["x", "y", "z", "w"])
REASONS = st.sampled_from([None, "not-mine", "no-time", "spam", "unheard-of"])
REPS = st.sampled_from([None, None, None, "rep-a", "rep-b", "rep-c", "rep-d", "somebody-else"])
TAKEN = (FollowupType.CLAIMED, FollowupType.OWNER_CHANGED)
TELLING = [*WORKED, *followups.ENDS]
OTHERS = [*(type_ for type_ in FollowupType if type_ not in TAKEN), *TELLING, *TELLING]


def enquires(given: Input) -> bool:
    data = given.event.data if isinstance(given, EventInput) else None
    return isinstance(data, LeadScored) and data.new_enquiry


def has_owner(state: Lead | None) -> bool:
    return state is not None and state.held is not None


class Department(RuleBasedStateMachine):
    """A sales department to which anything happens, one thing at a time or several in a batch."""

    def __init__(self) -> None:
        super().__init__()
        self.sales = Sales()
        self.heard: list[Input] = []
        self.waiting: list[Callable[[], Input]] = []

    def happen(self, make: Callable[[], Input], *, at_once: bool) -> None:
        self.waiting.append(make)
        if at_once:
            given = [one() for one in self.waiting]
            self.waiting = []
            self.heard += given
            for one, decision in zip(given, self.sales.batch(*given), strict=True):
                assert decision.events or not enquires(one) or has_owner(decision.state)
            self.sales.later(seconds=30)

    @rule(
        name=NAMES,
        stage=st.sampled_from([*Stage]),
        new_enquiry=st.booleans(),
        employees=st.sampled_from([5, 5000]),
        title=st.sampled_from([None, "student"]),
        email=st.sampled_from([None, "lead@example.com"]),
        at_once=st.booleans(),
    )
    def score(
        self,
        name: str,
        stage: Stage,
        employees: int,
        title: str | None,
        email: str | None,
        *,
        new_enquiry: bool,
        at_once: bool,
    ) -> None:
        def make() -> Input:
            data = self.sales.scored(
                name,
                stage=stage,
                new_enquiry=new_enquiry,
                employees=employees,
                title=title,
                email=email,
            )
            return self.sales.event(data)

        self.happen(make, at_once=at_once)

    @rule(name=NAMES, at_once=st.booleans())
    def enquire(self, name: str, *, at_once: bool) -> None:
        self.happen(lambda: self.sales.event(self.sales.scored(name)), at_once=at_once)

    @rule(
        name=NAMES,
        type_=st.sampled_from(OTHERS),
        rep=REPS,
        reason=REASONS,
        at_once=st.booleans(),
    )
    def follow_up(
        self, name: str, type_: FollowupType, rep: str | None, reason: str | None, *, at_once: bool
    ) -> None:
        self.happen(
            lambda: self.sales.event(self.sales.followup(type_, name, rep=rep, reason=reason)),
            at_once=at_once,
        )

    @rule(name=NAMES, at_once=st.booleans())
    def breach(self, name: str, *, at_once: bool) -> None:
        self.happen(lambda: self.sales.event(self.sales.breach(name)), at_once=at_once)

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
        facts = [one.event.data for one in self.heard if isinstance(one, EventInput)]
        if facts:
            self.sales.hear(data.draw(st.sampled_from(facts)))

    @invariant()
    def no_lead_has_two_owners(self) -> None:
        # By the events alone: a lead is released by who has it before somebody else gets it.
        owners: dict[object, object] = {}
        for event in self.sales.events:
            if isinstance(event, LeadRouted):
                assert event.lead_id not in owners
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
    def capacity_is_never_exceeded(self) -> None:
        for rep, capacity in (("rep-a", 3), ("rep-b", 3), ("rep-c", 1), ("rep-off", 0)):
            assert self.sales.open(rep) <= capacity

    @invariant()
    def credits_sum_to_nothing(self) -> None:
        assert all(sum(standing.values()) == 0 for standing in self.sales.pools.values())

    @invariant()
    def every_choice_follows_from_what_was_kept_of_it(self) -> None:
        for row in self.sales.decisions[-3:]:
            if row.question is not None and row.choice is not None:
                kept = Question.model_validate_json(row.question.model_dump_json())
                again = recompute(kept, BUNDLE)
                assert again.model_dump_json() == row.choice.model_dump_json()


Department.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestDepartment = Department.TestCase
