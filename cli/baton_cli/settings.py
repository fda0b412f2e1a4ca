"""What the command is told by its environment."""

from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

from pydantic import ValidationError
from pydantic_settings import BaseSettings

from baton.settings import DatabaseSettings, KafkaSettings
from baton_cli.failures import MISUSED, Failure

Settings = TypeVar("Settings", bound=BaseSettings)

_MEANS = {
    "BATON_KAFKA_BOOTSTRAP_SERVERS": "where Kafka is, such as kafka.example.com:9092",
    "BATON_DATABASE_URL": "where PostgreSQL is: postgresql://user:password@host:port/database",
    "BATON_API_TOKEN": "the token that the services' APIs demand",
}


def kafka_settings() -> KafkaSettings:
    """Raises Failure where the environment does not say it."""
    return _read(KafkaSettings)


def database_settings() -> DatabaseSettings:
    """Raises Failure where the environment does not say it, or says it wrongly."""
    settings = _read(DatabaseSettings)
    if not _names_postgresql(settings.database_url.get_secret_value()):
        raise Failure(
            "BATON_DATABASE_URL is wrong: it does not have the form "
            "postgresql://user:password@host:port/database",
            "Special characters of a password are written as in any URL: %40 for @, say.",
            exit_code=MISUSED,
        )
    return settings


def _names_postgresql(url: str) -> bool:
    parts = urlsplit(url)
    try:
        return parts.scheme == "postgresql" and parts.port != 0
    except ValueError:
        return False


def _read(settings: Callable[[], Settings]) -> Settings:
    try:
        return settings()
    except ValidationError as error:
        raise Failure(
            "\n".join(_problems(error)),
            "For a Baton started by `make up`: `. .run/up/env` sets them all.",
            exit_code=MISUSED,
        ) from error


def _problems(error: ValidationError) -> list[str]:
    problems = []
    for detail in error.errors(include_input=False, include_url=False):
        name = "BATON_" + "__".join(str(part) for part in detail["loc"]).upper()
        means = f" ({_MEANS[name]})" if name in _MEANS else ""
        says = "is not set" if detail["type"] == "missing" else f"is wrong: {detail['msg']}"
        problems.append(f"{name} {says}{means}")
    return problems
