"""What an operator asks of running services: readiness, dead letters, going on; wrong settings."""

import asyncio
from collections.abc import Callable
from subprocess import CompletedProcess
from uuid import UUID, uuid4

import asyncpg
import pytest

from baton import kafka, topics
from tests.e2e.deployment import Deployment

Baton = Callable[..., CompletedProcess[str]]
Until = Callable[[Callable[[], CompletedProcess[str]], str], CompletedProcess[str]]
pytestmark = pytest.mark.usefixtures("services")


async def write_nonsense(services: Deployment, count: int) -> None:
    """Records on lead-activity, which only scoring reads, that are no events."""
    producer = kafka.producer(services.kafka)
    await producer.start()
    try:
        for _ in range(count):
            await producer.send_and_wait(
                kafka.topic_name(services.kafka, topics.LEAD_ACTIVITY),
                value=b"nonsense \xff",
                key=str(uuid4()).encode(),
                headers=[("ce_type", b"baton.lead.activity.v1"), ("ce_id", str(uuid4()).encode())],
                partition=0,
            )
    finally:
        await producer.stop()


def ids(listed: CompletedProcess[str]) -> list[str]:
    words = listed.stdout.split()
    return [word for word in words if len(word) == 36 and word.count("-") == 4]


def test_a_service_that_stopped_itself_says_so_and_goes_on_when_told_to(
    baton: Baton, until: Until, services: Deployment
) -> None:
    assert baton("status").returncode == 0
    assert "had not stopped itself" in baton("resume", "scoring", "--by", "on call").stdout

    asyncio.run(write_nonsense(services, 3))
    stopped = until(lambda: baton("status"), "not ready")
    assert stopped.returncode == 1
    assert "scoring has stopped itself" in stopped.stdout

    listed = baton("dead-letters", "list", "scoring")
    assert "lead-activity" in listed.stdout
    letters = ids(listed)
    assert len(letters) == 3
    assert baton("dead-letters", "list", "routing").stdout == "There are no dead letters.\n"

    shown = baton("dead-letters", "show", letters[0])
    assert "service  scoring" in shown.stdout
    assert "ce_type: baton.lead.activity.v1" in shown.stdout

    resumed = baton("resume", "scoring", "--by", "on call")
    assert resumed.returncode == 0
    assert "scoring goes on. It stood still since" in resumed.stdout
    until(lambda: baton("status"), "scoring      ready")

    again = baton("dead-letters", "replay", letters[0])
    assert again.returncode == 1
    assert "scoring refuses:" in again.stderr
    everything = baton("dead-letters", "replay", "--all", "--service", "scoring")
    assert everything.returncode == 1
    assert "0 replayed, 3 failed again." in everything.stdout
    baton("resume", "scoring", "--by", "on call")
    until(lambda: baton("status"), "scoring      ready")


async def write_letter(services: Deployment, kind: str) -> tuple[UUID, UUID]:
    """A dead letter about a subject of this kind; gives the ids of both."""
    letter, subject = uuid4(), uuid4()
    db = await asyncpg.connect(services.database_url)
    try:
        await db.execute(
            "INSERT INTO scoring.dead_letter (id, shard, kind, subject_kind, subject_id, reason, "
            "failures, failed_at) VALUES ($1, 0, 'command', $2, $3, 'a test', 1, now())",
            letter,
            kind,
            subject,
        )
    finally:
        await db.close()
    return letter, subject


@pytest.mark.parametrize("kind", ["lead", "pool"])
def test_a_dead_letter_is_shown_with_the_subject_that_it_is_about(
    baton: Baton, services: Deployment, kind: str
) -> None:
    letter, subject = asyncio.run(write_letter(services, kind))
    rows = [line.split() for line in baton("dead-letters", "show", str(letter)).stdout.splitlines()]
    assert [kind, str(subject)] in rows


def test_a_dead_letter_that_there_is_not_is_told(baton: Baton) -> None:
    refused = baton("dead-letters", "show", str(uuid4()))
    assert refused.returncode == 1
    assert "no service has a dead letter" in refused.stderr


@pytest.mark.parametrize("arguments", [(), (str(uuid4()), "--all")])
def test_a_replay_is_of_one_or_of_all(baton: Baton, arguments: tuple[str, ...]) -> None:
    refused = baton("dead-letters", "replay", *arguments)
    assert refused.returncode == 2
    assert "name one dead letter by its id, or all by --all" in refused.stderr


def test_a_loss_is_not_accepted_where_nothing_is_missing(baton: Baton) -> None:
    loss = ("--topic", "lead-captured", "--shard", "0", "--by", "on call", "--why", "a test")
    refused = baton("accept-loss", "scoring", *loss)
    assert refused.returncode == 1
    assert "scoring refuses: It stands at" in refused.stderr


def test_a_token_that_is_not_accepted_or_not_set_is_told_with_its_variable(
    baton: Baton, environment: dict[str, str]
) -> None:
    environment["BATON_API_TOKEN"] = "of another deployment"
    refused = baton("reps")
    assert refused.returncode == 1
    assert "does not accept the token" in refused.stderr
    assert "BATON_API_TOKEN" in refused.stderr
    del environment["BATON_API_TOKEN"]
    missing = baton("explain", str(uuid4()))
    assert missing.returncode == 2
    assert "BATON_API_TOKEN is not set" in missing.stderr


@pytest.mark.parametrize("url", ["127.0.0.1:8103", "ftp://127.0.0.1", ""])
def test_an_address_that_is_none_is_told_with_its_variable(
    baton: Baton, environment: dict[str, str], url: str
) -> None:
    environment["BATON_ROUTING_URL"] = url
    refused = baton("reps")
    assert refused.returncode == 2
    assert "BATON_ROUTING_URL is wrong" in refused.stderr


def test_another_service_at_an_address_is_told(
    baton: Baton, environment: dict[str, str], services: Deployment
) -> None:
    environment["BATON_ROUTING_URL"] = services.url("scoring")
    refused = baton("reps")
    assert refused.returncode == 1
    assert "is not routing of this release" in refused.stderr
    assert "BATON_ROUTING_URL says where routing is." in refused.stderr


def test_the_status_names_who_is_away_and_needs_no_token(
    baton: Baton, environment: dict[str, str]
) -> None:
    del environment["BATON_API_TOKEN"]
    environment["BATON_ROUTING_URL"] = "http://127.0.0.1:9"
    found = baton("status")
    assert found.returncode == 1
    (line,) = (line for line in found.stdout.splitlines() if line.startswith("routing"))
    assert line.split()[1:3] == ["away", "http://127.0.0.1:9"]
