"""`baton topics` and `baton migrate` on a real Kafka and PostgreSQL, and what they need for it."""

from collections.abc import Callable
from subprocess import CompletedProcess

import pytest

from baton import topics

Baton = Callable[..., CompletedProcess[str]]

NOBODY = "127.0.0.1:9"


@pytest.fixture
def kafka(environment: dict[str, str], kafka_bootstrap: str, topic_prefix: str) -> None:
    environment["BATON_KAFKA_BOOTSTRAP_SERVERS"] = kafka_bootstrap
    environment["BATON_TOPIC_PREFIX"] = topic_prefix
    environment["BATON_PARTITIONS"] = "2"


@pytest.mark.usefixtures("kafka")
def test_topics_are_made_once_and_then_left_as_they_are(baton: Baton) -> None:
    first, second = baton("topics", "apply"), baton("topics", "apply")
    assert (first.returncode, second.returncode) == (0, 0)
    assert first.stdout.count("made") == len(topics.ALL)
    assert second.stdout.count("as it was") == len(topics.ALL)


@pytest.mark.usefixtures("kafka")
def test_the_list_of_topics_fails_while_one_is_missing(baton: Baton) -> None:
    before = baton("topics", "list")
    assert before.returncode == 1
    assert before.stdout.count("missing") == len(topics.ALL)
    baton("topics", "apply")
    after = baton("topics", "list")
    assert after.returncode == 0
    assert "missing" not in after.stdout


@pytest.mark.usefixtures("kafka")
def test_topics_of_another_number_of_shards_are_refused_with_the_way_out(
    baton: Baton, environment: dict[str, str]
) -> None:
    baton("topics", "apply")
    environment["BATON_PARTITIONS"] = "3"
    refused = baton("topics", "apply")
    assert refused.returncode == 1
    assert "has 2 partitions and the deployment 3 shards (BATON_PARTITIONS)" in refused.stderr


def test_a_kafka_that_is_away_is_named_with_its_variable(
    baton: Baton, environment: dict[str, str]
) -> None:
    environment["BATON_KAFKA_BOOTSTRAP_SERVERS"] = NOBODY
    refused = baton("topics", "apply")
    assert refused.returncode == 1
    assert NOBODY in refused.stderr
    assert "BATON_KAFKA_BOOTSTRAP_SERVERS" in refused.stderr


@pytest.mark.parametrize("servers", ["", "kafka:port", "[::1", "http://kafka:9092", "a:1,,b:2"])
def test_servers_that_are_no_addresses_are_told_with_their_variable(
    baton: Baton, environment: dict[str, str], servers: str
) -> None:
    environment["BATON_KAFKA_BOOTSTRAP_SERVERS"] = servers
    refused = baton("topics", "list")
    assert refused.returncode == 2
    assert "BATON_KAFKA_BOOTSTRAP_SERVERS is wrong" in refused.stderr


def test_a_schema_is_made_once_and_then_left_as_it_is(
    baton: Baton, environment: dict[str, str], database: str
) -> None:
    environment["BATON_DATABASE_URL"] = database
    for _ in range(2):
        done = baton("migrate", "scoring")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == "scoring: schema scoring is up to date\n"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        (f"postgresql://somebody:secret-word@{NOBODY}/baton", 1),
        ("postgresql://somebody:secret-word@127.0.0.1:port/baton", 2),
        ("postgresql://somebody:secret-word@[::1/baton", 2),
        ("mysql://somebody:secret-word@127.0.0.1/baton", 2),
        ("secret-word", 2),
    ],
)
def test_a_postgresql_that_is_away_or_wrongly_named_is_told_without_its_password(
    baton: Baton, environment: dict[str, str], url: str, code: int
) -> None:
    environment["BATON_DATABASE_URL"] = url
    refused = baton("migrate")
    assert refused.returncode == code
    assert "BATON_DATABASE_URL" in refused.stderr
    assert "secret-word" not in refused.stderr


def test_a_database_that_there_is_not_is_told(
    baton: Baton, environment: dict[str, str], database: str
) -> None:
    environment["BATON_DATABASE_URL"] = f"{database}_of_nobody"
    refused = baton("migrate", "scoring")
    assert refused.returncode == 1
    assert "does not exist" in refused.stderr


@pytest.mark.parametrize(
    ("command", "missing"),
    [
        (("topics", "apply"), "BATON_KAFKA_BOOTSTRAP_SERVERS"),
        (("topics", "list"), "BATON_KAFKA_BOOTSTRAP_SERVERS"),
        (("policy", "active"), "BATON_KAFKA_BOOTSTRAP_SERVERS"),
        (("migrate",), "BATON_DATABASE_URL"),
        (("explain", "buyer@example.com"), "BATON_ID_KEY"),
        (("reps",), "BATON_API_TOKEN"),
    ],
)
def test_a_variable_that_is_not_set_is_told_with_what_it_means(
    baton: Baton, command: tuple[str, ...], missing: str
) -> None:
    refused = baton(*command)
    assert refused.returncode == 2
    assert f"{missing} is not set (" in refused.stderr
    assert "`. .run/up/env` sets them all" in refused.stderr


def test_a_key_that_is_too_short_is_refused_and_not_shown(
    baton: Baton, environment: dict[str, str]
) -> None:
    environment["BATON_ID_KEY"] = "short-secret"
    refused = baton("explain", "buyer@example.com")
    assert refused.returncode == 2
    assert "BATON_ID_KEY is wrong" in refused.stderr
    assert "short-secret" not in refused.stderr


def test_all_four_schemas_are_made_at_once(
    baton: Baton, environment: dict[str, str], database: str
) -> None:
    environment["BATON_DATABASE_URL"] = database
    done = baton("migrate")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("is up to date") == 4
    assert "sla-monitor: schema sla_monitor is up to date" in done.stdout
