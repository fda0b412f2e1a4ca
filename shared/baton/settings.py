"""What each process is told by its environment: `BATON_` and the field's name in capitals."""

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
    topic_prefix: str = Field("", description="before each topic's and each group's name")
    partitions: int = Field(64, ge=1, le=1024, description="shards, fixed for a deployment's life")
    replication_factor: int = Field(
        1, ge=1, description="copies of each topic that `baton topics apply` makes; 3 for real"
    )
    kafka_tls: bool = Field(default=False, description="`true`: speak TLS with the brokers")
    kafka_ca_file: FilePath | None = Field(
        None, description="PEM: who signs the brokers' certificates; the system's by default"
    )
    kafka_cert_file: FilePath | None = Field(
        None, description="PEM: our own certificate, for brokers that ask for one"
    )
    kafka_key_file: FilePath | None = Field(None, description="PEM: its key, where it is apart")
    kafka_login: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = Field(
        None, description="how to log in: `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`"
    )
    kafka_user: str | None = Field(None, description="who logs in")
    kafka_password: SecretStr | None = Field(None, description="and with which password")

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
    """What every process with an API needs, and all that one without Kafka and database does."""

    model_config = _ENVIRONMENT

    api_token: SecretStr = Field(
        min_length=16, description="what the APIs demand as `Authorization: Bearer ...`"
    )
    host: str = Field("127.0.0.1", description="the address that the API listens on")
    port: int = Field(ge=0, le=65535, description="the port that the API listens on")
    connections: int = Field(
        1_000, ge=10, description="connections of the API at one time, at most"
    )
    log_format: Literal["json", "console"] = Field("json", description="`json` or `console`")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="`debug`, `info`, `warning` or `error`"
    )
    times: Times = Field(Times(), description="the table of times, one variable each")
    otlp_endpoint: AnyUrl | None = Field(None, description="where traces go; nowhere by default")

    @field_validator("api_token")
    @classmethod
    def _can_be_sent(cls, token: SecretStr) -> SecretStr:
        if not fits_header(token.get_secret_value()):
            msg = "has a character that no header can have: use letters, digits and signs of ASCII"
            raise ValueError(msg)
        return token


class ServiceSettings(ApiSettings, KafkaSettings, DatabaseSettings):
    """What a service with a consumer needs: the parts above, and how its runner works."""

    clock: Literal["database", "events"] = Field(
        "database",
        description="whose time it is: the `database`'s, or the `events`' own, to replay history; "
        "fixed for a schema's life",
    )
    batch_events: int = Field(
        500, ge=1, description="the most inputs of a transaction: events, timers, commands"
    )
    batch_bytes: int = Field(
        8_000_000,
        ge=1,
        description="the most bytes of a transaction, once of records and once of states",
    )
    breaker_dead_letters: int = Field(
        20, ge=1, description="so many dead letters within `BATON_BREAKER_SECONDS` stop a service"
    )
    breaker_seconds: int = Field(300, ge=1, description="see `BATON_BREAKER_DEAD_LETTERS`")
