"""The verdict on a run, by all rules."""

from collections.abc import Sequence

from tests.chaos.checker import answers, assignments, clocks, order, poison, rest, scores
from tests.chaos.checker.evidence import Evidence, Violation

_RULES = (answers, order, scores, assignments, clocks, poison, rest)


def verdict(evidence: Evidence) -> Sequence[Violation]:
    """Every violation; none if all promises were kept."""
    return [violation for rule in _RULES for violation in rule.check(evidence)]
