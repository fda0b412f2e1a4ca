"""A bundle that holds: its parts, its name, and where it is read from."""

import hashlib
import shutil
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from baton.events import ActivityType, FollowupType, Stage
from baton.policy.bundle import MAX_BYTES, Bundle, UnknownNameError
from baton.policy.definitions import Then
from baton.policy.leadtests import TESTS
from baton.policy.problems import BundleError
from baton.policy_sections import policy_sections
from ingest.policy.mapped import FollowupMapping, StandardWebhooksSource
from ingest.policy.source import ApiSource
from ingest.policy.sources import sources_of
from routing.policy.routing import ROUTING
from scoring.policy.scoring import SCORING
from sla_monitor.policy.sla import SLA, OnBreach, TargetName


@pytest.fixture
def bundle(small: Mapping[str, str]) -> Bundle:
    return Bundle.parse_whole(small, policy_sections())


def write(files: Mapping[str, str], directory: Path) -> None:
    for name, text in files.items():
        (directory / name).write_bytes(text.encode())


def test_each_file_is_a_typed_part(bundle: Bundle) -> None:
    assert [field.name for field in bundle.definitions.custom_fields] == ["budget", "renewal"]
    assert bundle.section(SCORING).fit[0].points == 10
    assert bundle.section(ROUTING).rules[0].pool == "all"
    assert bundle.section(ROUTING).pools[0].retry_after == timedelta(minutes=10)
    target = bundle.section(SLA).policies["standard"].targets[TargetName.FIRST_RESPONSE]
    assert target.met_by == {FollowupType.CONTACTED}
    assert (target.allowed, target.warn_after) == (timedelta(hours=4), timedelta(hours=3))
    assert target.on_breach is OnBreach.REASSIGN
    assert isinstance(sources_of(bundle)["website"], ApiSource)
    hooks = sources_of(bundle)["hooks"]
    assert isinstance(hooks, StandardWebhooksSource)
    assert isinstance(hooks.events["call.done"], FollowupMapping)
    assert hooks.secret_env == ("HOOKS_SECRET",)


def test_names_lead_from_a_rep_to_a_calendar(bundle: Bundle) -> None:
    assert bundle.rep("rep-1").name == "Rep 1"
    assert bundle.team("rep-1").id == "one"
    monday = datetime(2026, 1, 12, 8, tzinfo=UTC)
    assert bundle.team_calendar("one").due(monday, timedelta(hours=1)) == monday.replace(hour=9)
    assert bundle.calendar("office").is_open(monday)


def test_an_unknown_name_is_told_with_a_near_one(bundle: Bundle) -> None:
    with pytest.raises(UnknownNameError, match=r"unknown rep 'rep-2'; did you mean 'rep-1'"):
        bundle.team("rep-2")
    with pytest.raises(UnknownNameError, match=r"unknown calendar 'x'$"):
        bundle.calendar("x")
    with pytest.raises(UnknownNameError, match=r"unknown team 'x'$"):
        bundle.team_calendar("x")


def test_a_reason_says_what_becomes_of_the_lead(bundle: Bundle) -> None:
    declined, rejected = bundle.definitions.reasons
    assert (declined.followup, declined.then) == (FollowupType.DECLINED, Then.REROUTE)
    assert (rejected.followup, rejected.then) == (FollowupType.REJECTED, Then.NURTURE)
    assert bundle.definitions.reasons_for(FollowupType.DECLINED) == (declined,)
    assert bundle.definitions.reason("no-budget") is rejected
    assert bundle.definitions.reason("unheard-of") is None


def test_stages_are_asked_from_the_highest(bundle: Bundle) -> None:
    stages = [stage for stage, _ in bundle.definitions.stages.highest_first]
    assert stages == [Stage.MQL, Stage.LEAD, Stage.PROSPECT]


def test_a_test_s_lead_is_of_the_brand_that_it_is_given_and_acts_when_it_says(
    small: Mapping[str, str],
) -> None:
    activities = "    activities:\n      - {type: webinar_attended, days_ago: 3}\n    expect:"
    changed = small["tests.yaml"].replace("    expect:", activities)
    (test,) = (
        Bundle.parse_whole({**small, "tests.yaml": changed}, policy_sections()).section(TESTS).tests
    )
    lead = test.of_brand("main").lead
    assert (lead.brand, lead.contact.email) == ("main", "somebody@example.com")
    (event,) = test.activity_events()
    assert event.type is ActivityType.WEBINAR_ATTENDED
    assert event.occurred_at == test.now - timedelta(days=3)


def test_a_bundle_is_read_from_its_directory_byte_by_byte(
    small: Mapping[str, str], tmp_path: Path
) -> None:
    windows = {name: text.replace("\n", "\r\n") for name, text in small.items()}
    write(windows, tmp_path)
    (tmp_path / "README.md").write_text("Not a file of the bundle.", "utf-8")
    bundle = Bundle.read(tmp_path, policy_sections())
    assert bundle.files == windows
    assert bundle.hash != Bundle.parse_whole(small, policy_sections()).hash
    assert bundle.section(ROUTING) == Bundle.parse_whole(small, policy_sections()).section(ROUTING)


def test_the_hash_is_that_of_the_files_hashes(bundle: Bundle, small: Mapping[str, str]) -> None:
    lines = "".join(
        f"{hashlib.sha256(small[name].encode()).hexdigest()}  {name}\n" for name in sorted(small)
    )
    assert bundle.hash == hashlib.sha256(lines.encode()).hexdigest()


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="this machine has no sha256sum")
def test_the_hash_can_be_recomputed_by_hand(small: Mapping[str, str], tmp_path: Path) -> None:
    write(small, tmp_path)
    by_hand = subprocess.run(
        ["sh", "-c", "LC_ALL=C; sha256sum *.yaml | sha256sum"],  # noqa: S607 - the shell's path
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert Bundle.read(tmp_path, policy_sections()).hash == by_hand.stdout.split()[0]


def test_a_bundle_of_the_first_day_is_still_read_under_its_first_name(bundle: Bundle) -> None:
    assert bundle.hash == "5e0bcbb6086d9f5ee2df2243b8632b68b4b4720c689a47a77aced5fce563429d"


def test_the_order_in_which_files_are_given_does_not_matter(small: Mapping[str, str]) -> None:
    reordered = {name: small[name] for name in sorted(small, reverse=True)}
    assert (
        Bundle.parse_whole(reordered, policy_sections()).hash
        == Bundle.parse_whole(small, policy_sections()).hash
    )


def told(error: BundleError) -> list[str]:
    return [str(problem) for problem in error.problems]


def test_files_that_are_missing_or_strange_are_named(small: Mapping[str, str]) -> None:
    files = {"scorin.yml" if name == "scoring.yaml" else name: small[name] for name in small}
    with pytest.raises(BundleError) as refused:
        Bundle.parse_whole(files, policy_sections())
    assert told(refused.value) == [
        "scorin.yml:1: not a file of a bundle; did you mean 'scoring.yaml'?",
        "scoring.yaml:1: the file is missing",
    ]


def test_a_directory_that_is_not_there_is_a_problem_too(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="nowhere:1: no such directory"):
        Bundle.read(tmp_path / "nowhere", policy_sections())


def test_what_is_not_utf_8_is_told_with_its_line(small: Mapping[str, str], tmp_path: Path) -> None:
    write(small, tmp_path)
    (tmp_path / "teams.yaml").write_bytes(b"# fine\nteams: \xff\n")
    (tmp_path / "sla.yaml").unlink()
    (tmp_path / "sla.yaml").mkdir()
    with pytest.raises(BundleError) as refused:
        Bundle.read(tmp_path, policy_sections())
    assert told(refused.value) == [
        "sla.yaml:1: can't be read: Is a directory",
        "teams.yaml:2: not UTF-8",
    ]


def test_a_bundle_has_a_bound(small: Mapping[str, str], tmp_path: Path) -> None:
    large = {**small, "teams.yaml": small["teams.yaml"] + "# " + "x" * MAX_BYTES}
    with pytest.raises(BundleError, match=r"teams.yaml:1: the bundle has \d+ bytes"):
        Bundle.parse_whole(large, policy_sections())
    write(large, tmp_path)
    with pytest.raises(BundleError, match=r"teams\.yaml:1: larger than 409600 bytes"):
        Bundle.read(tmp_path, policy_sections())


def test_an_error_says_everything_in_one_text(small: Mapping[str, str]) -> None:
    files = {**small, "sla.yaml": "", "calendars.yaml": "[]"}
    with pytest.raises(BundleError) as refused:
        Bundle.parse_whole(files, policy_sections())
    assert str(refused.value) == (
        "sla.yaml:1: the file is empty\ncalendars.yaml:1: must be a mapping of keys to values"
    )
