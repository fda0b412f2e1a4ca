"""What a lead's clocks mean for each other.

- **Cover.** A rep who has the lead has a new enquiry of it to answer. A clock of the same target
  that is undecided at that moment serves it too, and is due by the earlier of both due times. Else
  the enquiry has a clock of its own. An answer that is read late may show that only then.
- **Wrong breaches.** Who has the lead because another rep broke a promise has promised nothing if
  that promise was kept: the clock ends when it began, and so does what follows from its breach. An
  enquiry that came meanwhile (`renewed`), or a decline, is a reason of its own for a promise.
- **Return.** The lead returns to the rep who answered, so there is nothing to promise: unless an
  enquiry that came after the answer lost its clock when the rep lost the lead. The return then
  starts a clock, with the whole time.

All of it follows from the answers, ends and due times of earlier clocks. So one pass in the order
of their start settles it, whatever was known before.
"""

from collections.abc import Iterable
from uuid import UUID

from baton.events import AssignmentChange
from sla_monitor.domain.judging import undecided_at, verdict
from sla_monitor.domain.state import Assignment, Clock, Due, LeadClocks, Mark, Verdict
from sla_monitor.domain.tenures import Tenures


def settled(state: LeadClocks) -> tuple[Clock, ...]:
    """The clocks in order of their start, each with what the others mean for it."""
    tenures = Tenures(state)
    found: dict[UUID, Clock] = {}
    for clock in sorted(state.clocks, key=tenures.place):
        assignment = tenures.assignment(clock)
        void = _void(clock, assignment, tenures, found.values())
        cover = _cover(clock, assignment, tenures, found.values())
        idle = _answered_before_return(clock, assignment, tenures, found.values())
        found[clock.id] = clock.model_copy(
            update={"moved": None, "covered": cover is not None or idle, "void": void}
        )
        if cover is not None and clock.due_at < cover.due.at:
            found[cover.id] = cover.model_copy(update={"moved": _own_due(clock)})
    return tuple(found.values())


def _cover(
    clock: Clock, assignment: Assignment, tenures: Tenures, earlier: Iterable[Clock]
) -> Clock | None:
    """The clock that covers this enquiry too. At most one clock is undecided at a time, except at
    the moment when one ends and the lead returns: then it is the clock of the return, because that
    one goes on.
    """
    if assignment.change is not AssignmentChange.RENEWED:
        return None
    cover = None
    for each in earlier:
        same = each.target == clock.target and tenures.of(each.assignment_id) == assignment.tenure
        if same and undecided_at(each, clock.started_at):
            cover = each
    return cover


def _answered_before_return(
    clock: Clock, assignment: Assignment, tenures: Tenures, earlier: Iterable[Clock]
) -> bool:
    """Whether a clock of a return has nothing to serve.

    So it is unless the rep's last one was let go by then; what ends later ends that one.
    """
    if assignment.change is not AssignmentChange.RETURNED:
        return False
    last = None
    for each in earlier:
        same = each.target == clock.target and tenures.of(each.assignment_id) == assignment.tenure
        if same and not each.covered:
            last = each
    if last is None or last.void is not None or verdict(last) is not Verdict.RELEASED:
        return True
    return last.end is not None and last.end.at > clock.started_at


def _void(
    clock: Clock, assignment: Assignment, tenures: Tenures, earlier: Iterable[Clock]
) -> Mark | None:
    """The start of this clock, and the answer that shows that no breach led to its assignment.

    Of each target, the clock that started last among those due before the assignment may have led
    to it: an earlier one was decided before that one started. Which of them were called broken
    meanwhile does not matter, since that depends on the order of reading.
    """
    if assignment.change is not AssignmentChange.BREACHED or assignment.previous is None:
        return None
    tenure = tenures.of(assignment.previous)
    causes = {
        each.target: each
        for each in earlier
        if each.reassign
        and not each.covered
        and each.due.at <= assignment.started_at
        and tenures.of(each.assignment_id) == tenure
    }
    if any(verdict(cause) in {Verdict.RUNNING, Verdict.BREACHED} for cause in causes.values()):
        return None
    answers = [answer for each in causes.values() if (answer := _disproof(each)) is not None]
    if not answers:
        return None
    first = min(answers, key=lambda answer: (answer.at, answer.fact))
    return Mark(at=clock.started_at, fact=first.fact)


def _disproof(cause: Clock) -> Mark | None:
    """The fact that shows that a clock was not broken."""
    return cause.answer if verdict(cause) is Verdict.MET else cause.void


def _own_due(clock: Clock) -> Due:
    return clock.model_copy(update={"moved": None}).due
