"""Which assignments of a lead belong together: one rep has it, and new enquiries come meanwhile.

An end of any of them ends all clocks of the tenure, and a follow-up may name any of them.
"""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from baton.events import AssignmentChange, LeadRouted
from sla_monitor.domain.state import ASSIGNMENTS_KEPT, Assignment, Clock, LeadClocks

_GOES_ON = frozenset({AssignmentChange.RENEWED, AssignmentChange.RETURNED})


class Tenures:
    """The assignments of a lead, by their tenure."""

    def __init__(self, state: LeadClocks) -> None:
        # Clocks of releases that kept no assignments have each begun a tenure.
        begun = {clock.assignment_id: _first(clock) for clock in state.clocks}
        self._known = begun | {assignment.id: assignment for assignment in state.assignments}

    def assignment(self, clock: Clock) -> Assignment:
        """The assignment that a clock is of."""
        return self._known[clock.assignment_id]

    def of(self, assignment_id: UUID) -> UUID:
        """The tenure that an assignment belongs to: one of its own where nothing is known of it."""
        known = self._known.get(assignment_id)
        return assignment_id if known is None else known.tenure

    def place(self, clock: Clock) -> tuple[datetime, int, UUID]:
        """The order of clocks: by their start, and of those at one moment what is renewed first."""
        renewals = 0
        each = self.assignment(clock)
        while each.change in _GOES_ON and each.previous in self._known:
            renewals += 1
            if renewals > len(self._known):
                break  # No sender makes such a circle, and none must stop us.
            each = self._known[each.previous]
        return clock.started_at, renewals, clock.id

    def starts(self, clock: Clock) -> Mapping[UUID, datetime]:
        """The assignments of a clock's tenure, and when each began."""
        tenure = self.of(clock.assignment_id)
        return {each.id: each.started_at for each in self._known.values() if each.tenure == tenure}


def with_assignment(state: LeadClocks, routed: LeadRouted) -> LeadClocks:
    """Keep an assignment. Its tenure is found whichever of the assignments is read first."""
    previous = routed.previous_assignment
    tenure = routed.assignment_id
    if routed.change in _GOES_ON and previous is not None:
        tenure = Tenures(state).of(previous)
    new = Assignment(
        id=routed.assignment_id,
        tenure=tenure,
        started_at=routed.occurred_at,
        change=routed.change,
        previous=previous,
    )
    known = [
        assignment.model_copy(update={"tenure": tenure})
        if assignment.tenure == new.id
        else assignment
        for assignment in state.assignments
    ]
    in_order = sorted((*known, new), key=lambda each: (each.started_at, each.id))
    needed = {clock.assignment_id for clock in state.clocks}
    newest = in_order[-ASSIGNMENTS_KEPT:]
    older = [each for each in in_order[:-ASSIGNMENTS_KEPT] if each.id in needed]
    return state.model_copy(update={"assignments": (*older, *newest)})


def _first(clock: Clock) -> Assignment:
    return Assignment(
        id=clock.assignment_id,
        tenure=clock.assignment_id,
        started_at=clock.started_at,
        change=AssignmentChange.NEW,
        previous=None,
    )
