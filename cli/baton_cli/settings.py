"""The settings of the command."""

import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

from pydantic import Field, HttpUrl, SecretStr, ValidationError, create_model
from pydantic_settings import BaseSettings, SettingsConfigDict

from baton.settings import DatabaseSettings, KafkaSettings
from baton_cli.failures import MISUSED, Failure
from baton_cli.service import Service

_BROKER = re.compile(r"\s*([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?\s*", re.ASCII)

Settings = TypeVar("Settings", bound=BaseSettings)


class ClientSettings(BaseSettings):
    """Settings of every client of the APIs. A command that needs no token does not require one."""

    model_config = SettingsConfigDict(env_prefix="BATON_", frozen=True, extra="ignore")

    api_token: SecretStr | None = None

    def url(self, service: Service) -> str:
        """A service's address, without a slash at its end."""
        return str(getattr(self, f"{service.schema}_url")).rstrip("/")


class IdSettings(BaseSettings):
    """The settings from which an email's lead id is computed."""

    model_config = SettingsConfigDict(env_prefix="BATON_", frozen=True, extra="ignore")

    id_key: SecretStr = Field(min_length=32)


_MEANS = {
    "BATON_KAFKA_BOOTSTRAP_SERVERS": "where Kafka is, such as kafka.example.com:9092",
    "BATON_DATABASE_URL": "where PostgreSQL is: postgresql://user:password@host:port/database",
    "BATON_API_TOKEN": "the token that the services' APIs demand",
    "BATON_ID_KEY": "the deployment's key that makes ids of emails, at least 32 characters",
}


def kafka_settings() -> KafkaSettings:
    """Raises Failure where the environment does not say it, or says it wrongly."""
    settings = _read(KafkaSettings)
    if not all(map(_BROKER.fullmatch, settings.kafka_bootstrap_servers.split(","))):
        raise Failure(
            "BATON_KAFKA_BOOTSTRAP_SERVERS is wrong: "
            f"'{settings.kafka_bootstrap_servers}' does not have the form host:port",
            "Several are separated by commas.",
            exit_code=MISUSED,
        )
    return settings


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


def api_settings() -> ClientSettings:
    """Raises Failure where the environment says it wrongly."""
    urls: dict[str, Any] = {
        f"{service.schema}_url": (HttpUrl, HttpUrl(f"http://127.0.0.1:{service.manifest.port}"))
        for service in Service
    }
    settings: type[ClientSettings] = create_model("Settings", __base__=ClientSettings, **urls)
    return _read(settings)


def api_token(settings: ClientSettings) -> str:
    """Raises Failure where there is none."""
    if settings.api_token is None or not settings.api_token.get_secret_value():
        raise _missing([_problem("BATON_API_TOKEN", "is not set")])
    return settings.api_token.get_secret_value()


def id_key() -> bytes:
    """Raises Failure where the environment does not say it."""
    return _read(IdSettings).id_key.get_secret_value().encode()


def _names_postgresql(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    return parts.scheme == "postgresql" and port != 0


def _read(settings: Callable[[], Settings]) -> Settings:
    try:
        return settings()
    except ValidationError as error:
        problems = []
        for detail in error.errors(include_input=False, include_url=False):
            name = "BATON_" + "__".join(str(part) for part in detail["loc"]).upper()
            missing = detail["type"] == "missing"
            says = "is not set" if missing else f"is wrong: {detail['msg']}"
            problems.append(_problem(name, says))
        raise _missing(problems) from error


def _missing(problems: Sequence[str]) -> Failure:
    return Failure(
        "\n".join(problems),
        "For a Baton started by `make up`: `. .run/up/env` sets them all.",
        exit_code=MISUSED,
    )


def _problem(name: str, says: str) -> str:
    return f"{name} {says} ({_MEANS[name]})" if name in _MEANS else f"{name} {says}"
