"""sla.yaml: what sales promises marketing for each lead."""

from collections.abc import Collection, Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from baton.events import FollowupType
from baton.policy.calendars import CALENDARS, WEEKS_AHEAD
from baton.policy.model import BusinessTime, Id, NotEmpty, PolicyModel, Text
from baton.policy.problems import Fault
from baton.policy.section import Section, Sections
from baton.policy.teams import TEAMS

MILESTONES: tuple[frozenset[FollowupType], ...] = (
    frozenset({FollowupType.ACCEPTED, FollowupType.CLAIMED}),
    frozenset({FollowupType.ATTEMPTED}),
    frozenset({FollowupType.CONTACTED}),
    frozenset({FollowupType.MEETING_BOOKED}),
    frozenset({FollowupType.MEETING_HELD}),
    frozenset({FollowupType.CONVERTED}),
    frozenset({FollowupType.OPPORTUNITY}),
    frozenset({FollowupType.WON}),
)
"""The way of a lead through sales, in order: who reaches one milestone has passed those before."""


def with_later_milestones(types: AbstractSet[FollowupType]) -> frozenset[FollowupType]:
    """These types, and each milestone that is not before the first of them."""
    for number, milestone in enumerate(MILESTONES):
        if milestone & types:
            return frozenset(types).union(*MILESTONES[number:])
    return frozenset(types)


class OnBreach(StrEnum):
    """The reaction to a breach."""

    REASSIGN = "reassign"
    NOTIFY = "notify"


class TargetName(StrEnum):
    """The targets that a policy can have."""

    FIRST_RESPONSE = "first_response"


class Target(PolicyModel):
    """A promise: a follow-up of `met_by` within `allowed` business time of the assignment.

    Where `later_milestones` is true, each milestone after one of `met_by` keeps it too.
    """

    allowed: BusinessTime
    warn_at_percent: Annotated[int, Field(strict=True, ge=1, le=99)] | None = None
    met_by: Annotated[frozenset[FollowupType], NotEmpty]
    later_milestones: Annotated[bool, Field(strict=True)] = True
    on_breach: OnBreach

    @property
    def warn_after(self) -> timedelta | None:
        """The business time after which to warn, cut to whole milliseconds; None: never."""
        if self.warn_at_percent is None:
            return None
        millisecond = timedelta(milliseconds=1)
        return self.allowed * self.warn_at_percent // 100 // millisecond * millisecond


class SlaPolicy(PolicyModel):
    """The promises for the leads that a rule gives this policy."""

    label: Text
    targets: Annotated[dict[TargetName, Target], NotEmpty]


class Sla(PolicyModel):
    """All of sla.yaml."""

    policies: Annotated[dict[Id, SlaPolicy], NotEmpty]


def _names(sla: Sla) -> Mapping[str, Collection[str]]:
    return {"SLA policy": list(sla.policies)}


def _find_faults(sla: Sla, sections: Sections) -> Iterator[Fault]:
    """Targets that would be due in years for some team: whichever, since a rep can claim a lead."""
    teams, calendars = sections.get(TEAMS), sections.get(CALENDARS)
    if teams is None or calendars is None:
        return
    used = {team.calendar for team in teams.teams} & calendars.calendars.keys()
    for name in sorted(used):
        most = calendars.business_calendars[name].week_length() * WEEKS_AHEAD
        for policy, promises in sla.policies.items():
            for target, promise in promises.targets.items():
                if promise.allowed > most:
                    reason = f"more than calendar '{name}' opens in {WEEKS_AHEAD} weeks"
                    yield Fault(("policies", policy, "targets", target.value, "allowed"), reason)


SLA = Section("sla.yaml", Sla, names=_names, find_faults=_find_faults)
