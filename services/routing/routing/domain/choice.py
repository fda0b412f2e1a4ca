"""Chooses the rep for a lead: the first rule that matches, and in its pool the rep whose turn it
is.

A choice is a function of its `Question` and the bundle alone. Both are kept with the decision, so
that it can be explained, and computed again to the last character by the same procedure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from pydantic import model_validator

from baton.events import Profile, Reason, Score, Stage
from baton.policy.bundle import Bundle
from baton.policy.conditions import ConditionResult, reason
from baton.policy.fields import facts_of
from routing.domain import codes, turns
from routing.domain.codes import Cause, DecisionCode, Excluded, UnroutedCode
from routing.domain.loads import Loads
from routing.domain.state import Part, Scored
from routing.policy.routing import ROUTING, Exclusion, Pool, Rule

FOR_GOOD: frozenset[Cause] = frozenset({UnroutedCode.MAX_ATTEMPTS, UnroutedCode.ALL_TRIED})
"""Only a new enquiry, or qualifying anew, helps."""

WORTH_RETRYING: frozenset[Cause] = frozenset({UnroutedCode.NO_CAPACITY, UnroutedCode.NO_REP})
"""Time may help."""

_MOST = 20

PROCEDURE = 2
"""How choices are made: 1 had credits in units of weight, 2 has them in billionths of a lead."""


class Question(Part):
    """The inputs of a choice, beside the bundle. `credits` (by pool and rep) and `open` leads (by
    rep) are those of the rule's pool and its overflow pools. With `procedure` 2, credits are in
    billionths of a lead, here and in the choice. With `procedure` 1, of earlier releases, they are
    in units of weight, and the choice cannot be computed again.
    """

    profile: Profile
    score: Score
    stage: Stage
    tried: tuple[str, ...]
    credits: Mapping[str, Mapping[str, int]] = {}
    open: Mapping[str, int] = {}
    procedure: int = 1


class EarlierProcedureError(ValueError):
    """A choice was made by a procedure that this release does not have."""


class Verdict(StrEnum):
    """The result for one candidate."""

    CHOSEN = "chosen"
    LATER_IN_TURN = "later_in_turn"
    HAD_IT_BEFORE = "had_it_before"
    UNAVAILABLE = "unavailable"
    AT_CAPACITY = "at_capacity"

    @property
    def passed_over(self) -> bool:
        """Whether the rep could not take the lead, whosever turn it was."""
        return self not in (Verdict.CHOSEN, Verdict.LATER_IN_TURN)


class Candidate(Part):
    """A rep who was considered, with what was known then."""

    rep: str
    weight: int
    credit: int
    credit_after: int
    open: int
    capacity: int
    verdict: Verdict


class PoolChoice(Part):
    """A pool that was asked, with its members by turn, whether or not they could take the lead."""

    pool: str
    candidates: tuple[Candidate, ...]


class Choice(Part):
    """The rep who gets the lead (`code` is `routed`), or the reason why no rep can. `exclusion` is
    the id of the exclusion that matched; `code` is the same then. `reasons` has each evaluated rule
    with its clauses. `pools` are in the order of evaluation; the last one gave the rep.
    """

    code: str
    rule: str | None
    reasons: tuple[Reason, ...]
    pools: tuple[PoolChoice, ...] = ()
    rep: str | None = None
    turn: Mapping[str, int] = {}
    exclusion: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _of_an_earlier_release(cls, given: object) -> object:
        """Earlier releases kept no `exclusion`; where no rule held, any other code is its id."""
        if not isinstance(given, dict) or "exclusion" in given:
            return given
        excluded = given.get("rule") is None and given.get("code") != UnroutedCode.NO_RULE
        return {**given, "exclusion": given.get("code")} if excluded else given

    @property
    def cause(self) -> Cause | None:
        """Why nobody gets the lead; None where somebody does."""
        return codes.cause(self.code, self.exclusion) if self.rep is None else None

    @property
    def pool(self) -> str | None:
        """The pool that gave the rep."""
        return self.pools[-1].pool if self.rep else None


@dataclass(frozen=True)
class Match:
    """The rule that takes the lead, or the exclusion that keeps it from everybody, or neither.

    `asked` has what was asked on the way, and its outcome; what held is the last of it.
    """

    rule: Rule | None
    exclusion: Exclusion | None
    asked: tuple[tuple[Exclusion | Rule, ConditionResult], ...]

    @cached_property
    def reasons(self) -> tuple[Reason, ...]:
        """All that was asked, with its clauses."""
        return tuple(reason for one in self.asked for reason in _explained(one))

    @property
    def matched(self) -> tuple[Reason, ...]:
        """The exclusion or rule that matched, with its clauses."""
        return _explained(self.asked[-1]) if self.rule or self.exclusion else ()


def match(profile: Profile, score: Score, stage: Stage, bundle: Bundle) -> Match:
    """Ask first whom nobody shall get, then each rule; the first that holds is it."""
    facts = facts_of(profile, score, stage)
    asked: list[tuple[Exclusion | Rule, ConditionResult]] = []
    routing = bundle.section(ROUTING)
    in_order: tuple[Exclusion | Rule, ...] = (*routing.exclusions, *routing.rules)
    for one in in_order:
        outcome = one.when.evaluate(facts)
        asked.append((one, outcome))
        if outcome.matched and isinstance(one, Rule):
            return Match(one, None, tuple(asked))
        if outcome.matched and isinstance(one, Exclusion):
            return Match(None, one, tuple(asked))
    return Match(None, None, tuple(asked))


def _explained(asked: tuple[Exclusion | Rule, ConditionResult]) -> tuple[Reason, ...]:
    one, outcome = asked
    return outcome.reasons(one.id, one.label)


def question(
    scored: Scored, tried: tuple[str, ...], found: Match, loads: Loads, bundle: Bundle
) -> Question:
    """The question, with the loads on which the answer may depend."""
    pools = tuple(bundle.section(ROUTING).pools_from(found.rule.pool)) if found.rule else ()
    reps = sorted({member.rep for pool in pools for member in pool.members})
    return Question(
        profile=scored.profile,
        score=scored.score,
        stage=scored.stage,
        tried=tried,
        credits={pool.id: dict(sorted(loads.credits(pool.id).items())) for pool in pools},
        open={rep: loads.rep_load(rep).open for rep in reps},
        procedure=PROCEDURE,
    )


def choose(asked: Question, found: Match, bundle: Bundle) -> Choice:
    """Choose who gets the lead, and keep why each other rep did not. Raises nothing."""
    if found.rule is None:
        excluded = found.exclusion and Excluded(found.exclusion.id)
        return _nobody(excluded or UnroutedCode.NO_RULE, found)
    rule = found.rule
    looked: list[PoolChoice] = []
    for pool in bundle.section(ROUTING).pools_from(rule.pool):
        if not looked and len(asked.tried) >= pool.max_attempts:
            return _nobody(UnroutedCode.MAX_ATTEMPTS, found)
        look, turn = _ask(pool, asked, bundle)
        looked.append(look)
        if turn is not None:
            return Choice(
                code=DecisionCode.ROUTED,
                rule=rule.id,
                reasons=found.reasons,
                pools=tuple(looked),
                rep=turn.rep,
                turn=turn.changes,
            )
    verdicts = {candidate.verdict for look in looked for candidate in look.candidates}
    cause = UnroutedCode.ALL_TRIED
    if Verdict.AT_CAPACITY in verdicts:
        cause = UnroutedCode.NO_CAPACITY
    elif Verdict.UNAVAILABLE in verdicts:
        cause = UnroutedCode.NO_REP
    return _nobody(cause, found, looked)


def _nobody(cause: Cause, found: Match, looked: Sequence[PoolChoice] = ()) -> Choice:
    return Choice(
        code=str(cause),
        rule=found.rule.id if found.rule else None,
        reasons=found.reasons,
        pools=tuple(looked),
        exclusion=codes.excluded_id(cause),
    )


def recompute(kept: Question, bundle: Bundle) -> Choice:
    """The choice of a question that was kept, under the bundle that its decision names.

    Raises EarlierProcedureError where an earlier release made it by another procedure.
    """
    if kept.procedure != PROCEDURE:
        msg = f"the choice was made by procedure {kept.procedure}; this release has {PROCEDURE}"
        raise EarlierProcedureError(msg)
    return choose(kept, match(kept.profile, kept.score, kept.stage, bundle), bundle)


def in_short(found: Match, chosen: Choice) -> tuple[Reason, ...]:
    """For an event: what held, who was passed over and why, who got it; the first of each."""
    passed = [
        _told(candidate, candidate.verdict.replace("_", " "), got=False)
        for look in chosen.pools
        for candidate in look.candidates
        if candidate.verdict.passed_over
    ]
    got = [
        _told(candidate, "next in turn", got=True)
        for look in chosen.pools
        for candidate in look.candidates
        if candidate.verdict is Verdict.CHOSEN
    ]
    return (*found.matched[:_MOST], *passed[:_MOST], *got)


def _told(candidate: Candidate, what: str, *, got: bool) -> Reason:
    rep = candidate.rep
    return reason(candidate.verdict, f"{rep}: {what}", got, "rep", rep)


def _ask(pool: Pool, asked: Question, bundle: Bundle) -> tuple[PoolChoice, turns.Turn | None]:
    before = asked.credits[pool.id]
    weights = {member.rep: member.weight for member in pool.members}
    hindered = {rep: _hindrance(rep, pool, asked, bundle) for rep in weights}
    able = {rep: weight for rep, weight in weights.items() if hindered[rep] is None}
    turn = turns.take(before, able) if able else None
    after = turns.after(before, turn.changes) if turn else before
    candidates = [
        Candidate(
            rep=rep,
            weight=weight,
            credit=before.get(rep, 0),
            credit_after=after.get(rep, 0),
            open=asked.open[rep],
            capacity=_capacity(rep, pool, bundle),
            verdict=hindered[rep]
            or (Verdict.CHOSEN if turn and rep == turn.rep else Verdict.LATER_IN_TURN),
        )
        for rep, weight in weights.items()
    ]
    # By turn; sorting is stable, so of equals the first in the pool stays first, as in `take`.
    candidates.sort(key=_standing, reverse=True)
    return PoolChoice(pool=pool.id, candidates=tuple(candidates)), turn


def _standing(candidate: Candidate) -> int:
    """The credit that the turn goes by: with the share of the lead, before it is paid for."""
    paid = turns.LEAD if candidate.verdict is Verdict.CHOSEN else 0
    return candidate.credit_after + paid


def _hindrance(rep: str, pool: Pool, asked: Question, bundle: Bundle) -> Verdict | None:
    if rep in asked.tried:
        return Verdict.HAD_IT_BEFORE
    known = bundle.teams.rep(rep)
    if known is None or not known.available:
        return Verdict.UNAVAILABLE
    if asked.open[rep] >= _capacity(rep, pool, bundle):
        return Verdict.AT_CAPACITY
    return None


def _capacity(rep: str, pool: Pool, bundle: Bundle) -> int:
    known = bundle.teams.rep(rep)
    return pool.capacity if known is None or known.capacity is None else known.capacity
