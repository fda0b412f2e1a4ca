"""The assessment of a lead by a bundle at a time: score, stage, and reasons."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from uuid import UUID

from baton.events import LeadActivity, Profile, Reason, Score, Stage
from baton.policy.bundle import Bundle
from scoring.domain import points, stages
from scoring.domain import profile as profiles
from scoring.domain.points import Engagement, Fit
from scoring.domain.stages import Standing
from scoring.domain.state import Enquiry, Lead

NOT_MATCHED_TOLD = 30
"""So many reasons are told of what did not match or could not be known; of what matched, all."""

VALUE_TOLD = 200
"""The first characters of a value that a reason tells."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """The answer, with the work that led to it."""

    profile: Profile
    score: Score
    fit: Fit
    engagement: Engagement
    standing: Standing

    @property
    def stage(self) -> Stage:
        """Where the lead stands."""
        return self.standing.stage

    def reasons(self) -> tuple[Reason, ...]:
        """First the stage, then fit, then engagement; what matched before what did not.

        The points of all reasons together are the score's total.
        """
        groups = [*self.standing.reasons, *self.fit.reasons(), *self.engagement.reasons()]
        matched = chain.from_iterable(group for group in groups if group[0].matched)
        others = chain.from_iterable(group for group in groups if not group[0].matched)
        return (*_clipped(matched), *_clipped(list(others)[:NOT_MATCHED_TOLD]))


def assess(lead: Lead, bundle: Bundle, now: datetime) -> Assessment:
    """Score and stage of a lead that has an enquiry and whose activities are counted."""
    profile = profiles.merged(lead)
    fit = points.fit(profile, bundle)
    engagement = points.engagement(lead.activities, bundle, now)
    score = points.score(fit.points, engagement.points, bundle)
    standing = stages.standing(lead, profile, score, bundle, now)
    return Assessment(profile, score, fit, engagement, standing)


def assess_profile(
    profile: Profile, activities: Sequence[LeadActivity], bundle: Bundle, now: datetime
) -> Assessment:
    """The assessment of a lead with this profile and these activities, without follow-ups. For the
    tests of a bundle.
    """
    lead = Lead(enquiries=(Enquiry(id=UUID(int=0), occurred_at=now, profile=profile, test=False),))
    for number, activity in enumerate(activities):
        lead = lead.with_activity(UUID(int=number), activity)
    return assess(points.counted(lead, bundle), bundle, now)


def _clipped(reasons: Iterable[Reason]) -> Iterator[Reason]:
    for reason in reasons:
        if isinstance(reason.value, str) and len(reason.value) > VALUE_TOLD:
            yield reason.model_copy(update={"value": f"{reason.value[:VALUE_TOLD]}…"})
        else:
            yield reason
