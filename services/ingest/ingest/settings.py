"""What intake is told by its environment."""

from datetime import timedelta
from typing import Self

from pydantic import AnyHttpUrl, Field, SecretStr, field_validator, model_validator

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
    body_wait: Seconds = Field(
        timedelta(seconds=10),
        description="what a body is waited for, beside what `BATON_BODY_RATE` allows it",
    )
    body_rate: int = Field(
        10_000, ge=1, description="bytes a second: a body that comes more slowly is cut off"
    )
    bodies_held: int = Field(
        67_108_864, ge=1, description="bytes of all bodies that are read at one time, at most"
    )
    requests_in_flight: int = Field(
        512, ge=1, description="deliveries that are worked on at one time, at most"
    )
    answer_within: Seconds = Field(
        timedelta(seconds=2.7),
        description="what a delivery may take from its last byte on; the strictest senders give up "
        "after 3 s",
    )
    spool_rows: int = Field(1_000_000, ge=1, description="events in the spool, at most")
    spool_bytes: int = Field(
        2_000_000_000, ge=1, description="bytes of the events in the spool, at most"
    )
    batch_in_flight: int = Field(
        256, ge=1, description="lines of one batch that are published together, at most"
    )
    batches_at_once: int = Field(
        16, ge=1, description="batches that a process takes at one time, at most"
    )
    bulk_behind: Seconds = Field(
        timedelta(seconds=0.75),
        description="so long may consumers need for what waits for them; while it is more, "
        "batches are held back",
    )
    database_wait: Seconds = Field(
        timedelta(seconds=1.5), description="what a request waits for PostgreSQL"
    )
    ahead: Seconds = Field(
        timedelta(minutes=5), description="how far a sender's clock may be ahead of ours"
    )
    fetch_within: Seconds = Field(
        timedelta(hours=24),
        description="so long after its delivery a lead's details are asked for, where a vendor "
        "gives only its id",
    )
    fetch_wait: Seconds = Field(
        timedelta(seconds=10), description="what a vendor is waited for that is asked for details"
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

    @model_validator(mode="after")
    def _in_time(self) -> Self:
        """Raises ValueError where Kafka alone could use up what PostgreSQL is needed for."""
        if self.times.spool_switch + self.database_wait > self.answer_within:
            msg = (
                "BATON_TIMES__SPOOL_SWITCH + BATON_DATABASE_WAIT must be at most "
                "BATON_ANSWER_WITHIN, or the spool would never be asked"
            )
            raise ValueError(msg)
        return self
