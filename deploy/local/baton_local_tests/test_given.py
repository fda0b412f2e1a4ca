"""Whose servers are used."""

import pytest

from baton_local.given_servers import GivenServers, given_servers

KAFKA = "kafka.example.com:9092"
DATABASE = "postgresql://baton:secret@db.example.com:5432/baton"


def test_servers_that_the_environment_names_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BATON_LOCAL_STACK", raising=False)
    monkeypatch.setenv("BATON_KAFKA_BOOTSTRAP_SERVERS", KAFKA)
    monkeypatch.setenv("BATON_DATABASE_URL", DATABASE)
    assert given_servers() == GivenServers(KAFKA, DATABASE)


def test_a_shell_that_talks_to_a_local_stack_can_start_it_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BATON_LOCAL_STACK", "up")
    monkeypatch.setenv("BATON_KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9192")
    assert given_servers() == GivenServers(None, None)
