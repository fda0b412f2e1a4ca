"""The clocks that an assignment starts."""

from collections.abc import Callable

from baton.events import AssignmentChange, FollowupType, LeadRouted
from baton.followups import SKEW
from baton.identity import named_id
from baton.policy.bundle import Bundle
from sla_monitor.domain import judging
from sla_monitor.domain.facts import may_lack_facts
from sla_monitor.domain.state import Clock, LeadClocks
from sla_monitor.domain.tenures import Tenures, with_assignment
from sla_monitor.policy.reads import REASSIGNMENT
from sla_monitor.policy.sla import SLA, OnBreach, Target, TargetName

SIDE = "sales"
"""The side that promises a first response."""


class UnknownPolicyError(LookupError):
    """A bundle lacks what an assignment names. Replay the event once one that has it is active."""


def assigned(state: LeadClocks, routed: LeadRouted, bundle: Bundle) -> LeadClocks:
    """The state with an assignment and its clocks, having seen every fact that is kept.

    Unchanged by an assignment that is known already. Raises UnknownPolicyError.
    """
    if _seen_before(state, routed):
        return state
    new = _clocks(state, routed, bundle)
    state = with_assignment(state, routed)
    state = state.model_copy(update={"clocks": (*state.clocks, *new)})
    # What names this assignment counts for all clocks of its tenure, and may have been read before.
    tenures = Tenures(state)
    tenure = tenures.of(routed.assignment_id)
    return with_facts_seen(state, lambda clock: tenures.of(clock.assignment_id) == tenure)


def with_facts_seen(state: LeadClocks, of: Callable[[Clock], bool]) -> LeadClocks:
    """The state once these clocks have seen every fact that is kept."""
    tenures = Tenures(state)
    clocks = []
    for clock in state.clocks:
        seen = clock
        if of(clock):
            starts = tenures.starts(clock)
            seen = judging.with_followups(seen, state.followups, starts)
            seen = judging.with_releases(seen, state.releases, starts)
        clocks.append(seen)
    return state.model_copy(update={"clocks": tuple(clocks)})


def _clocks(state: LeadClocks, routed: LeadRouted, bundle: Bundle) -> tuple[Clock, ...]:
    policy = bundle.section(SLA).policies.get(routed.sla_policy)
    if policy is None and routed.change is AssignmentChange.RETURNED:
        # The assignment has the terms of the time before; its policy may be gone since.
        return ()
    if policy is None:
        raise UnknownPolicyError(f"bundle {bundle.hash} has no SLA policy {routed.sla_policy!r}")
    targets = sorted(policy.targets.items())
    return tuple(_clock(state, routed, name, target, bundle) for name, target in targets)


def _seen_before(state: LeadClocks, routed: LeadRouted) -> bool:
    if any(clock.assignment_id == routed.assignment_id for clock in state.clocks):
        return True
    if any(assignment.id == routed.assignment_id for assignment in state.assignments):
        return True
    return state.clocks_forgotten is not None and routed.occurred_at <= state.clocks_forgotten


def _clock(
    state: LeadClocks, routed: LeadRouted, name: TargetName, target: Target, bundle: Bundle
) -> Clock:
    team = bundle.teams.team(routed.team)
    if team is None:
        raise UnknownPolicyError(f"bundle {bundle.hash} has no team {routed.team!r}")
    calendar = bundle.calendar(team.calendar)
    start = routed.occurred_at
    due_at = calendar.due(start, target.allowed)
    warn_at = None if target.warn_after is None else calendar.due(start, target.warn_after)
    met_by = tuple(kind for kind in FollowupType if kind in target.met_by)
    reassign = (
        target.on_breach is OnBreach.REASSIGN and bundle.section(REASSIGNMENT).reassign_on_breach
    )
    new = Clock(
        id=named_id("clock", str(routed.lead_id), name, str(routed.assignment_id)),
        assignment_id=routed.assignment_id,
        target=name,
        cycle=0,
        side=SIDE,
        rep=routed.rep.id,
        team=routed.team,
        pool=routed.pool,
        policy=routed.sla_policy,
        bundle=bundle.hash,
        calendar=team.calendar,
        allowed_seconds=int(target.allowed.total_seconds()),
        met_by=met_by,
        later_milestones=target.later_milestones,
        reassign=reassign,
        started_at=start,
        warn_at=warn_at,
        due_at=due_at,
    )
    lacking = may_lack_facts(state, judging.deciding(new), start - SKEW)
    return new.model_copy(update={"facts_complete": not lacking})
