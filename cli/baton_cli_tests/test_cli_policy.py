"""`baton policy`: a bundle is checked with its tests, put in force, and taken back."""

import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from baton.policy.bundle import Bundle
from baton.policy_sections import policy_sections
from baton_cli.policy.leadtests import run

Baton = Callable[..., CompletedProcess[str]]

POLICY = Path(__file__).parents[2] / "deploy" / "policy"
DEMO = POLICY.with_name("demo-policy")
WHO = ("--by", "the operator", "--why", "a test")


def name(directory: Path) -> str:
    return Bundle.read(directory, policy_sections()).hash[:12]


@pytest.fixture
def changed(tmp_path: Path) -> Callable[[str, str, str], Path]:
    """Makes a copy of the default bundle with a text of a file replaced, wherever it stands."""
    copy = tmp_path / "policy"
    shutil.copytree(POLICY, copy)

    def change(file: str, old: str, new: str) -> Path:
        text = (copy / file).read_text()
        assert old in text
        (copy / file).write_text(text.replace(old, new))
        return copy

    return change


@pytest.fixture
def topics_made(
    baton: Baton, environment: dict[str, str], kafka_bootstrap: str, topic_prefix: str
) -> None:
    environment["BATON_KAFKA_BOOTSTRAP_SERVERS"] = kafka_bootstrap
    environment["BATON_TOPIC_PREFIX"] = topic_prefix
    environment["BATON_PARTITIONS"] = "1"
    assert baton("topics", "apply").returncode == 0


@pytest.mark.parametrize("bundle", [POLICY, DEMO], ids=lambda path: path.name)
def test_the_bundles_that_come_with_baton_hold_their_own_tests(bundle: Path, baton: Baton) -> None:
    results = run(Bundle.read(bundle, policy_sections()))
    assert results
    assert all(result.passed for result in results)
    done = baton("policy", "check", str(bundle))
    assert (done.returncode, done.stderr) == (0, "")
    assert f"bundle {name(bundle)}" in done.stdout


def test_every_problem_is_told_with_its_file_and_line(
    baton: Baton, changed: Callable[[str, str, str], Path]
) -> None:
    directory = changed("scoring.yaml", "contact.country", "contact.contry")
    changed("routing.yaml", "contact.country", "contact.contry")
    refused = baton("policy", "check", str(directory))
    assert refused.returncode == 1
    lines = (directory / "scoring.yaml").read_text().splitlines()
    line = next(i for i, text in enumerate(lines, 1) if "contact.contry" in text)
    where = f"{directory}/scoring.yaml:{line}: "
    assert any(
        told.startswith(where) and "did you mean 'contact.country'?" in told
        for told in refused.stderr.splitlines()
    )
    assert f"{directory}/routing.yaml:" in refused.stderr


def test_a_test_that_does_not_hold_says_what_was_expected_and_what_came_of_it(
    baton: Baton, changed: Callable[[str, str, str], Path]
) -> None:
    directory = changed("scoring.yaml", "points: 30", "points: 31")
    refused = baton("policy", "check", str(directory))
    assert refused.returncode == 1
    assert "did not hold:" in refused.stdout
    assert ["no", "fit", "85", "86"] in [line.split() for line in refused.stdout.splitlines()]
    assert f"tests in {directory}/tests.yaml did not hold" in refused.stderr


def test_a_test_s_lead_is_of_its_source_s_brand(changed: Callable[[str, str, str], Path]) -> None:
    directory = changed("sources.yaml", "brand: main", "brand: north")
    results = run(Bundle.read(directory, policy_sections()))
    assert {result.test.lead.brand for result in results} == {"north"}


def test_a_bundle_without_tests_is_said_to_have_none(
    baton: Baton, changed: Callable[[str, str, str], Path]
) -> None:
    directory = changed("tests.yaml", "tests:", "tests:")
    (directory / "tests.yaml").unlink()
    done = baton("policy", "check", str(directory))
    assert (done.returncode, done.stderr) == (0, "")
    assert "This bundle has no tests." in done.stdout


def test_a_directory_that_there_is_not_is_told(baton: Baton, tmp_path: Path) -> None:
    refused = baton("policy", "check", str(tmp_path / "none"))
    assert refused.returncode == 2
    assert f"there is no directory {tmp_path}/none" in refused.stderr


@pytest.mark.parametrize(
    ("at", "says"),
    [
        ("2020-01-01T00:00:00Z", "is past"),
        ("2999-01-01T00:00:00", "does not say in which time zone"),
        ("0001-01-01T00:00:00+14:00", "is past"),
        ("9999-12-31T23:59:59-14:00", "is no time that can be kept"),
        ("tomorrow", "is not a time"),
    ],
)
def test_a_time_that_no_bundle_can_be_in_force_from_is_refused(
    baton: Baton, at: str, says: str
) -> None:
    refused = baton("policy", "activate", str(POLICY), *WHO, "--at", at)
    assert refused.returncode == 2
    assert f"--at {at} {says}" in refused.stderr


@pytest.mark.parametrize("option", ["--by", "--why"])
@pytest.mark.parametrize("text", [" ", "x" * 20_000])
def test_who_and_why_are_words_that_can_be_kept(baton: Baton, option: str, text: str) -> None:
    said = {"--by": "the operator", "--why": "a test", option: text}
    words = [word for pair in said.items() for word in pair]
    refused = baton("policy", "back", *words)
    assert refused.returncode == 2
    assert option in refused.stderr


@pytest.mark.usefixtures("topics_made")
def test_nothing_is_in_force_before_the_first_activation(baton: Baton) -> None:
    assert baton("policy", "active").returncode == 1
    assert "no bundle is in force yet" in baton("policy", "active").stderr
    assert baton("policy", "history").stdout == "Nothing was ever activated.\n"
    refused = baton("policy", "back", *WHO)
    assert refused.returncode == 1
    assert "no other bundle was in force before this one" in refused.stderr


@pytest.mark.usefixtures("topics_made")
def test_a_bundle_whose_tests_do_not_hold_is_not_put_in_force(
    baton: Baton, changed: Callable[[str, str, str], Path]
) -> None:
    directory = changed("scoring.yaml", "points: 30", "points: 31")
    assert baton("policy", "activate", str(directory), *WHO).returncode == 1
    assert baton("policy", "active").returncode == 1


@pytest.mark.usefixtures("topics_made")
def test_a_bundle_is_put_in_force_replaced_and_taken_back(baton: Baton) -> None:
    for bundle in (POLICY, DEMO):
        done = baton("policy", "activate", str(bundle), *WHO)
        assert done.returncode == 0, done.stderr
        assert f"{name(bundle)} is in force" in done.stdout
    assert baton("policy", "active").stdout.startswith(f"{name(DEMO)} in force since ")

    back = baton("policy", "back", "--by", "on call", "--why", "too many MQLs")
    assert f"{name(POLICY)} is in force" in back.stdout
    assert "by on call: too many MQLs" in baton("policy", "active").stdout

    named = baton("policy", "back", "--to", name(DEMO)[:6].upper(), *WHO)
    assert f"{name(DEMO)} is in force" in named.stdout
    told = [line.split() for line in baton("policy", "history").stdout.splitlines()[1:]]
    assert [words[2] for words in told] == [name(each) for each in (POLICY, DEMO, POLICY, DEMO)]
    assert told[-1][3:5] == ["in", "force"]
    assert all(words[3] != "in" for words in told[:-1])


@pytest.mark.usefixtures("topics_made")
def test_what_is_in_force_already_is_not_activated_again(baton: Baton) -> None:
    baton("policy", "activate", str(POLICY), *WHO)
    again = baton("policy", "activate", str(POLICY), "--by", "another", "--why", "again")
    assert again.returncode == 0
    assert f"{name(POLICY)} already in force since" in again.stdout
    assert "another" not in baton("policy", "history").stdout


@pytest.mark.usefixtures("topics_made")
def test_a_bundle_can_be_in_force_from_a_later_time_on(baton: Baton) -> None:
    baton("policy", "activate", str(POLICY), *WHO)
    soon = (datetime.now(UTC) + timedelta(seconds=5)).isoformat()
    done = baton("policy", "activate", str(DEMO), *WHO, "--at", soon)
    assert f"{name(DEMO)} will be in force from" in done.stdout
    before = baton("policy", "active").stdout
    assert before.startswith(f"{name(POLICY)} in force since")
    assert f"{name(DEMO)} to come from" in before
    assert "to come" in baton("policy", "history").stdout
    deadline = time.monotonic() + 60
    while not baton("policy", "active").stdout.startswith(f"{name(DEMO)} in force since"):
        assert time.monotonic() < deadline


@pytest.mark.usefixtures("topics_made")
def test_going_back_to_a_bundle_that_never_was_is_refused(baton: Baton) -> None:
    baton("policy", "activate", str(POLICY), *WHO)
    baton("policy", "activate", str(DEMO), *WHO)
    refused = baton("policy", "back", "--to", "ffffffffffff", *WHO)
    assert refused.returncode == 1
    assert "no bundle that was ever activated begins with ffffffffffff" in refused.stderr
    several = baton("policy", "back", "--to", "", *WHO)
    assert several.returncode == 1
    assert "several bundles begin with" in several.stderr


def test_without_topics_the_way_to_make_them_is_told(
    baton: Baton, environment: dict[str, str], kafka_bootstrap: str, topic_prefix: str
) -> None:
    environment["BATON_KAFKA_BOOTSTRAP_SERVERS"] = kafka_bootstrap
    environment["BATON_TOPIC_PREFIX"] = topic_prefix
    for command in (["active"], ["history"], ["activate", str(POLICY), *WHO], ["back", *WHO]):
        refused = baton("policy", *command)
        assert refused.returncode == 1
        assert f"Kafka has no topic {topic_prefix}policy" in refused.stderr
        assert "baton topics apply" in refused.stderr
