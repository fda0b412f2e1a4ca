"""What intake is told by its environment."""

from datetime import timedelta

from pydantic import AnyHttpUrl, Field, SecretStr, field_validator

from baton.settings import ServiceSettings
from baton.times import Seconds


class Settings(ServiceSettings):
    """Beside these, the variables that `sources.yaml` names hold the secrets of signing sources."""

    port: int = Field(8101, ge=0, le=65535)
    id_key: SecretStr = Field(
        min_length=32,
        description="makes lead ids; never changes, since every lead's id would change with it",
    )
    body_limit: int = Field(
        1_048_576, ge=1_024, description="bytes of a request's body, or of a line of a batch"
    )
    webhooks_url: AnyHttpUrl | None = Field(
        None,
        description="what stands before the source's name in the addresses that senders of "
        "webhooks have: `https://hooks.example.com/v1/webhooks`; some sign it",
    )
    batch_in_flight: int = Field(
        256, ge=1, description="lines of one batch that are published together, at most"
    )
    database_wait: Seconds = Field(
        timedelta(seconds=1.5), description="what a request waits for PostgreSQL"
    )
    ahead: Seconds = Field(
        timedelta(minutes=5), description="how far a sender's clock may be ahead of ours"
    )
    waiting_most: int = Field(
        100_000, ge=1, description="deliveries that wait for their lead, at most"
    )
    waiting_old: Seconds = Field(
        timedelta(minutes=15), description="the age at which a delivery that waits is reported"
    )

    @field_validator("webhooks_url")
    @classmethod
    def _without_a_query(cls, url: AnyHttpUrl | None) -> AnyHttpUrl | None:
        if url is not None and (url.query or url.fragment):
            msg = "must end with its path, such as /v1/webhooks"
            raise ValueError(msg)
        return url

    @property
    def webhooks_address(self) -> str | None:
        """`webhooks_url` as senders write it before `/NAME`."""
        return None if self.webhooks_url is None else str(self.webhooks_url).rstrip("/")
