"""routing.yaml: which pool gets which lead, and who is in it."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cached_property
from typing import Annotated

from pydantic import AfterValidator, Field

from baton.events import Stage
from baton.policy.conditions import ALWAYS
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
from baton.policy.problems import Fault, FaultsError

_WAY = tuple(stage for stage in Stage if stage not in (Stage.NURTURE, Stage.DISQUALIFIED))
"""The stages in their order, without those that are aside."""


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


def _on_the_way(stage: Stage) -> Stage:
    if stage not in _WAY:
        msg = "must be a stage on the way from suspect to customer"
        raise ValueError(msg)
    return stage


class Routing(PolicyModel):
    """All of routing.yaml. Leads are routed from stage `from_stage` on.

    The exclusions are asked before the rules; the first that holds is it.
    `reassign_on_breach` false keeps every lead with its rep, whatever sla.yaml says.
    """

    reassign_on_breach: Flag
    from_stage: Annotated[Stage, AfterValidator(_on_the_way)] = Stage.MQL
    exclusions: Annotated[tuple[Exclusion, ...], Field(max_length=500), DistinctIds] = ()
    rules: Annotated[
        tuple[Rule, ...],
        Field(max_length=500),
        NotEmpty,
        DistinctIds,
        AfterValidator(_all_reachable),
    ]
    pools: Annotated[tuple[Pool, ...], Field(max_length=500), NotEmpty, DistinctIds]

    def takes(self, stage: Stage) -> bool:
        """Whether a lead of that stage is routed: nurture and disqualified are aside."""
        return stage in _WAY and _WAY.index(stage) >= _WAY.index(self.from_stage)

    def pool(self, pool_id: str) -> Pool | None:
        return self._pools.get(pool_id)

    def pools_from(self, pool_id: str) -> Iterator[Pool]:
        """A pool and those that it overflows to, in the order in which to ask them."""
        seen: set[str] = set()
        pool = self.pool(pool_id)
        while pool is not None and pool.id not in seen:
            yield pool
            seen.add(pool.id)
            pool = self.pool(pool.overflow) if pool.overflow else None

    @cached_property
    def _pools(self) -> Mapping[str, Pool]:
        return {pool.id: pool for pool in self.pools}
