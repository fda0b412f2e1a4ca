"""What the environment may say."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from baton.settings import ServiceSettings
from baton.times import Times


@pytest.fixture(autouse=True)
def needed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "BATON_KAFKA_BOOTSTRAP_SERVERS": "kafka.example.com:9092",
        "BATON_DATABASE_URL": "postgresql://user:password@db.example.com/baton",
        "BATON_API_TOKEN": "t" * 16,
        "BATON_PORT": "8101",
    }.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(("text", "seconds"), [("2", 2.0), ("0.5", 0.5), ("PT1.5S", 1.5)])
def test_a_time_is_given_in_seconds(
    monkeypatch: pytest.MonkeyPatch, text: str, seconds: float
) -> None:
    monkeypatch.setenv("BATON_TIMES__LOOK", text)
    assert ServiceSettings().times.look == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["soon", "", "nan"])
def test_what_is_no_time_is_refused_by_its_name(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("BATON_TIMES__LOOK", text)
    with pytest.raises(ValidationError, match=r"times\.look"):
        ServiceSettings()


@pytest.mark.parametrize("text", ["EAAB\u2026" * 4, "token \u2013 of the tests", "t" * 16 + "\n"])
def test_a_token_that_no_header_can_have_is_refused_at_the_start(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("BATON_API_TOKEN", text)
    with pytest.raises(ValidationError, match=r"api_token\s+.*no header can have"):
        ServiceSettings()


def test_times_that_contradict_each_other_are_refused_with_what_to_set() -> None:
    with pytest.raises(ValidationError, match="BATON_TIMES__SESSION"):
        Times.model_validate({"heartbeat": "10"})
