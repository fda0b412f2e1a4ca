"""scoring.yaml: what points marketing and sales give for what."""

from collections.abc import Collection, Iterator, Mapping
from enum import StrEnum
from itertools import pairwise
from typing import Annotated

from pydantic import Field

from baton.policy.definitions import DEFINITIONS
from baton.policy.model import (
    ActivityCondition,
    Count,
    DistinctIds,
    Elapsed,
    Id,
    Points,
    PolicyModel,
    ProfileCondition,
    Text,
)
from baton.policy.problems import Fault
from baton.policy.section import Section, Sections


class FitCriterion(PolicyModel):
    """Points for what a lead is: given whole where the condition is true."""

    id: Id
    label: Text
    when: ProfileCondition
    points: Points


class EngagementCriterion(PolicyModel):
    """Points for what a lead does: for each activity for which the condition is true."""

    id: Id
    label: Text
    when: ActivityCondition
    points: Points
    at_most: Count | None = None
    half_life_days: Annotated[int, Field(strict=True, ge=1, le=3650)] | None = None


class Scanners(PolicyModel):
    """Clicks in mails that are a scanner's, and worth nothing.

    `links_within`: clicks on different links that are no further apart. `after_delivery`: clicks
    so soon after a mail was delivered.
    """

    links_within: Elapsed | None = None
    after_delivery: Elapsed | None = None


class GradedBy(StrEnum):
    """Which points a grade follows from."""

    FIT = "fit"
    ENGAGEMENT = "engagement"
    TOTAL = "total"


class GradeThresholds(PolicyModel):
    """Which grade a lead has: the best whose threshold its points reach, else `otherwise`."""

    by: GradedBy
    at_least: dict[Id, Points]
    otherwise: Id


class Scoring(PolicyModel):
    """All of scoring.yaml."""

    fit: Annotated[tuple[FitCriterion, ...], Field(max_length=500), DistinctIds]
    engagement: Annotated[tuple[EngagementCriterion, ...], Field(max_length=500), DistinctIds]
    scanners: Scanners | None = None
    grades: GradeThresholds


def _names(scoring: Scoring) -> Mapping[str, Collection[str]]:
    return {
        "fit criterion": [criterion.id for criterion in scoring.fit],
        "engagement criterion": [criterion.id for criterion in scoring.engagement],
    }


def _find_faults(scoring: Scoring, sections: Sections) -> Iterator[Fault]:
    """Each grade stands in one place, and a better one needs more points."""
    best_first = sections.names("grade")
    if best_first is None:
        return
    least = scoring.grades.at_least
    otherwise = scoring.grades.otherwise
    for grade in least:
        yield from sections.check_name(("grades", "at_least", grade), "grade", grade)
    yield from sections.check_name(("grades", "otherwise"), "grade", otherwise)
    for grade in best_first:
        if (grade in least) == (grade == otherwise):
            reason = f"grade '{grade}' must stand either in at_least or in otherwise"
            yield Fault(("grades",), reason)
    for better, worse in pairwise(grade for grade in best_first if grade in least):
        if least[better] <= least[worse]:
            reason = (
                f"'{better}' is better than '{worse}' and must need more than its "
                f"{least[worse]} points"
            )
            yield Fault(("grades", "at_least", better), reason)


SCORING = Section(
    "scoring.yaml", Scoring, needs=(DEFINITIONS,), names=_names, find_faults=_find_faults
)
