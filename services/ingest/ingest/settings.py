"""The settings of ingest."""

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
        description="secret key of the lead ids; it must never change, because all ids would "
        "change",
    )
    body_limit: int = Field(
        1_048_576, ge=1_024, description="most bytes of a request's body, or of a line of a batch"
    )
    webhooks_url: AnyHttpUrl | None = Field(
        None,
        description="the public address of webhooks, to which senders add `/SOURCE`: "
        "`https://hooks.example.com/v1/webhooks`; some vendors sign it",
    )
    body_wait: Seconds = Field(
        timedelta(seconds=10),
        description="time for a body, in addition to the time that `BATON_BODY_RATE` allows",
    )
    body_rate: int = Field(10_000, ge=1, description="bytes per second; a slower body is refused")
    bodies_held: int = Field(
        67_108_864, ge=1, description="most bytes of all bodies that are read at one time"
    )
    requests_in_flight: int = Field(
        512, ge=1, description="most deliveries in progress at one time"
    )
    answer_within: Seconds = Field(
        timedelta(seconds=2.7),
        description="what a delivery may take from its last byte on; the strictest senders give up "
        "after 3 s",
    )
    spool_rows: int = Field(1_000_000, ge=1, description="most events in the spool")
    spool_bytes: int = Field(2_000_000_000, ge=1, description="most bytes of events in the spool")
    batch_in_flight: int = Field(
        256, ge=1, description="most lines of one batch that are published together"
    )
    batches_at_once: int = Field(
        16, ge=1, description="most batches in progress in one process at one time"
    )
    bulk_behind: Seconds = Field(
        timedelta(seconds=0.75),
        description="most time that consumers may need for the records that wait for them; if they "
        "need more, batches are slowed down",
    )
    database_wait: Seconds = Field(
        timedelta(seconds=1.5), description="time that a request waits for PostgreSQL"
    )
    ahead: Seconds = Field(
        timedelta(minutes=5), description="most time that a sender's clock may be ahead of Baton's"
    )
    fetch_within: Seconds = Field(
        timedelta(hours=24),
        description="time after the delivery in which a lead's details are fetched, if the vendor "
        "sends only its id",
    )
    fetch_wait: Seconds = Field(
        timedelta(seconds=10), description="time limit of a request to a vendor for details"
    )
    waiting_most: int = Field(100_000, ge=1, description="most unmatched deliveries")
    waiting_old: Seconds = Field(
        timedelta(minutes=15), description="age at which an unmatched delivery is reported"
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
