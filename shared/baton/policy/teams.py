"""teams.yaml: the teams of sales and their reps."""

from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from typing import Annotated

from pydantic import Field

from baton.policy.model import (
    Count,
    DistinctIds,
    Flag,
    Id,
    NotEmpty,
    PolicyModel,
    String,
    Text,
    written,
)
from baton.policy.problems import Fault
from baton.policy.section import Section, Sections


class Team(PolicyModel):
    """Reps who work the same hours."""

    id: Id
    name: Text
    calendar: Id


class RepDefinition(PolicyModel):
    """A person of sales, as planned; absence by the hour is told by routing's API.

    `capacity` None: the pool's.
    """

    id: Id
    name: Text
    email: Annotated[String, written(r"[^@\s]+@[^@\s]+", "must be a mail address")] | None = None
    team: Id
    capacity: Count | None = None
    available: Flag = True


class Teams(PolicyModel):
    """All of teams.yaml."""

    teams: Annotated[tuple[Team, ...], Field(max_length=500), NotEmpty, DistinctIds]
    reps: Annotated[tuple[RepDefinition, ...], Field(max_length=5000), NotEmpty, DistinctIds]

    def team(self, team_id: str) -> Team | None:
        return self._teams.get(team_id)

    def rep(self, rep_id: str) -> RepDefinition | None:
        return self._reps.get(rep_id)

    @cached_property
    def _teams(self) -> Mapping[str, Team]:
        return {team.id: team for team in self.teams}

    @cached_property
    def _reps(self) -> Mapping[str, RepDefinition]:
        return {rep.id: rep for rep in self.reps}


def _names(teams: Teams) -> Mapping[str, Collection[str]]:
    return {"team": [team.id for team in teams.teams], "rep": [rep.id for rep in teams.reps]}


def _find_faults(teams: Teams, sections: Sections) -> Iterator[Fault]:
    for i, rep in enumerate(teams.reps):
        yield from sections.check_name(("reps", i, "team"), "team", rep.team)
    for i, team in enumerate(teams.teams):
        yield from sections.check_name(("teams", i, "calendar"), "calendar", team.calendar)


TEAMS = Section("teams.yaml", Teams, names=_names, find_faults=_find_faults)
