"""Which pools and reps a batch may reach for, so that they are locked before it is decided.

More than it takes is harmless; less has the batch repeated with what it missed. Most batches need
nothing: what is not about who has a lead touches nothing that leads share.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from baton.events import (
    LeadErased,
    LeadEvent,
    LeadFollowup,
    LeadScored,
    SlaBreached,
    SlaRetracted,
)
from baton.followups import TAKING
from baton.policy.bundle import Bundle
from baton.runtime.errors import SharedRow
from baton.runtime.inputs import CommandInput, EventInput, Input, TimerInput
from baton.subjects import Subject
from routing.domain import choice as choosing
from routing.domain.commands import DECLINE
from routing.domain.followups import ENDS
from routing.domain.loads import POOL, REP, WORKED
from routing.domain.state import Lead, Scored
from routing.policy.routing import ROUTING

E = TypeVar("E", bound=LeadEvent)


@dataclass(frozen=True, slots=True)
class Needs:
    """Ids, sorted."""

    pools: tuple[str, ...]
    reps: tuple[str, ...]


def needs(
    inputs_: Iterable[Input],
    states: Mapping[Subject, Lead],
    bundle: Bundle,
    missed: Collection[SharedRow] = (),
) -> Needs:
    """The pools with all that they overflow to; their reps, and those of current assignments.

    `missed` is what an earlier attempt at the batch needed beyond that.
    """
    by_lead: dict[Subject, list[Input]] = {}
    for one in inputs_:
        by_lead.setdefault(one.subject, []).append(one)
    pools = {id_ for kind, id_ in missed if kind == POOL}
    reps = {id_ for kind, id_ in missed if kind == REP}
    for subject, inputs in by_lead.items():
        lead = states.get(subject, Lead())
        if _may_route(inputs, lead, bundle):
            for snapshot in _snapshots(inputs, lead):
                pools.update(_pools(snapshot, bundle))
        if lead.held is not None and any(_eases(one, lead, bundle) for one in inputs):
            reps.add(lead.held.rep.id)
        if any(_data(one, SlaRetracted) is not None for one in inputs):
            # The lead may return, and a later input of the batch end that assignment too.
            reps.update(one.rep.id for one in lead.breached)
            pools.update(one.terms.pool for one in lead.breached if one.credit_changes)
        if lead.held is not None and lead.held.credit_changes and any(map(_gives_back, inputs)):
            pools.add(lead.held.terms.pool)
        reps.update(rep for rep in _named(inputs) if bundle.teams.rep(rep) is not None)
    for pool_id in pools:
        pool = bundle.section(ROUTING).pool(pool_id)
        reps.update(member.rep for member in (pool.members if pool else ()))
    return Needs(tuple(sorted(pools)), tuple(sorted(reps)))


def _may_route(inputs: Sequence[Input], lead: Lead, bundle: Bundle) -> bool:
    ends = any(_ends(one) for one in inputs)
    scored = any(_data(one, LeadScored) is not None for one in inputs)
    timer = any(isinstance(one, TimerInput) for one in inputs)
    return ends or ((scored or timer) and (lead.held is None or _owner_left(lead, bundle)))


def _owner_left(lead: Lead, bundle: Bundle) -> bool:
    return lead.held is not None and bundle.teams.rep(lead.held.rep.id) is None


def _ends(cause: Input) -> bool:
    """Whether it may end an assignment."""
    if isinstance(cause, CommandInput):
        return cause.kind == DECLINE
    followup = _data(cause, LeadFollowup)
    if followup is not None:
        return followup.type in ENDS or followup.type in TAKING
    kinds = (SlaBreached, SlaRetracted, LeadErased)
    return any(_data(cause, kind) is not None for kind in kinds)


def _eases(cause: Input, lead: Lead, bundle: Bundle) -> bool:
    """Whether after it a lead may no longer count against its rep's capacity."""
    followup = _data(cause, LeadFollowup)
    worked = followup is not None and followup.type in WORKED
    leaves = _data(cause, LeadScored) is not None and _owner_left(lead, bundle)
    return worked or leaves or _ends(cause)


def _gives_back(cause: Input) -> bool:
    """Whether a turn may be given back."""
    if isinstance(cause, CommandInput):
        return cause.kind == DECLINE
    followup = _data(cause, LeadFollowup)
    ends = followup is not None and followup.type in ENDS
    return ends or _data(cause, SlaRetracted) is not None


def _data(cause: Input, kind: type[E]) -> E | None:
    if isinstance(cause, EventInput) and isinstance(cause.event.data, kind):
        return cause.event.data
    return None


def _snapshots(inputs: Sequence[Input], lead: Lead) -> Iterator[LeadScored | Scored]:
    if lead.scored is not None:
        yield lead.scored
    yield from filter(None, (_data(one, LeadScored) for one in inputs))


def _pools(snapshot: LeadScored | Scored, bundle: Bundle) -> Iterator[str]:
    if not bundle.section(ROUTING).takes(snapshot.stage):
        return
    rule = choosing.match(snapshot.profile, snapshot.score, snapshot.stage, bundle).rule
    if rule is not None:
        yield from (pool.id for pool in bundle.section(ROUTING).pools_from(rule.pool))


def _named(inputs: Sequence[Input]) -> Iterator[str]:
    """Reps who may have taken a lead outside of routing, or had it before."""
    for scored in filter(None, (_data(one, LeadScored) for one in inputs)):
        if scored.history is not None and scored.history.owner is not None:
            yield scored.history.owner
    for followup in filter(None, (_data(one, LeadFollowup) for one in inputs)):
        if followup.type in TAKING and followup.rep is not None:
            yield followup.rep
