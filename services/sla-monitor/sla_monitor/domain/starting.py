"""The clocks that an assignment starts."""

from baton.events import FollowupType, LeadRouted
from baton.identity import named_id
from baton.policy.bundle import Bundle
from baton.policy.sla import OnBreach, Target, TargetName
from sla_monitor.domain import judging
from sla_monitor.domain.facts import may_lack_facts
from sla_monitor.domain.state import Clock, LeadClocks

SIDE = "sales"
"""Whose promise a first response is."""


class UnknownPolicyError(LookupError):
    """A bundle lacks what an assignment names. Replay the event once one that has it is active."""


def started(state: LeadClocks, routed: LeadRouted, bundle: Bundle) -> tuple[Clock, ...]:
    """The new clocks of an assignment, having seen every fact that is kept.

    None for an assignment that has started its clocks already. Raises UnknownPolicyError.
    """
    if _seen_before(state, routed):
        return ()
    policy = bundle.sla.policies.get(routed.sla_policy)
    if policy is None:
        raise UnknownPolicyError(f"bundle {bundle.hash} has no SLA policy {routed.sla_policy!r}")
    targets = sorted(policy.targets.items())
    clocks = (_clock(state, routed, name, target, bundle) for name, target in targets)
    return tuple(
        judging.with_releases(judging.with_followups(clock, state.followups), state.releases)
        for clock in clocks
    )


def _seen_before(state: LeadClocks, routed: LeadRouted) -> bool:
    if any(clock.assignment_id == routed.assignment_id for clock in state.clocks):
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
    reassign = target.on_breach is OnBreach.REASSIGN and bundle.routing.reassign_on_breach
    return Clock(
        id=named_id("clock", str(routed.lead_id), name, str(routed.assignment_id)),
        assignment_id=routed.assignment_id,
        target=name,
        cycle=state.cycles.get(name, 0) + 1,
        side=SIDE,
        rep=routed.rep.id,
        team=routed.team,
        pool=routed.pool,
        policy=routed.sla_policy,
        bundle=bundle.hash,
        calendar=team.calendar,
        allowed_seconds=int(target.allowed.total_seconds()),
        met_by=met_by,
        reassign=reassign,
        started_at=start,
        warn_at=warn_at,
        due_at=due_at,
        facts_complete=not may_lack_facts(state, met_by, start - judging.SKEW),
    )
