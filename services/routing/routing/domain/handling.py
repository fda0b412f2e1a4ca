"""The handling of one input: the lead, and the loads of pools and reps, with the changes that the
input has made so far.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from itertools import takewhile
from uuid import UUID

from baton import identity
from baton.events import (
    AssignmentChange,
    EventData,
    Reason,
    ReleaseCode,
    Rep,
)
from baton.policy import teams as policy
from baton.policy.bundle import Bundle
from baton.runtime.decisions import Arm, Decision, Row
from baton.runtime.inputs import Input
from routing.domain import announcements, outcomes, successors
from routing.domain import choice as choosing
from routing.domain.choice import Choice, Match, Question
from routing.domain.codes import Cause, DecisionCode, Excluded
from routing.domain.loads import Loads
from routing.domain.outcomes import Outcome
from routing.domain.rows import AssignmentRow, DecisionRow
from routing.domain.state import Assignment, Lead, NoOwner, Scored, Terms
from routing.domain.turns import Credits
from routing.policy.reads import PROMISE_NAMES
from routing.policy.routing import ROUTING

RETRY = "retry"
"""The timer of a lead that nobody could take."""


@dataclass(frozen=True, slots=True)
class Follows:
    """The cause of an assignment, and the assignment that it follows."""

    change: AssignmentChange
    assignment_id: UUID | None = None


UNOWNED = Follows(AssignmentChange.NEW)
"""No rep had the lead."""


@dataclass
class Handling:
    """Begins with a lead and the loads, and collects the effects of one input."""

    given: Input
    lead: Lead
    loads: Loads
    bundle: Bundle
    now: datetime
    events: list[EventData] = field(default_factory=list)
    outcome: Outcome | None = None
    _rows: list[AssignmentRow] = field(default_factory=list)
    _decided: DecisionRow | None = None
    _arm: Arm | None = None
    _cancel: bool = False

    @cached_property
    def decision_id(self) -> UUID:
        """One for each input."""
        return identity.named_id("decision", str(self.given.id))

    @property
    def scored(self) -> Scored:
        """The newest score. Only called if there is one."""
        if self.lead.scored is None:
            raise ValueError("a lead that was never scored can't be routed")
        return self.lead.scored

    @property
    def held(self) -> Assignment:
        """The lead's assignment. Only called if there is one."""
        if self.lead.held is None:
            raise ValueError("nobody has the lead")
        return self.lead.held

    @property
    def qualified(self) -> bool:
        """Whether the policy in force has the lead routed."""
        return self.bundle.section(ROUTING).takes(self.scored.stage)

    def become(self, **changes: object) -> None:
        """Change the lead."""
        self.lead = self.lead.model_copy(update=changes)

    def begin_anew(self, scored: Scored) -> None:
        """The lead is nothing but what scoring said of it; what was decided so far is not kept."""
        self.lead = Lead(scored=scored)
        self._rows.clear()
        self._decided = None

    def decide(
        self,
        code: StrEnum | Excluded,
        asked: Question | None = None,
        chosen: Choice | None = None,
    ) -> None:
        """Keep what this came to, and from what it followed."""
        before = self._decided
        self._decided = DecisionRow(
            id=self.decision_id,
            lead_id=self.given.subject.id,
            cause=self.given.id,
            at=self.now,
            policy=self.bundle.hash,
            code=code,
            assignment_id=self.lead.held.id if self.lead.held else None,
            released=before.released if before else None,
            question=asked,
            choice=chosen,
        )

    def match(self) -> Match:
        """The rule that takes the lead as it is now."""
        scored = self.scored
        return choosing.match(scored.profile, scored.score, scored.stage, self.bundle)

    def choose(self) -> tuple[Question, Match, Choice]:
        """The choice among the reps who have not had the lead for this enquiry."""
        scored, found = self.scored, self.match()
        asked = choosing.question(scored, self.lead.tried, found, self.loads, self.bundle)
        return asked, found, choosing.choose(asked, found, self.bundle)

    def route(self, follows: Follows = UNOWNED) -> None:
        """Give the lead to whose turn it is, or tell why nobody can take it."""
        asked, found, chosen = self.choose()
        if chosen.rep is not None:
            self.assign(asked, found, chosen, follows)
        else:
            self.tell_unrouted(asked, found, chosen)

    def assign(
        self, asked: Question, found: Match, chosen: Choice, follows: Follows = UNOWNED
    ) -> None:
        """The chosen rep has the lead from now on."""
        rule, pool = found.rule, chosen.pool
        if rule is None or pool is None or chosen.rep is None:
            raise ValueError("nobody was chosen")
        self.loads = self.loads.with_turn(pool, chosen.turn)
        terms = Terms(rule=rule.id, pool=pool, role=rule.role, sla_policy=rule.sla)
        self.give(chosen.rep, terms, choosing.in_short(found, chosen), follows, chosen.turn)
        self.decide(DecisionCode.ROUTED, asked, chosen)

    def give(
        self,
        rep_id: str,
        terms: Terms,
        reasons: tuple[Reason, ...],
        follows: Follows = UNOWNED,
        turn: Credits | None = None,
    ) -> None:
        """A rep of the bundle has the lead from now on; it counts against the rep's capacity."""
        held = self._hold(rep_id, terms, self.now, follows, turn=turn)
        self.loads = self.loads.with_lead(rep_id, self.now)
        self._tell_routed(held, reasons)

    def renew(self, found: Match) -> None:
        """The owner must answer a new enquiry of the lead, under the SLA policy of its rule.

        It costs no turn, and it does not count against the capacity again. If no rule matches, the
        former SLA policy stays. If the bundle no longer has that, the last rule's policy is used.
        """
        held = self.held
        rep = self.bundle.rep(held.rep.id)
        renewed = successors.renewed(
            self._successor(held, rep),
            self.scored.enquiry,
            held.terms.model_copy(update=self.promise(found, held.terms)),
        )
        self._rows.append(AssignmentRow(self.given.subject.id, held, self.now, ReleaseCode.RENEWED))
        self.become(held=renewed, attempts=1, tried=(rep.id,))
        self._rows.append(AssignmentRow(self.given.subject.id, renewed))
        self._tell_routed(renewed, found.matched)

    def give_back(self, before: Assignment) -> None:
        """The lead returns to the rep of an assignment that a wrong breach had ended.

        It is as it would be without the breach: the same terms, the same turn.
        """
        rep, tried = self.bundle.rep(before.rep.id), self.lead.tried
        returned = successors.returned(self._successor(before, rep), tried[-1] if tried else None)
        self._stop_waiting()
        self.become(
            held=returned,
            attempts=before.attempt,
            tried=(*takewhile(lambda one: one != rep.id, tried), rep.id),
            waits=0,
            unrouted=None,
            breached=self.lead.breached[: self.lead.breached.index(before)],
        )
        if returned.open:
            self.loads = self.loads.with_lead(rep.id, self.now)
        self._rows.append(AssignmentRow(self.given.subject.id, returned))
        reason = Reason(
            code=AssignmentChange.RETURNED,
            label=f"{rep.id} answered in time, and the breach was taken back",
            matched=True,
            field="rep",
            value=rep.id,
        )
        self._tell_routed(returned, (reason,))

    def _successor(self, held: Assignment, rep: policy.RepDefinition) -> Assignment:
        return successors.successor(held, rep, self._assignment_id(), self.decision_id, self.now)

    def _assignment_id(self) -> UUID:
        """One for each input; of two, the second renews the first."""
        first = identity.named_id("assignment", str(self.given.id))
        if self.lead.held is None or self.lead.held.id != first:
            return first
        return identity.named_id("assignment", str(self.given.id), AssignmentChange.RENEWED)

    def promise(self, found: Match, terms: Terms) -> dict[str, str | bool]:
        """The changes of the terms, so that they name an SLA policy of the bundle in force."""
        if found.rule is not None:
            return {"rule": found.rule.id, "sla_policy": found.rule.sla, "promised": True}
        if terms.promised and terms.sla_policy in self.bundle.section(PROMISE_NAMES).policies:
            return {}
        return {"sla_policy": self.bundle.section(ROUTING).rules[-1].sla, "promised": True}

    def _tell_routed(self, held: Assignment, reasons: tuple[Reason, ...]) -> None:
        self.events.append(
            announcements.routed(self.given.subject.id, self.scored, held, reasons, self.now)
        )

    def leave_with(
        self, rep_id: str, terms: Terms, *, since: datetime, worked_at: datetime | None
    ) -> None:
        """A rep of the bundle has the lead, and had it before: nobody need be told."""
        held = self._hold(rep_id, terms, since, UNOWNED, worked_at=worked_at)
        if held.open:
            self.loads = self.loads.with_lead_from_before(rep_id)

    def _hold(
        self,
        rep_id: str,
        terms: Terms,
        since: datetime,
        follows: Follows,
        *,
        worked_at: datetime | None = None,
        turn: Credits | None = None,
    ) -> Assignment:
        rep = self.bundle.rep(rep_id)
        held = Assignment(
            id=self._assignment_id(),
            decision_id=self.decision_id,
            enquiry=self.scored.enquiry,
            attempt=self.lead.attempts + 1,
            rep=Rep(id=rep.id, name=rep.name, email=rep.email),
            team=rep.team,
            terms=terms,
            previous_rep=self.lead.tried[-1] if self.lead.tried else None,
            assigned_at=since,
            worked_at=worked_at,
            credit_changes=turn or {},
            change=follows.change,
            previous_assignment=follows.assignment_id,
        )
        self._stop_waiting()
        self.become(
            held=held,
            attempts=held.attempt,
            tried=(*self.lead.tried, rep.id),
            waits=0,
            unrouted=None,
        )
        self._rows.append(AssignmentRow(self.given.subject.id, held))
        return held

    def tell_unrouted(self, asked: Question, found: Match, chosen: Choice) -> None:
        """No rep can get the lead now. If time may help, routing tries again later."""
        cause = chosen.cause
        if cause is None:
            raise ValueError("somebody was chosen")
        retry_at = None
        pool = found.rule and self.bundle.section(ROUTING).pool(found.rule.pool)
        if cause in choosing.WORTH_RETRYING and pool and self.lead.waits < pool.max_retries:
            retry_at = self.now + pool.retry_after
        self.unrouted(cause, choosing.in_short(found, chosen), retry_at)
        self.decide(cause, asked, chosen)

    def unrouted(
        self, cause: Cause, reasons: tuple[Reason, ...], retry_at: datetime | None = None
    ) -> None:
        """Publish that no rep has the lead, with the reason."""
        self._stop_waiting()
        if retry_at is not None:
            self._arm = Arm(RETRY, retry_at)
        waits = self.lead.waits + 1
        self.become(unrouted=NoOwner.by(cause, retry_at), waits=waits)
        self.events.append(
            announcements.unrouted(
                self.given.subject.id,
                self.lead,
                self.decision_id,
                cause,
                reasons,
                retry_at,
                self.now,
            )
        )
        self.decide(cause)

    def release(
        self,
        code: ReleaseCode,
        reason: str | None = None,
        *,
        at: datetime | None = None,
        give_back_turn: bool = False,
    ) -> None:
        """The rep no longer has the lead since `at`, or else since now."""
        held = self.held
        ended_at = min(max(at or self.now, held.since), self.now)
        if held.open:
            self.loads = self.loads.without_lead(held.rep.id)
        if give_back_turn and held.credit_changes:
            self.loads = self.loads.without_turn(held.terms.pool, held.credit_changes)
        self.become(held=None, ended_at=ended_at)
        # An event about an assignment is never earlier than its start. After an erasure, readers
        # ignore facts from before it, and would ignore an earlier release.
        named_at = max(ended_at, held.assigned_at)
        self._rows.append(AssignmentRow(self.given.subject.id, held, named_at, code, reason))
        self.events.append(
            announcements.released(
                self.given.subject.id, held, self.decision_id, code, reason, named_at
            )
        )
        self.decide(code)
        if self._decided is not None:
            self._decided = replace(self._decided, released=held.id)

    def amend(self, **changes: object) -> None:
        """Change the lead's assignment."""
        held = self.held.model_copy(update=changes)
        self.become(held=held)
        self._rows.append(AssignmentRow(self.given.subject.id, held))

    def decision(self, before: Loads) -> Decision[Lead, Loads]:
        """All that it led to."""
        rows: list[Row] = [*self._rows]
        if self._decided is not None:
            rows.append(self._decided)
        return Decision(
            state=None if self.lead == Lead() else self.lead,
            shared=None if self.loads is before else self.loads,
            events=self.events,
            arm=[self._arm] if self._arm else [],
            cancel=[RETRY] if self._cancel else [],
            rows=rows,
            answer=None if self.outcome is None else outcomes.answer(self.outcome),
        )

    def _stop_waiting(self) -> None:
        if self.lead.unrouted and self.lead.unrouted.retry_at:
            self._cancel = True
