"""The common fields of all sources, and of all sources that sign."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from baton.policy.model import (
    Count,
    Country,
    Elapsed,
    Id,
    NotEmpty,
    PolicyModel,
    String,
    Text,
    written,
)
from ingest.policy.fields import VariableName


class RateLimit(PolicyModel):
    """How many deliveries each process takes of a source: so many a second, `burst` at once."""

    per_second: Count
    burst: Count | None = None

    @property
    def at_once(self) -> int:
        return self.burst or 2 * self.per_second


class AnySource(PolicyModel):
    """The fields of all kinds. `default_country` is for phone numbers that are written without one.

    `retry_horizon`: within it, the same body without id or time is the same enquiry.
    `repeat_horizon`: within it, it is the same activity or follow-up.
    """

    label: Text
    brand: Id
    default_country: Country | None = None
    retry_horizon: Elapsed = timedelta(hours=24)
    repeat_horizon: Elapsed = timedelta(seconds=60)
    rate_limit: RateLimit = RateLimit(per_second=1_000)


class ApiSource(AnySource):
    """Sends our own API's JSON, with a bearer token."""

    kind: Literal["api"]


class Details(PolicyModel):
    """Where a vendor tells the rest of what its webhooks name by an id alone.

    `url` is asked with the record's id for `{id}`; `token_env` names the variable whose token goes
    along as a bearer's, `headers` go along as they stand.
    """

    url: Annotated[
        String,
        written(
            r"https?://[^\s{}]+\{id\}[^\s{}]*",
            "must be an address with {id} in its path, such as https://api.example.com/leads/{id}",
        ),
    ]
    token_env: VariableName | None = None
    headers: dict[Text, Text] = Field(default_factory=dict)


class SignedSource(AnySource):
    """Signs what it sends, or shows a secret with it.

    `secret_env` names variables; two at once while a secret is changed. `details` is for vendors
    that give only an id.
    """

    kind: str
    secret_env: Annotated[tuple[VariableName, ...], Field(max_length=2), NotEmpty]
    details: Details | None = None

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables that hold its secrets."""
        return self.secret_env
