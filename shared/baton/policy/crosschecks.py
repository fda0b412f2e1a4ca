"""What holds between the files of a bundle: each name that one uses, another declares."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import pairwise

from baton.policy.calendars import Calendars
from baton.policy.definitions import Definitions
from baton.policy.leadtests import LeadTests
from baton.policy.problems import Place, did_you_mean
from baton.policy.routing import Routing
from baton.policy.scoring import Scoring
from baton.policy.sla import Sla
from baton.policy.sources import FollowupMapping, MappedSource, SalesSource, Sources
from baton.policy.teams import Teams

WEEKS_AHEAD = 52
"""A target must be shorter than what its calendar opens in so many weeks."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The files of a bundle as far as they could be read."""

    definitions: Definitions | None
    scoring: Scoring | None
    routing: Routing | None
    sla: Sla | None
    calendars: Calendars | None
    teams: Teams | None
    sources: Sources | None
    tests: LeadTests | None


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, and where."""

    file: str
    place: Place
    reason: str


def findings(parts: Parts) -> Iterator[Finding]:
    """All that is wrong between the files that could be read."""
    if parts.definitions and parts.scoring:
        yield from _grades(parts.definitions, parts.scoring)
    if parts.definitions and parts.sources:
        yield from _reasons(parts.definitions, parts.sources)
    if parts.routing:
        yield from _rules(parts.routing, parts.sla)
        yield from _overflows(parts.routing)
    if parts.routing and parts.teams:
        yield from _members(parts.routing, parts.teams)
    if parts.teams:
        yield from _teams(parts.teams, parts.calendars)
    if parts.sla and parts.teams and parts.calendars:
        yield from _targets(parts.sla, parts.teams, parts.calendars)
    if parts.tests:
        yield from _tests(parts.tests, parts)


def _grades(definitions: Definitions, scoring: Scoring) -> Iterator[Finding]:
    order = [grade.id for grade in definitions.grades]
    given = scoring.grades.at_least
    for grade in given:
        yield from _unknown("scoring.yaml", ("grades", "at_least", grade), "grade", grade, order)
    otherwise = scoring.grades.otherwise
    yield from _unknown("scoring.yaml", ("grades", "otherwise"), "grade", otherwise, order)
    for grade in order:
        if (grade in given) == (grade == otherwise):
            reason = f"grade '{grade}' must stand either in at_least or in otherwise"
            yield Finding("scoring.yaml", ("grades",), reason)
    ranked = [(grade, given[grade]) for grade in order if grade in given]
    for (better, more), (worse, less) in pairwise(ranked):
        if more <= less:
            reason = (
                f"'{better}' is better than '{worse}' and must need more than its {less} points"
            )
            yield Finding("scoring.yaml", ("grades", "at_least", better), reason)


def _reasons(definitions: Definitions, sources: Sources) -> Iterator[Finding]:
    codes = [reason.code for reason in definitions.reasons]
    for name, source in sources.sources.items():
        if isinstance(source, SalesSource):
            yield from _outcomes(name, source, definitions)
        if not isinstance(source, MappedSource):
            continue
        for event, mapping in source.events.items():
            if isinstance(mapping, FollowupMapping) and "reason" in mapping.constants:
                place = ("sources", name, "events", event, "constants", "reason")
                yield from _unknown(
                    "sources.yaml", place, "reason", mapping.constants["reason"], codes
                )


def _outcomes(name: str, source: SalesSource, definitions: Definitions) -> Iterator[Finding]:
    for field, by_value in source.outcomes.items():
        for value, outcome in by_value.items():
            if outcome.reason is not None:
                known = definitions.reasons_for(outcome.type) or definitions.reasons
                codes = [reason.code for reason in known]
                place = ("sources", name, "outcomes", field, value, "reason")
                yield from _unknown("sources.yaml", place, "reason", outcome.reason, codes)


def _rules(routing: Routing, sla: Sla | None) -> Iterator[Finding]:
    pools = dict.fromkeys(pool.id for pool in routing.pools)
    for i, rule in enumerate(routing.rules):
        yield from _unknown("routing.yaml", ("rules", i, "pool"), "pool", rule.pool, pools)
        if sla:
            place = ("rules", i, "sla")
            yield from _unknown("routing.yaml", place, "SLA policy", rule.sla, sla.policies)


def _overflows(routing: Routing) -> Iterator[Finding]:
    pools = dict.fromkeys(pool.id for pool in routing.pools)
    for i, pool in enumerate(routing.pools):
        if pool.overflow is None:
            continue
        place = ("pools", i, "overflow")
        yield from _unknown("routing.yaml", place, "pool", pool.overflow, pools)
        seen = [pool.id]
        follower = routing.pool(pool.overflow)
        while follower and follower.id not in seen:
            seen.append(follower.id)
            follower = routing.pool(follower.overflow) if follower.overflow else None
        if follower is not None:
            reason = f"overflows in a circle: {' > '.join([*seen, follower.id])}"
            yield Finding("routing.yaml", place, reason)


def _members(routing: Routing, teams: Teams) -> Iterator[Finding]:
    reps = dict.fromkeys(rep.id for rep in teams.reps)
    for i, pool in enumerate(routing.pools):
        for j, member in enumerate(pool.members):
            place = ("pools", i, "members", j, "rep")
            yield from _unknown("routing.yaml", place, "rep", member.rep, reps)


def _teams(teams: Teams, calendars: Calendars | None) -> Iterator[Finding]:
    ids = dict.fromkeys(team.id for team in teams.teams)
    for i, rep in enumerate(teams.reps):
        yield from _unknown("teams.yaml", ("reps", i, "team"), "team", rep.team, ids)
    if calendars:
        names = calendars.calendars
        for i, team in enumerate(teams.teams):
            place = ("teams", i, "calendar")
            yield from _unknown("teams.yaml", place, "calendar", team.calendar, names)


def _targets(sla: Sla, teams: Teams, calendars: Calendars) -> Iterator[Finding]:
    """Targets that would be due in years for some team: whichever, since a rep can claim a lead."""
    used = {team.calendar for team in teams.teams} & calendars.calendars.keys()
    for name in sorted(used):
        most = calendars.calendars[name].business_calendar().week_length() * WEEKS_AHEAD
        for policy, promises in sla.policies.items():
            for target, promise in promises.targets.items():
                if promise.allowed > most:
                    reason = f"more than calendar '{name}' opens in {WEEKS_AHEAD} weeks"
                    place = ("policies", policy, "targets", target.value, "allowed")
                    yield Finding("sla.yaml", place, reason)


def _tests(tests: LeadTests, parts: Parts) -> Iterator[Finding]:
    expectations = list(_expectations(parts))
    for i, test in enumerate(tests.tests):
        if parts.sources:
            place: Place = ("tests", i, "lead", "source")
            yield from _unknown(
                "tests.yaml", place, "source", test.lead.source, parts.sources.sources
            )
        for name, kind, known in expectations:
            value = getattr(test.expect, name)
            if value is not None:
                place = ("tests", i, "expect", name)
                yield from _unknown("tests.yaml", place, kind, value, known)


def _expectations(parts: Parts) -> Iterator[tuple[str, str, Collection[str]]]:
    """What a test can expect by name: the key, what it is, and the names there are."""
    if parts.definitions:
        yield "grade", "grade", [grade.id for grade in parts.definitions.grades]
        rules = [rule.id for rule in parts.definitions.quarantine]
        yield "quarantine", "quarantine rule", rules
    if parts.routing:
        yield "exclusion", "exclusion", [each.id for each in parts.routing.exclusions]
        yield "rule", "rule", [rule.id for rule in parts.routing.rules]
        yield "pool", "pool", [pool.id for pool in parts.routing.pools]
        yield "role", "role", [rule.role for rule in parts.routing.rules]
    if parts.sla:
        yield "sla", "SLA policy", parts.sla.policies


def _unknown(
    file: str, place: Place, what: str, name: str, known: Collection[str]
) -> Iterator[Finding]:
    if name not in known:
        yield Finding(file, place, f"unknown {what} '{name}'{did_you_mean(name, known)}")
