"""A sales department for tests: gives inputs to `decide` as the runner does."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from baton import identity
from baton.cloudevents import Event
from baton.events import (
    Company,
    Contact,
    EventData,
    FollowupType,
    History,
    LeadErased,
    LeadEvent,
    LeadFollowup,
    LeadScored,
    Profile,
    Score,
    SlaBreached,
    SlaRetracted,
    Stage,
)
from baton.policy.bundle import Bundle, texts_in
from baton.runtime.decisions import Decision
from baton.runtime.inputs import CommandInput, EventInput, Input, TimerInput
from baton.subjects import Subject
from routing.domain import decide
from routing.domain.loads import Loads, RepLoad
from routing.domain.needs import needs
from routing.domain.rows import AssignmentRow, DecisionRow
from routing.domain.state import Assignment, Lead
from routing.policy.reads import READS

MONDAY = datetime.fromisoformat("2026-03-02T10:00:00Z")
POLICY = Path(__file__).parent / "policy"
_TEXTS = texts_in(POLICY)
BUNDLE = Bundle.parse(_TEXTS, READS)
_REP_A = "  - {id: rep-a, name: Rep A, email: rep-a@example.com, team: inside}\n"

E = TypeVar("E", bound=EventData)


def changed(file: str, old: str, new: str) -> Bundle:
    """The tests' bundle with one text in one of its files replaced."""
    assert old in _TEXTS[file]
    return Bundle.parse({**_TEXTS, file: _TEXTS[file].replace(old, new, 1)}, READS)


AWAY = changed("teams.yaml", "name: Rep A, email", "name: Rep A, available: false, email")
"""The bundle while rep-a is away."""

LEFT = Bundle.parse(
    {
        **_TEXTS,
        "teams.yaml": _TEXTS["teams.yaml"].replace(_REP_A, ""),
        "routing.yaml": _TEXTS["routing.yaml"].replace("{rep: rep-a, weight: 2}, ", ""),
    },
    READS,
)
"""The bundle once rep-a has left."""


def lead(name: str) -> UUID:
    """A lead's id."""
    return identity.named_id("lead", name)


FACT = lead("a fact")


class Sales:
    """Leads, pools and reps under one bundle. `now` stands still unless a test moves it.

    `seed` makes the ids of its inputs others than those of another department.
    """

    def __init__(self, bundle: Bundle = BUNDLE, seed: str = "") -> None:
        self.bundle = bundle
        self._seed = seed
        self.now = MONDAY
        self.leads: dict[UUID, Lead] = {}
        self.pools: dict[str, dict[str, int]] = {}
        self.reps: dict[str, RepLoad] = {}
        self.decisions: list[DecisionRow] = []
        self.assignments: dict[UUID, AssignmentRow] = {}
        self.events: list[EventData] = []
        self._count = 0

    @property
    def states(self) -> dict[Subject, Lead]:
        """The leads' states, as the runner has them."""
        return {Subject.lead(id_): state for id_, state in self.leads.items()}

    def batch(self, *given: Input) -> list[Decision[Lead, Loads]]:
        """Decide on a batch, with what `needs` names locked and nothing else."""
        need = needs(given, self.states, self.bundle)
        loads = Loads(
            {pool: self.pools.get(pool, {}) for pool in need.pools},
            {rep: self.reps.get(rep, RepLoad()) for rep in need.reps},
        )
        made = []
        for one in given:
            decision = decide(self.leads.get(one.subject.id), loads, one, self.bundle, self.now)
            loads = loads if decision.shared is None else decision.shared
            self._keep(one.subject.id, decision)
            made.append(decision)
        self.pools |= {pool: dict(loads.pools[pool]) for pool in loads.changed_pools}
        self.reps |= {rep: loads.reps[rep] for rep in loads.changed_reps}
        return made

    def give(self, given: Input) -> Sequence[EventData]:
        """Decide on one input; gives the events."""
        return self.batch(given)[0].events

    def hear(self, data: LeadEvent) -> Sequence[EventData]:
        """Decide on one event."""
        return self.give(self.event(data))

    def enquire(
        self,
        name: str = "x",
        *,
        employees: int = 50,
        title: str | None = None,
        email: str | None = "lead@example.com",
    ) -> Sequence[EventData]:
        """A qualified lead makes an enquiry."""
        return self.hear(self.scored(name, employees=employees, title=title, email=email))

    def held(self, name: str = "x") -> Assignment:
        """The current assignment of a lead."""
        held = self.leads[lead(name)].held
        assert held is not None
        return held

    def rep(self, name: str = "x") -> str:
        """Who has a lead."""
        return self.held(name).rep.id

    def open(self, rep: str) -> int:
        """How many open leads a rep has."""
        return self.reps.get(rep, RepLoad()).open

    def event(self, data: LeadEvent, sequence: int | None = None) -> EventInput:
        """An event as a batch brings it."""
        id_ = self._next()
        return EventInput(Event(id_, "/test", self.now, str(data.lead_id), data, sequence))

    def scored(
        self,
        name: str = "x",
        *,
        stage: Stage = Stage.MQL,
        new_enquiry: bool = True,
        employees: int = 50,
        title: str | None = None,
        email: str | None = "lead@example.com",
        test: bool = False,
        history: History | None = None,
        at: datetime | None = None,
        qualified_at: datetime | None = None,
    ) -> LeadScored:
        """What scoring says; a new enquiry has an id of its own, else it is the lead's latest."""
        before = self.leads.get(lead(name), Lead()).scored
        latest = before.enquiry if before else None
        cause = self._next()
        return LeadScored(
            lead_id=lead(name),
            occurred_at=at or self.now,
            cause=cause,
            enquiry=cause if new_enquiry else latest,
            new_enquiry=new_enquiry,
            score=Score(fit=10, engagement=5, total=15, grade="A"),
            stage_before=None,
            stage=stage,
            reasons=(),
            profile=Profile(
                brand="acme",
                source="website",
                contact=Contact(email=email, job_title=title),
                company=Company(employees=employees),
            ),
            test=test,
            history=history,
            qualified_at=qualified_at,
        )

    def followup(
        self,
        type_: FollowupType,
        name: str = "x",
        *,
        rep: str | None = None,
        assignment_id: UUID | None = None,
        reason: str | None = None,
        at: datetime | None = None,
    ) -> LeadFollowup:
        """What the CRM says."""
        return LeadFollowup(
            lead_id=lead(name),
            occurred_at=at or self.now,
            received_at=self.now,
            source="crm",
            type=type_,
            rep=rep,
            assignment_id=assignment_id,
            reason=reason,
        )

    def breach(self, name: str = "x", **changes: object) -> SlaBreached:
        """The promise about the lead's current assignment is broken."""
        held = self.leads.get(lead(name), Lead()).held
        breach = SlaBreached(
            lead_id=lead(name),
            occurred_at=self.now,
            clock_id=self._next(),
            assignment_id=held.id if held else None,
            target="first_response",
            cycle=1,
            side="sales",
            rep=held.rep.id if held else None,
            team=held.team if held else None,
            pool=held.terms.pool if held else None,
            due_at=self.now,
            used_seconds=3600,
            late_seconds=0,
            reassign=True,
        )
        return breach.model_copy(update=changes)

    def retraction(
        self,
        assignment_id: UUID,
        name: str = "x",
        *,
        code: str = "answered_in_time",
        fact: UUID | None = FACT,
    ) -> SlaRetracted:
        """The breach of an assignment is taken back, since a fact was told late."""
        return SlaRetracted(
            lead_id=lead(name),
            occurred_at=self.now,
            clock_id=self._next(),
            assignment_id=assignment_id,
            target="first_response",
            cycle=1,
            side="sales",
            rep=None,
            team=None,
            pool=None,
            code=code,
            fact=fact,
        )

    def erased(self, name: str = "x", at: datetime | None = None) -> LeadErased:
        """The person must be forgotten."""
        return LeadErased(
            lead_id=lead(name),
            occurred_at=at or self.now,
            requested_by="privacy-officer",
            why="asked to",
        )

    def timer(self, name: str = "x") -> TimerInput:
        """The lead's retry is due; time has moved on to it."""
        unrouted = self.leads.get(lead(name), Lead()).unrouted
        if unrouted and unrouted.retry_at:
            self.now = max(self.now, unrouted.retry_at)
        return TimerInput(self._next(), Subject.lead(lead(name)), "retry", self.now)

    def command(self, kind: str, name: str = "x", **body: str) -> CommandInput:
        """What HTTP asks."""
        return CommandInput(self._next(), Subject.lead(lead(name)), kind, dict(body), self.now)

    def later(self, **by: float) -> None:
        """Let time pass."""
        self.now += timedelta(**by)

    def _next(self) -> UUID:
        self._count += 1
        return identity.named_id("test", self._seed, str(self._count))

    def _keep(self, lead_id: UUID, decision: Decision[Lead, Loads]) -> None:
        if decision.state is None:
            self.leads.pop(lead_id, None)
        else:
            # As it comes back from the database.
            self.leads[lead_id] = Lead.model_validate_json(decision.state.model_dump_json())
        self.events += decision.events
        for row in decision.rows:
            if isinstance(row, DecisionRow):
                self.decisions.append(row)
            elif isinstance(row, AssignmentRow):
                self.assignments[row.assignment.id] = row


def only(events: Sequence[EventData], kind: type[E]) -> E:
    """The one event that there is, of the expected type."""
    (event,) = events
    assert isinstance(event, kind)
    return event


def kinds(events: Sequence[EventData]) -> list[str]:
    """What happened, in order."""
    return [event.event_type.removeprefix("baton.lead.").removesuffix(".v1") for event in events]
