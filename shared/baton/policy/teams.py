"""teams.yaml: the teams of sales and their reps."""

from typing import Annotated

from pydantic import Field

from baton.policy.model import Count, DistinctIds, Flag, Id, PolicyModel, Text


class Team(PolicyModel):
    """Reps who work the same hours."""

    id: Id
    name: Text
    calendar: Id


class Rep(PolicyModel):
    """A person of sales, as planned; absence by the hour is told by routing's API.

    `capacity` None: the pool's.
    """

    id: Id
    name: Text
    email: Annotated[str, Field(strict=True, pattern=r"^[^@\s]+@[^@\s]+$")] | None = None
    team: Id
    capacity: Count | None = None
    available: Flag = True


class Teams(PolicyModel):
    """All of teams.yaml."""

    teams: Annotated[tuple[Team, ...], Field(min_length=1, max_length=500), DistinctIds]
    reps: Annotated[tuple[Rep, ...], Field(min_length=1, max_length=5000), DistinctIds]

    def team(self, team_id: str) -> Team | None:
        """The team of that id; None if there is none."""
        return next((team for team in self.teams if team.id == team_id), None)

    def rep(self, rep_id: str) -> Rep | None:
        """The rep of that id; None if there is none."""
        return next((rep for rep in self.reps if rep.id == rep_id), None)
