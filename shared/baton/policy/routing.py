"""routing.yaml: which pool gets which lead, and who is in it."""

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

from baton.policy.conditions import ALWAYS
from baton.policy.model import (
    Count,
    DistinctIds,
    Elapsed,
    Flag,
    Id,
    PolicyModel,
    StagedCondition,
    Text,
    distinct,
)
from baton.policy.problems import Fault, FaultsError


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
    """How a pool chooses among the reps that can take a lead."""

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
    that one enquiry is given to, at most. `retry_after`: when to try again if nobody can take it.
    """

    id: Id
    label: Text
    strategy: Strategy = Strategy.WEIGHTED_ROUND_ROBIN
    members: Annotated[
        tuple[Member, ...], Field(min_length=1, max_length=5000), AfterValidator(_distinct_reps)
    ]
    capacity: Count
    max_attempts: Annotated[int, Field(strict=True, ge=1, le=100)]
    retry_after: Elapsed


class Routing(PolicyModel):
    """All of routing.yaml. The first rule that holds is it.

    `reassign_on_breach` false keeps every lead with its rep, whatever sla.yaml says.
    """

    reassign_on_breach: Flag
    rules: Annotated[
        tuple[Rule, ...],
        Field(min_length=1, max_length=500),
        DistinctIds,
        AfterValidator(_all_reachable),
    ]
    pools: Annotated[tuple[Pool, ...], Field(min_length=1, max_length=500), DistinctIds]

    def pool(self, pool_id: str) -> Pool | None:
        """The pool of that id; None if there is none."""
        return next((pool for pool in self.pools if pool.id == pool_id), None)

    def rule(self, rule_id: str) -> Rule | None:
        """The rule of that id; None if there is none."""
        return next((rule for rule in self.rules if rule.id == rule_id), None)
