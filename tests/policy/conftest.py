"""The smallest bundle that holds, and ways to change one thing in it."""

from collections.abc import Callable, Mapping

import pytest

from baton.policy.bundle import Bundle
from baton.policy.problems import BundleError, BundleProblem
from baton.policy_sections import policy_sections

SMALL = {
    "definitions.yaml": """\
custom_fields:
  - {name: budget, label: Budget, type: integer, personal: false}
  - {name: renewal, label: Renewal, type: date, personal: false}
grades:
  - {id: A, label: Good}
  - {id: B, label: Not so good}
stages:
  prospect:
    label: Reachable
    when: {field: contact.email, exists: true}
  lead:
    label: Fitting
    when: {field: score.fit, at_least: 10}
  mql:
    label: Ready
    when: {field: score.total, at_least: 20}
reasons:
  - {code: not-mine, label: Not mine, then: reroute, give_back_turn: true}
  - {code: no-budget, label: No budget, then: nurture}
""",
    "scoring.yaml": """\
fit:
  - id: served
    label: A country that we serve
    when: {field: contact.country, in: [DE, NO]}
    points: 10
engagement:
  - id: webinar
    label: Attended a webinar
    when: {field: activity.type, equals: webinar_attended}
    points: 10
    at_most: 15
    half_life_days: 10
grades:
  by: total
  at_least: {A: 20}
  otherwise: B
""",
    "routing.yaml": """\
reassign_on_breach: true
rules:
  - id: everybody
    label: Everybody
    pool: all
    role: sales
    sla: standard
pools:
  - id: all
    label: All
    members:
      - {rep: rep-1}
    capacity: 10
    max_attempts: 2
    retry_after: 10m
""",
    "sla.yaml": """\
policies:
  standard:
    label: Standard
    targets:
      first_response:
        allowed: 4h
        warn_at_percent: 75
        met_by: [contacted]
        on_breach: reassign
""",
    "calendars.yaml": """\
calendars:
  office:
    time_zone: Europe/Berlin
    hours:
      monday: ["09:00-17:00"]
""",
    "teams.yaml": """\
teams:
  - {id: one, name: Team One, calendar: office}
reps:
  - {id: rep-1, name: Rep 1, team: one}
""",
    "sources.yaml": """\
sources:
  website:
    label: Website
    kind: api
    brand: main
  hooks:
    label: Hooks
    kind: standard_webhooks
    brand: main
    secret_env: [HOOKS_SECRET]
    events:
      form.sent:
        becomes: lead
        fields: {contact.email: data.email}
      call.done:
        becomes: followup
        type: rejected
        who: {email: data.email}
        constants: {reason: no-budget}
""",
    "tests.yaml": """\
tests:
  - name: Somebody
    lead:
      source: website
      contact: {email: somebody@example.com}
    expect: {stage: prospect}
""",
}

Changed = Callable[[str, str, str], Mapping[str, str]]


@pytest.fixture(scope="session")
def small() -> Mapping[str, str]:
    """The texts of a bundle that holds."""
    return SMALL


@pytest.fixture(scope="session")
def changed() -> Changed:
    """The small bundle with one text of one file replaced; it must be there."""

    def change(file: str, old: str, new: str) -> Mapping[str, str]:
        assert old in SMALL[file]
        return {**SMALL, file: SMALL[file].replace(old, new, 1)}

    return change


@pytest.fixture(scope="session")
def problems() -> Callable[[Mapping[str, str]], tuple[BundleProblem, ...]]:
    """What is wrong with these texts."""

    def of(files: Mapping[str, str]) -> tuple[BundleProblem, ...]:
        try:
            Bundle.parse_whole(files, policy_sections())
        except BundleError as error:
            return error.problems
        return ()

    return of
