"""Each service reads its part of a bundle; what is put in force is checked as a whole."""

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace

import pytest

from baton.events import Profile
from baton.manifest import ManifestError, ServiceManifest, manifests
from baton.policy.bundle import Bundle, SectionNotReadError
from baton.policy.fields import facts_of
from baton.policy.leadtests import TESTS
from baton.policy.model import PolicyModel
from baton.policy.problems import BundleError, BundleProblem
from baton.policy.section import Section
from baton.policy_sections import policy_sections, sections_of
from routing.policy.reads import PROMISE_NAMES
from routing.policy.routing import ROUTING
from scoring.policy.reads import ROUTED_STAGES
from sla_monitor.policy.reads import REASSIGNMENT
from sla_monitor.policy.sla import SLA

Problems = Callable[[Mapping[str, str]], tuple[BundleProblem, ...]]

NEWER_FILE = {"consent.yaml": "consent:\n  double_opt_in: true\n"}
NEWER_KINDS: Mapping[str, tuple[str, str, str, AbstractSet[str]]] = {
    "sender": ("sources.yaml", "kind: api", "kind: carrier_pigeon", {"ingest"}),
    "criterion": ("scoring.yaml", "points: 10", "points: 10\n    decays: fast", {"scoring"}),
    "rule": ("routing.yaml", "pool: all\n", "pool: all\n    territory: north\n", {"routing"}),
    "strategy": ("routing.yaml", "label: All\n", "label: All\n    strategy: best\n", {"routing"}),
    "target": ("sla.yaml", "first_response:", "first_meeting:", {"sla-monitor"}),
    "reason": (
        "definitions.yaml",
        "then: nurture",
        "then: recycle",
        {"ingest", "scoring", "routing"},
    ),
    "calendar": ("calendars.yaml", "time_zone:", "easter: closed\n    time_zone:", {"sla-monitor"}),
}
"""By what a newer release may add: where, and which services of this one read that."""


def reads(service: ServiceManifest) -> tuple[Section[PolicyModel], ...]:
    assert service.consumer is not None
    return service.consumer().reads


def unable_to_read(files: Mapping[str, str]) -> set[str]:
    """The services that could not decide under these files."""
    unable = set()
    for service in manifests():
        try:
            assert Bundle.parse(files, reads(service)).files == files
        except BundleError:
            unable.add(service.name)
    return unable


@pytest.mark.parametrize(("file", "old", "new", "readers"), NEWER_KINDS.values(), ids=NEWER_KINDS)
def test_a_newer_kind_stops_only_the_services_that_read_it(
    changed: Callable[[str, str, str], Mapping[str, str]],
    problems: Problems,
    file: str,
    old: str,
    new: str,
    readers: AbstractSet[str],
) -> None:
    newer = changed(file, old, new)
    assert problems(newer), "this release would put it in force"
    assert unable_to_read(newer) == readers


def test_a_file_that_no_service_knows_stops_none_and_counts_in_the_hash(
    small: Mapping[str, str],
) -> None:
    newer = {**small, **NEWER_FILE}
    assert unable_to_read(newer) == set()
    assert Bundle.parse(newer, ()).hash != Bundle.parse(small, ()).hash


def test_a_file_that_no_service_knows_is_not_put_in_force(
    small: Mapping[str, str], problems: Problems
) -> None:
    (problem,) = problems({**small, **NEWER_FILE})
    assert str(problem).startswith("consent.yaml:1: not a file of a bundle")


@pytest.mark.parametrize(
    "new", ["reassign_on_breach: true", "reassign_on_breach: false\nfrom_stage: lead"]
)
def test_who_reads_a_part_of_another_s_file_reads_there_what_its_owner_does(
    changed: Callable[[str, str, str], Mapping[str, str]], new: str
) -> None:
    files = changed("routing.yaml", "reassign_on_breach: true", new)
    bundle = Bundle.parse(files, (ROUTING, SLA, ROUTED_STAGES, REASSIGNMENT, PROMISE_NAMES))
    routing = bundle.section(ROUTING)
    assert bundle.section(ROUTED_STAGES).from_stage is routing.from_stage
    assert bundle.section(REASSIGNMENT).reassign_on_breach is routing.reassign_on_breach
    assert bundle.section(PROMISE_NAMES).policies.keys() == bundle.section(SLA).policies.keys()


def test_a_bundle_may_have_no_tests(small: Mapping[str, str]) -> None:
    without = {name: text for name, text in small.items() if name != TESTS.file}
    bundle = Bundle.parse_whole(without, policy_sections())
    assert bundle.section(TESTS).tests == ()
    assert bundle.files == without


def test_each_other_file_must_be_there(small: Mapping[str, str], problems: Problems) -> None:
    files = {name: text for name, text in small.items() if name == TESTS.file}
    missing = [str(problem) for problem in problems(files)]
    assert missing == [
        f"{section.file}:1: the file is missing"
        for section in policy_sections()
        if section is not TESTS
    ]


def test_a_name_is_not_looked_for_in_a_file_that_was_not_read(small: Mapping[str, str]) -> None:
    files = {**small, "teams.yaml": small["teams.yaml"].replace("rep-1", "rep-2")}
    with pytest.raises(BundleError, match="unknown rep 'rep-1'"):
        Bundle.parse_whole(files, policy_sections())
    assert Bundle.parse(files, (ROUTING,)).section(ROUTING).rules


def test_conditions_are_read_with_the_custom_fields_of_the_definitions(
    changed: Callable[[str, str, str], Mapping[str, str]],
) -> None:
    condition = "    pool: all\n    when: {field: custom.budget, at_least: 5}\n"
    files = changed("routing.yaml", "    pool: all\n", condition)
    profile = Profile(brand="main", source="website", custom={"budget": 5})
    (rule,) = Bundle.parse(files, (ROUTING,)).section(ROUTING).rules
    assert rule.when.holds(facts_of(profile))
    misspelt = files["routing.yaml"].replace("custom.budget", "custom.bugdet")
    with pytest.raises(BundleError, match=r"unknown field 'custom\.bugdet'"):
        Bundle.parse({**files, "routing.yaml": misspelt}, (ROUTING,))


def test_a_section_that_was_not_read_can_not_be_asked(small: Mapping[str, str]) -> None:
    bundle = Bundle.parse(small, (ROUTING,))
    with pytest.raises(SectionNotReadError, match=r"parsed without sla\.yaml as Sla"):
        bundle.section(SLA)


def test_two_services_can_not_own_one_file() -> None:
    first, second, *_ = manifests()
    greedy = replace(second, policy=first.policy)
    with pytest.raises(ManifestError, match=rf"sources\.yaml .*: {first.name} and {second.name}"):
        sections_of((first, greedy))


def test_no_service_can_own_a_file_of_the_library() -> None:
    greedy = replace(manifests()[0], policy=lambda: (TESTS,))
    with pytest.raises(ManifestError, match=rf"tests\.yaml .*: the library and {greedy.name}"):
        sections_of((greedy,))
