"""Fit, engagement and grade: a lead's points by the bundle's criteria."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import is_

from baton.events import Profile, Reason, Score
from baton.policy.bundle import Bundle
from baton.policy.conditions import ConditionResult, reason
from baton.policy.fields import facts_of, facts_of_activity
from scoring.domain import scanners
from scoring.domain.state import Activity, Lead
from scoring.domain.worth import grade, points_at
from scoring.policy.scoring import SCORING, EngagementCriterion, FitCriterion


@dataclass(frozen=True, slots=True)
class Fit:
    """Each fit criterion with what it answered, in the bundle's order."""

    answers: Sequence[tuple[FitCriterion, ConditionResult]]

    @property
    def points(self) -> int:
        """The sum of the criteria that hold."""
        return sum(criterion.points for criterion, outcome in self.answers if outcome.matched)

    def reasons(self) -> Iterable[tuple[Reason, ...]]:
        """For each criterion its answer, with the points given, and its clauses."""
        for criterion, outcome in self.answers:
            points = criterion.points if outcome.matched else 0
            yield outcome.reasons(f"fit.{criterion.id}", criterion.label, points)


@dataclass(frozen=True, slots=True)
class Engagement:
    """Each engagement criterion with how many activities it counted and what they are worth."""

    counted: Sequence[tuple[EngagementCriterion, int, int]]

    @property
    def points(self) -> int:
        """The sum over the criteria, each bounded and rounded by itself."""
        return sum(points for _, _, points in self.counted)

    @property
    def cools(self) -> bool:
        """Whether time alone will change the points.

        A criterion's points only come nearer to nothing as time goes by; at nothing they stay.
        """
        return any(points and criterion.half_life_days for criterion, _, points in self.counted)

    def reasons(self) -> Iterable[tuple[Reason, ...]]:
        """For each criterion the number of activities as its value, with the points given."""
        for criterion, number, points in self.counted:
            code = f"engagement.{criterion.id}"
            yield (reason(code, criterion.label, number > 0, "activities", number, points),)


def fit(profile: Profile, bundle: Bundle) -> Fit:
    """The fit points of a profile."""
    facts = facts_of(profile)
    return Fit(
        [(criterion, criterion.when.evaluate(facts)) for criterion in bundle.section(SCORING).fit]
    )


def engagement(activities: Iterable[Activity], bundle: Bundle, now: datetime) -> Engagement:
    """The engagement points of activities, with their decay until `now`. Activities of bots do not
    count.
    """
    times: defaultdict[str, list[datetime]] = defaultdict(list)
    for activity in activities:
        if activity.bot is not None:
            continue
        for criterion_id in activity.counts or ():
            times[criterion_id].append(activity.occurred_at)
    return Engagement(
        [_points(criterion, times, now) for criterion in bundle.section(SCORING).engagement]
    )


def rewarded(activities: Iterable[Activity], bundle: Bundle) -> list[datetime]:
    """When the activities were done that a criterion rewards, whatever they are worth by now."""
    rewards = {each.id for each in bundle.section(SCORING).engagement if each.points > 0}
    return [
        activity.occurred_at
        for activity in activities
        if activity.bot is None and not rewards.isdisjoint(activity.counts or ())
    ]


def _points(
    criterion: EngagementCriterion, times: Mapping[str, Sequence[datetime]], now: datetime
) -> tuple[EngagementCriterion, int, int]:
    matched = times.get(criterion.id, ())
    return criterion, len(matched), points_at(criterion, now, matched) if matched else 0


def score(fit_points: int, engagement_points: int, bundle: Bundle) -> Score:
    """The score of these points, with its grade."""
    return Score(
        fit=fit_points,
        engagement=engagement_points,
        total=fit_points + engagement_points,
        grade=grade(bundle.section(SCORING).grades, fit=fit_points, engagement=engagement_points),
    )


def counted(lead: Lead, bundle: Bundle) -> Lead:
    """The lead with the criteria that each activity matches, asked once for each bundle.

    Which clicks are a scanner's is asked each time: it may show by what came after them.
    """
    anew = lead.counted_under != bundle.hash
    scanned = scanners.clicks(lead.activities, bundle.section(SCORING).scanners)
    activities = tuple(
        _counted(activity, scanned.get(activity.id), bundle, anew=anew)
        for activity in lead.activities
    )
    if not anew and all(map(is_, activities, lead.activities)):
        return lead
    return lead.model_copy(update={"activities": activities, "counted_under": bundle.hash})


def _counted(activity: Activity, scanned: str | None, bundle: Bundle, *, anew: bool) -> Activity:
    """The activity with what is found of it; itself where that is known already."""
    counts = _criteria(activity, bundle) if anew or activity.counts is None else activity.counts
    if counts == activity.counts and scanned == activity.scanned:
        return activity
    return activity.model_copy(update={"counts": counts, "scanned": scanned})


def _criteria(activity: Activity, bundle: Bundle) -> tuple[str, ...]:
    facts = facts_of_activity(activity.as_event())
    return tuple(
        criterion.id
        for criterion in bundle.section(SCORING).engagement
        if criterion.when.holds(facts)
    )
