"""The bundles that come with the project hold, and do what their own tests say."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from baton.events import ActivityType, LeadActivity, Score, Stage
from baton.policy.bundle import Bundle
from baton.policy.document import parse
from baton.policy.fields import facts_of, facts_of_activity
from baton.policy.leadtests import TESTS, Expected, LeadTest
from baton.policy_sections import policy_sections
from ingest.policy.sources import sources_of
from routing.policy.routing import ROUTING
from scoring.domain.worth import grade, points_at
from scoring.policy.scoring import SCORING, Scanners
from sla_monitor.policy.sla import SLA, OnBreach

DEPLOY = Path(__file__).parents[2] / "deploy"
DEFAULT, DEMO = (
    Bundle.read(DEPLOY / "policy", policy_sections()),
    Bundle.read(DEPLOY / "demo-policy", policy_sections()),
)
LEAD_TESTS = [(bundle, test) for bundle in (DEFAULT, DEMO) for test in bundle.section(TESTS).tests]


def outcome(bundle: Bundle, test: LeadTest) -> Expected:
    """What the bundle says of the lead, by nothing but its own models."""
    fit = sum(
        criterion.points
        for criterion in bundle.section(SCORING).fit
        if criterion.when.evaluate(facts_of(test.lead)).matched
    )
    engagement = sum(
        points_at(
            criterion,
            test.now,
            [
                event.occurred_at
                for event in peoples(test.activity_events(), bundle)
                if criterion.when.evaluate(facts_of_activity(event)).matched
            ],
        )
        for criterion in bundle.section(SCORING).engagement
    )
    reached = grade(bundle.section(SCORING).grades, fit=fit, engagement=engagement)
    score = Score(fit=fit, engagement=engagement, total=fit + engagement, grade=reached)
    stage = next(
        (
            stage
            for stage, definition in bundle.definitions.stages.highest_first
            if definition.when.evaluate(facts_of(test.lead, score)).matched
        ),
        Stage.SUSPECT,
    )
    said = {"fit": fit, "engagement": engagement, "total": score.total, "grade": reached}
    for held in bundle.definitions.quarantine:
        if held.when.evaluate(facts_of(test.lead)).matched:
            return Expected(**said, stage=stage, quarantine=held.id)
    facts = facts_of(test.lead, score, stage)
    if not bundle.section(ROUTING).takes(stage):
        return Expected(**said, stage=stage)
    for exclusion in bundle.section(ROUTING).exclusions:
        if exclusion.when.evaluate(facts).matched:
            return Expected(**said, stage=stage, exclusion=exclusion.id)
    rule = next(rule for rule in bundle.section(ROUTING).rules if rule.when.evaluate(facts).matched)
    return Expected(**said, stage=stage, rule=rule.id, pool=rule.pool, role=rule.role, sla=rule.sla)


def peoples(events: Sequence[LeadActivity], bundle: Bundle) -> Iterator[LeadActivity]:
    """What neither says that a bot did it nor looks like a scanner beside the others."""
    limits = bundle.section(SCORING).scanners or Scanners()
    within, after = limits.links_within, limits.after_delivery
    clicks = [each for each in events if each.type is ActivityType.MAIL_CLICKED]
    delivered = [each for each in events if each.type is ActivityType.MAIL_DELIVERED]
    for event in events:
        is_click = event.type is ActivityType.MAIL_CLICKED
        at_once = [
            other
            for other in clicks
            if within is not None
            and other.subject != event.subject
            and abs(other.occurred_at - event.occurred_at) <= within
        ]
        so_soon = [
            mail
            for mail in delivered
            if after is not None and timedelta(0) <= event.occurred_at - mail.occurred_at <= after
        ]
        if not event.bot and not (is_click and (at_once or so_soon)):
            yield event


@pytest.mark.parametrize(("bundle", "test"), LEAD_TESTS, ids=[test.name for _, test in LEAD_TESTS])
def test_a_bundle_does_what_its_tests_say(bundle: Bundle, test: LeadTest) -> None:
    expected = test.expect.model_dump(exclude_none=True)
    assert outcome(bundle, test).model_dump(include=set(expected)) == expected


@pytest.mark.parametrize("bundle", [DEFAULT, DEMO], ids=["default", "demo"])
def test_any_reader_of_yaml_can_read_them(bundle: Bundle) -> None:
    for file, text in bundle.files.items():
        data = parse(file, text)[0].data
        assert isinstance(data, dict)
        assert yaml.safe_load(text).keys() == data.keys()


@pytest.mark.parametrize("bundle", [DEFAULT, DEMO], ids=["default", "demo"])
def test_every_rule_that_is_tested_is_there_and_every_rule_is_tested(bundle: Bundle) -> None:
    rules = {rule.id for rule in bundle.section(ROUTING).rules}
    assert {test.expect.rule for test in bundle.section(TESTS).tests} - {None} == rules
    held = {rule.id for rule in bundle.definitions.quarantine}
    assert {test.expect.quarantine for test in bundle.section(TESTS).tests} - {None} == held


def test_the_demo_warns_and_breaches_within_seconds_at_any_hour() -> None:
    (policy,) = DEMO.section(SLA).policies.values()
    (target,) = policy.targets.values()
    assert (target.warn_after, target.allowed) == (timedelta(seconds=3), timedelta(seconds=6))
    assert target.on_breach is OnBreach.REASSIGN
    for team in DEMO.teams.teams:
        assert DEMO.team_calendar(team.id).week_length() == timedelta(days=7)


def test_the_demo_has_one_source_of_each_kind() -> None:
    kinds = {name: source.kind for name, source in sources_of(DEMO).items()}
    assert kinds == {
        "website": "api",
        "webshop-forms": "standard_webhooks",
        "typeform": "typeform",
    }
