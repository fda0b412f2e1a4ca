"""The settings of the processes. The environment variable of a field is `BATON_` and the field's
name in capitals.
"""

from typing import Literal, Self

from pydantic import AnyUrl, Field, FilePath, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from baton.times import Times
from baton.values import fits_header

_ENVIRONMENT = SettingsConfigDict(
    env_prefix="BATON_", env_nested_delimiter="__", frozen=True, extra="ignore"
)


class KafkaSettings(BaseSettings):
    """Where Kafka is. `topic_prefix` stands before each topic's and group's name."""

    model_config = _ENVIRONMENT

    kafka_bootstrap_servers: str = Field(
        description="addresses of Kafka's brokers: `kafka-1.example.com:9092,...`"
    )
    topic_prefix: str = Field("", description="prefix of each topic's and each group's name")
    partitions: int = Field(
        64,
        ge=1,
        le=1024,
        description="number of shards; it can never be changed",
    )
    replication_factor: int = Field(
        1,
        ge=1,
        description="copies of each topic that `baton topics apply` creates; 3 in production",
    )
    kafka_tls: bool = Field(default=False, description="`true`: use TLS to the brokers")
    kafka_ca_file: FilePath | None = Field(
        None,
        description="PEM file of the brokers' certificate authority; the system's by default",
    )
    kafka_cert_file: FilePath | None = Field(
        None, description="PEM file of the client's certificate, for brokers that require one"
    )
    kafka_key_file: FilePath | None = Field(
        None,
        description="PEM file of its key, if it is a separate file",
    )
    kafka_login: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = Field(
        None, description="login mechanism: `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`"
    )
    kafka_user: str | None = Field(None, description="user name of the login")
    kafka_password: SecretStr | None = Field(None, description="password of the login")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        """Raises ValueError for settings that would do nothing, or tell a password to everybody."""
        files = (self.kafka_ca_file, self.kafka_cert_file, self.kafka_key_file)
        if any(files) and not self.kafka_tls:
            msg = "certificates for Kafka are of use only with BATON_KAFKA_TLS=true"
            raise ValueError(msg)
        if self.kafka_key_file and not self.kafka_cert_file:
            msg = "BATON_KAFKA_KEY_FILE is of use only with BATON_KAFKA_CERT_FILE"
            raise ValueError(msg)
        login = (self.kafka_login, self.kafka_user, self.kafka_password)
        if any(login) and not all(login):
            msg = "BATON_KAFKA_LOGIN, BATON_KAFKA_USER and BATON_KAFKA_PASSWORD go together"
            raise ValueError(msg)
        if self.kafka_login == "PLAIN" and not self.kafka_tls:
            msg = "BATON_KAFKA_LOGIN=PLAIN would tell the password to all; set BATON_KAFKA_TLS=true"
            raise ValueError(msg)
        return self


class DatabaseSettings(BaseSettings):
    """Where PostgreSQL is: `postgresql://user:password@host:port/database`."""

    model_config = _ENVIRONMENT

    database_url: SecretStr = Field(description="`postgresql://user:password@host:port/database`")


class ApiSettings(BaseSettings):
    """Settings of each process with an API. One without Kafka and database needs no others."""

    model_config = _ENVIRONMENT

    api_token: SecretStr = Field(
        min_length=16, description="token of the APIs, sent as `Authorization: Bearer ...`"
    )
    host: str = Field("127.0.0.1", description="IP address on which the API listens")
    port: int = Field(ge=0, le=65535, description="port on which the API listens")
    connections: int = Field(1_000, ge=10, description="most connections to the API at one time")
    log_format: Literal["json", "console"] = Field("json", description="`json` or `console`")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="`debug`, `info`, `warning` or `error`"
    )
    times: Times = Field(Times(), description="time limits and intervals, one variable each")
    otlp_endpoint: AnyUrl | None = Field(
        None,
        description="address that receives traces (OTLP); none by default",
    )

    @field_validator("api_token")
    @classmethod
    def _can_be_sent(cls, token: SecretStr) -> SecretStr:
        if not fits_header(token.get_secret_value()):
            msg = "has a character that no header can have: use letters, digits and signs of ASCII"
            raise ValueError(msg)
        return token


class ServiceSettings(ApiSettings, KafkaSettings, DatabaseSettings):
    """Settings of a service with a consumer: the classes above, and the settings of its runner."""

    clock: Literal["database", "events"] = Field(
        "database",
        description="clock of timers: the `database`'s, or the `events`' to replay history; "
        "it can never be changed for a schema",
    )
    batch_events: int = Field(
        500, ge=1, description="most inputs of a transaction: events, timers and commands"
    )
    batch_bytes: int = Field(
        8_000_000,
        ge=1,
        description="most bytes of records, and most bytes of states, in a transaction",
    )
    breaker_dead_letters: int = Field(
        20,
        ge=1,
        description="number of dead letters within `BATON_BREAKER_SECONDS` that stops a service",
    )
    breaker_seconds: int = Field(300, ge=1, description="see `BATON_BREAKER_DEAD_LETTERS`")
