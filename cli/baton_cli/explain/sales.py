"""Routing's part of a lead's story: its assignments, with the reasons."""

from collections.abc import Iterator, Mapping
from uuid import UUID

from baton_cli.explain.reasons import criteria, words
from baton_cli.explain.story import Detail, Happening, Kind, Mark
from baton_cli.explain.views import Assignment, Candidate, Choice, Decision, Routed

_CHOSEN = "chosen"
_LATER = "later_in_turn"
_MOST = 8

_NOBODY = {
    "no_rule": "no rule takes it",
    "no_capacity": "whoever could take it has as many open leads as they can hold",
    "no_rep": "no rep of the pool is available",
    "max_attempts": "as many reps have had it as the pool allows for one enquiry",
    "all_tried": "every rep who could take it has had it",
    "not_qualified": "its stage is not one that sales takes",
    "test": "a trial delivery is never routed",
}
_STAYS = {
    "has_owner": "The new enquiry stays with {rep}, who has the lead",
    "kept": "{rep} keeps the lead all the same",
    "returned": "The lead returns to {rep}, who had answered in time",
}
_RELEASED = {
    "declined": "{rep} declined the lead as not theirs",
    "rejected": "{rep} rejected the lead",
    "breached": "Taken from {rep}, who did not answer in time",
    "owner_changed": "{rep} no longer has the lead: somebody else took it over",
    "closed": "{rep} is done with the lead: it was won or lost",
    "requalified": "Taken from {rep}, as the lead qualified anew",
    "owner_left": "{rep} is no longer in the policy",
    "breach_retracted": "Taken from {rep}: the rep before had answered in time",
}
_RENEWED = "renewed"
_VERDICTS = {
    _CHOSEN: "whose turn it is",
    _LATER: "comes later in turn",
    "had_it_before": "passed over: had this lead before",
    "unavailable": "passed over: not available",
    "at_capacity": "passed over: has as many open leads as they can hold",
}


def happened(routed: Routed, *, everything: bool) -> Iterator[Happening]:
    """Assignments, their ends, and decisions by which nobody new got the lead."""
    decisions = {decision.id: decision for decision in routed.decisions}
    for assignment in routed.assignments:
        decision = decisions.get(assignment.decision_id)
        yield _assigned(assignment, decision, everything=everything)
        if assignment.ended_at is not None and assignment.ended_code != _RENEWED:
            yield _released(assignment)
    reps = {assignment.id: assignment.rep for assignment in routed.assignments}
    giving = {assignment.decision_id for assignment in routed.assignments}
    for decision in routed.decisions:
        ends = decision.code in _RELEASED and decision.exclusion is None
        if decision.id not in giving and not ends:
            yield _not_given(decision, reps, everything=everything)


def accepted(routed: Routed) -> Iterator[Happening]:
    """Acceptances, for when scoring, which knows all follow-ups, can't be asked."""
    for assignment in routed.assignments:
        if assignment.accepted_at is not None:
            says = f"Sales: accepted by {assignment.rep}"
            yield Happening(at=assignment.accepted_at, kind=Kind.FOLLOWUP, says=says)


def standing(routed: Routed) -> str:
    """The present owner of the lead, or the reason why it has none."""
    if routed.current is not None:
        attempt = routed.current.attempt
        return f"{routed.current.rep} has it" + _again(attempt)
    if not routed.decisions:
        return "nobody has it yet"
    last = routed.decisions[-1]
    if last.exclusion is None and last.code in _RELEASED:
        return f"nobody has it: {words(last.code)}"
    return f"nobody has it: {_why_nobody(last)}"


def _assigned(assignment: Assignment, decision: Decision | None, *, everything: bool) -> Happening:
    choice = decision.choice if decision else None
    rep, team, role = assignment.rep, assignment.team, assignment.role
    again = _again(assignment.attempt)
    if decision is not None and decision.code in _STAYS:
        says = _STAYS[decision.code].format(rep=rep)
    elif decision is not None and choice is None:
        says = f"{rep} of team {team} took the lead ({words(decision.code)}){again}"
    else:
        says = f"Given to {rep} of team {team}, {role}{again}"
    return Happening(
        at=assignment.assigned_at,
        kind=Kind.ROUTED,
        says=says,
        details=tuple(_details(choice, everything=everything)) if choice else (),
    )


def _released(assignment: Assignment) -> Happening:
    assert assignment.ended_at is not None  # noqa: S101 - it is what these are chosen by
    code = assignment.ended_code or "ended"
    says = _RELEASED.get(code, f"{{rep}} no longer has the lead: {words(code)}")
    why = f" ({assignment.ended_reason})" if assignment.ended_reason else ""
    return Happening(
        at=assignment.ended_at, kind=Kind.RELEASED, says=says.format(rep=assignment.rep) + why
    )


def _not_given(decision: Decision, reps: Mapping[UUID, str], *, everything: bool) -> Happening:
    details = tuple(_details(decision.choice, everything=everything)) if decision.choice else ()
    if decision.exclusion is None and decision.code in _STAYS:
        rep = reps.get(decision.assignment_id) if decision.assignment_id else None
        choice = decision.choice
        why = _NOBODY.get(choice.code) if choice and choice.exclusion is None else None
        says = _STAYS[decision.code].format(rep=rep or "Its rep") + (f": {why}" if why else "")
    else:
        says = f"Nobody gets the lead: {_why_nobody(decision)}"
    return Happening(at=decision.at, kind=Kind.UNROUTED, says=says, details=details)


def _why_nobody(decision: Decision) -> str:
    if decision.exclusion is None and decision.code in _NOBODY:
        return _NOBODY[decision.code]
    reasons = decision.choice.reasons if decision.choice else ()
    label = next((reason.label for reason in reasons if reason.code == decision.code), None)
    return f"excluded by {decision.code}" + (f" ({label})" if label else "")


def _details(choice: Choice, *, everything: bool) -> Iterator[Detail]:
    for criterion in criteria(choice.reasons):
        says = f"rule {criterion.reason.code}: {criterion.reason.label}"
        if criterion.reason.matched:
            yield Detail(says=says, on=criterion.on, mark=Mark.YES)
        elif everything or choice.rule is None:
            yield Detail(says=says, on=criterion.on, mark=Mark.NO)
    for number, look in enumerate(choice.pools):
        yield Detail(says=f"pool {look.pool}" + (", which it overflows to" if number else ""))
        shown = look.candidates if everything else look.candidates[:_MOST]
        yield from map(_candidate, shown)
        left = len(look.candidates) - len(shown)
        if left:
            yield Detail(says=f"and {left} more")


def _candidate(candidate: Candidate) -> Detail:
    verdict = _VERDICTS.get(candidate.verdict, words(candidate.verdict))
    return Detail(
        says=f"{candidate.rep}: {verdict}",
        on=f"{candidate.open} of {candidate.capacity} open leads",
        mark=Mark.YES if candidate.verdict == _CHOSEN else Mark.NO,
    )


def _again(attempt: int) -> str:
    return f" (attempt {attempt})" if attempt > 1 else ""
