"""routing.yaml: which pool gets which lead, and who is in it."""

from collections.abc import Collection, Iterator, Mapping
from enum import StrEnum
from functools import cached_property
from typing import Annotated

from pydantic import AfterValidator, Field

from baton.policy.conditions import ALWAYS
from baton.policy.definitions import DEFINITIONS
from baton.policy.model import (
    Count,
    DistinctIds,
    Elapsed,
    Flag,
    Id,
    NotEmpty,
    PolicyModel,
    StagedCondition,
    Text,
    distinct,
)
from baton.policy.problems import Fault, FaultsError, Place
from baton.policy.section import Section, Sections
from baton.policy.stages import FromStage


class Exclusion(PolicyModel):
    """Leads that nobody gets; its id is the code that `lead.unrouted` gives."""

    id: Id
    label: Text
    when: StagedCondition


class Rule(PolicyModel):
    """Sends the leads for which its condition is true to a pool; without a condition, all."""

    id: Id
    label: Text
    when: StagedCondition = ALWAYS
    pool: Id
    role: Id
    sla: Id


def _all_reachable(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    catch_all = next((i for i, rule in enumerate(rules) if rule.when is ALWAYS), len(rules))
    faults = [
        Fault((i,), f"never reached: rule '{rules[catch_all].id}' before it takes every lead")
        for i in range(catch_all + 1, len(rules))
    ]
    if faults:
        raise FaultsError(faults).as_validation_error()
    return rules


class Strategy(StrEnum):
    """How a pool chooses among the reps that can take a lead.

    Every pool is served by weighted round robin today: the field is checked, and nothing else reads
    it, since there is only one value.
    """

    WEIGHTED_ROUND_ROBIN = "weighted_round_robin"


class Member(PolicyModel):
    """A rep in a pool; of weight 2, twice the turns of weight 1."""

    rep: Id
    weight: Annotated[int, Field(strict=True, ge=1, le=1000)] = 1


def _distinct_reps(members: tuple[Member, ...]) -> tuple[Member, ...]:
    return distinct(members, lambda member: member.rep, "rep")


class Pool(PolicyModel):
    """Reps that share leads.

    `capacity`: open leads a rep can hold, where the rep has none of their own. `max_attempts`: reps
    that one enquiry is given to, at most. `overflow`: the pool that is asked where nobody of this
    one can take a lead; if nobody there can either, it is tried again after `retry_after`,
    `max_retries` times at most.
    """

    id: Id
    label: Text
    strategy: Strategy = Strategy.WEIGHTED_ROUND_ROBIN
    members: Annotated[
        tuple[Member, ...], Field(max_length=5000), NotEmpty, AfterValidator(_distinct_reps)
    ]
    capacity: Count
    max_attempts: Annotated[int, Field(strict=True, ge=1, le=100)]
    retry_after: Elapsed
    max_retries: Count = 100
    overflow: Id | None = None


class Routing(FromStage):
    """All of routing.yaml. Leads are routed from stage `from_stage` on.

    The exclusions are asked before the rules; the first that holds is it.
    `reassign_on_breach` false keeps every lead with its rep, whatever sla.yaml says.
    """

    reassign_on_breach: Flag
    exclusions: Annotated[tuple[Exclusion, ...], Field(max_length=500), DistinctIds] = ()
    rules: Annotated[
        tuple[Rule, ...],
        Field(max_length=500),
        NotEmpty,
        DistinctIds,
        AfterValidator(_all_reachable),
    ]
    pools: Annotated[tuple[Pool, ...], Field(max_length=500), NotEmpty, DistinctIds]

    def pool(self, pool_id: str) -> Pool | None:
        return self._pools.get(pool_id)

    def pools_from(self, pool_id: str) -> Iterator[Pool]:
        """A pool and those that it overflows to, in the order in which to ask them."""
        ids: set[str] = set()
        pool = self.pool(pool_id)
        while pool is not None and pool.id not in ids:
            yield pool
            ids.add(pool.id)
            pool = self.pool(pool.overflow) if pool.overflow else None

    @cached_property
    def _pools(self) -> Mapping[str, Pool]:
        return {pool.id: pool for pool in self.pools}


def _names(routing: Routing) -> Mapping[str, Collection[str]]:
    return {
        "exclusion": [exclusion.id for exclusion in routing.exclusions],
        "rule": [rule.id for rule in routing.rules],
        "pool": [pool.id for pool in routing.pools],
        "role": [rule.role for rule in routing.rules],
    }


def _find_faults(routing: Routing, sections: Sections) -> Iterator[Fault]:
    for i, rule in enumerate(routing.rules):
        yield from sections.check_name(("rules", i, "pool"), "pool", rule.pool)
        yield from sections.check_name(("rules", i, "sla"), "SLA policy", rule.sla)
    for i, pool in enumerate(routing.pools):
        yield from _overflow(("pools", i, "overflow"), pool, routing, sections)
        for j, member in enumerate(pool.members):
            yield from sections.check_name(("pools", i, "members", j, "rep"), "rep", member.rep)


def _overflow(place: Place, pool: Pool, routing: Routing, sections: Sections) -> Iterator[Fault]:
    if pool.overflow is None:
        return
    yield from sections.check_name(place, "pool", pool.overflow)
    path = [pool.id]
    follower = routing.pool(pool.overflow)
    while follower and follower.id not in path:
        path.append(follower.id)
        follower = routing.pool(follower.overflow) if follower.overflow else None
    if follower is not None:
        yield Fault(place, f"overflows in a circle: {' > '.join([*path, follower.id])}")


ROUTING = Section(
    "routing.yaml", Routing, needs=(DEFINITIONS,), names=_names, find_faults=_find_faults
)
