"""Keeping a lead's facts within their bounds, in a way that does not depend on their order."""

from collections.abc import Iterable
from datetime import datetime

from baton.events import FollowupType
from sla_monitor.domain.state import (
    CLOCKS_KEPT,
    FOLLOWUPS_KEPT,
    RELEASES_KEPT,
    Clock,
    Followup,
    LeadClocks,
    Release,
    Verdict,
)


def with_followup(state: LeadClocks, fact: Followup) -> LeadClocks:
    """Keep a follow-up for clocks that may yet start."""
    if fact in state.followups:
        return state
    facts = sorted((*state.followups, fact), key=lambda kept: (kept.occurred_at, kept.id))
    same = [kept for kept in facts if kept.type is fact.type]
    forgotten = state.followups_forgotten
    if len(same) > FOLLOWUPS_KEPT:
        facts.remove(same[0])
        forgotten = forgotten | {fact.type: _later(forgotten.get(fact.type), same[0].occurred_at)}
    return state.model_copy(update={"followups": tuple(facts), "followups_forgotten": forgotten})


def with_release(state: LeadClocks, fact: Release) -> LeadClocks:
    """Keep the release of an assignment whose clocks may yet start."""
    if fact in state.releases:
        return state
    facts = sorted((*state.releases, fact), key=lambda kept: (kept.occurred_at, kept.id))
    return state.model_copy(update={"releases": tuple(facts[-RELEASES_KEPT:])})


def with_clocks(state: LeadClocks, clocks: tuple[Clock, ...]) -> LeadClocks:
    """Replace the clocks. Beyond the bound the oldest closed clocks are dropped, covered ones
    first: without the clock that covers them they would be judged anew. A clock that moved another
    clock's due time is dropped with it.
    """
    kept = sorted(clocks, key=lambda clock: (clock.started_at, clock.id))
    forgotten = state.clocks_forgotten
    covered = [clock for clock in kept if clock.told is Verdict.COVERED]
    due_by = {clock.due.assignment_id for clock in kept if clock.told is not Verdict.COVERED}
    spare = [clock for clock in covered if clock.assignment_id not in due_by]
    spare += [clock for clock in kept if clock.told not in {Verdict.COVERED, Verdict.RUNNING}]
    most = sum(clock.told is not Verdict.RUNNING for clock in kept[:-CLOCKS_KEPT])
    beyond = spare[:most]
    ended = {clock.due.assignment_id for clock in beyond if clock.told is not Verdict.COVERED}
    beyond += [clock for clock in covered if clock.assignment_id in ended]
    for clock in beyond:
        kept.remove(clock)
        forgotten = _later(forgotten, clock.started_at)
    return state.model_copy(update={"clocks": tuple(kept), "clocks_forgotten": forgotten})


def since(state: LeadClocks, moment: datetime) -> LeadClocks:
    """The facts from after a moment, as if there were no earlier ones."""
    clocks = tuple(clock for clock in state.clocks if clock.started_at > moment)
    cycles: dict[str, int] = {}
    for clock in clocks:
        cycles[clock.target] = max(clock.cycle, cycles.get(clock.target, 0))
    return LeadClocks(
        clocks=clocks,
        assignments=tuple(
            assignment for assignment in state.assignments if assignment.started_at > moment
        ),
        cycles=cycles,
        followups=tuple(fact for fact in state.followups if fact.occurred_at > moment),
        releases=tuple(fact for fact in state.releases if fact.occurred_at > moment),
    )


def may_lack_facts(state: LeadClocks, types: Iterable[FollowupType], since: datetime) -> bool:
    """Whether a follow-up of these types, from `since` on, was let go unread by a new clock."""
    forgotten = (state.followups_forgotten.get(type_) for type_ in types)
    return any(newest is not None and newest >= since for newest in forgotten)


def _later(known: datetime | None, moment: datetime) -> datetime:
    return moment if known is None else max(known, moment)
