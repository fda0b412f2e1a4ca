"""A bundle's own tests: each lead through scoring's and routing's decisions. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from baton.policy.bundle import Bundle
from baton.policy.leadtests import TESTS, LeadTest
from baton.policy.model import Id, PolicyExtract
from baton.policy.section import Section
from routing.domain.choice import Match, match
from routing.policy.routing import ROUTING
from scoring.domain import Assessment, assess_profile

Found = str | int | None


class _Source(PolicyExtract):
    brand: Id


class SourceBrands(PolicyExtract):
    """Of sources.yaml: whose leads each source sends."""

    sources: dict[str, _Source]


SOURCE_BRANDS = Section("sources.yaml", SourceBrands)
"""A test's lead is of its source's brand; all else of a source is ingest's."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One thing that a test says of its lead, and what became of it."""

    property_name: str
    expected: Found
    got: Found

    @property
    def holds(self) -> bool:
        """Whether it became what it should."""
        return self.expected == self.got


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a test. `comparisons` has the expected properties; `found` has all."""

    test: LeadTest
    found: Mapping[str, Found]
    comparisons: tuple[Comparison, ...]

    @property
    def passed(self) -> bool:
        """Whether all of it became what it should."""
        return all(comparison.holds for comparison in self.comparisons)


def run(bundle: Bundle) -> tuple[Result, ...]:
    """All tests of the bundle, in its order."""
    sources = Bundle.parse(bundle.files, (SOURCE_BRANDS,)).section(SOURCE_BRANDS).sources
    tests = bundle.section(TESTS).tests
    return tuple(_result(test.of_brand(sources[test.lead.source].brand), bundle) for test in tests)


def _result(test: LeadTest, bundle: Bundle) -> Result:
    assessed = assess_profile(test.lead, test.activity_events(), bundle, test.now)
    quarantine = bundle.definitions.holding(test.lead)
    found = _found(assessed, quarantine[0].id if quarantine else None, bundle)
    expected = test.expect.model_dump(exclude_none=True)
    comparisons = tuple(Comparison(name, value, found[name]) for name, value in expected.items())
    return Result(test, found, comparisons)


def _found(assessed: Assessment, held_by: str | None, bundle: Bundle) -> dict[str, Found]:
    """All properties that a test can expect. A lead in quarantine, or in a stage that is not
    routed, has no rule and no pool.
    """
    matched: Match | None = None
    if held_by is None and bundle.section(ROUTING).takes(assessed.stage):
        matched = match(assessed.profile, assessed.score, assessed.stage, bundle)
    rule = matched.rule if matched else None
    return {
        "quarantine": held_by,
        "fit": assessed.score.fit,
        "engagement": assessed.score.engagement,
        "total": assessed.score.total,
        "grade": assessed.score.grade,
        "stage": assessed.stage,
        "exclusion": matched.exclusion.id if matched and matched.exclusion else None,
        "rule": rule.id if rule else None,
        "pool": rule.pool if rule else None,
        "role": rule.role if rule else None,
        "sla": rule.sla if rule else None,
    }
