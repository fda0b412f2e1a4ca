"""What each process is told by its environment: `BATON_` and the field's name in capitals."""

from typing import Literal

from pydantic import AnyUrl, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from baton.times import Times


class KafkaSettings(BaseSettings):
    """Where Kafka is. `topic_prefix` stands before each topic's and group's name."""

    model_config = SettingsConfigDict(
        env_prefix="BATON_", env_nested_delimiter="__", frozen=True, extra="ignore"
    )

    kafka_bootstrap_servers: str
    topic_prefix: str = ""
    partitions: int = Field(12, ge=1, le=1024, description="shards, fixed for a deployment's life")
    replication_factor: int = Field(1, ge=1)


class DatabaseSettings(BaseSettings):
    """Where PostgreSQL is: `postgresql://user:password@host:port/database`."""

    model_config = SettingsConfigDict(
        env_prefix="BATON_", env_nested_delimiter="__", frozen=True, extra="ignore"
    )

    database_url: SecretStr


class ServiceSettings(KafkaSettings, DatabaseSettings):
    """What every service needs. Secrets have no default."""

    api_token: SecretStr = Field(min_length=16)
    host: str = "127.0.0.1"
    port: int = Field(ge=0, le=65535)
    log_format: Literal["json", "console"] = "json"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    times: Times = Times()
    clock: Literal["database", "events"] = Field(
        "database", description="declared when the schema is empty, kept for its life"
    )
    batch_events: int = Field(500, ge=1)
    batch_bytes: int = Field(8_000_000, ge=1)
    breaker_dead_letters: int = Field(20, ge=1, description="so many within breaker_seconds stop")
    breaker_seconds: int = Field(300, ge=1)
    otlp_endpoint: AnyUrl | None = Field(None, description="where traces go; nowhere by default")
    test_leave_out: frozenset[str] = Field(
        frozenset(), description="test only: steps of the runner's protocol that are left out"
    )
