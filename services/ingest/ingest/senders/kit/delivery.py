"""The HTTP request of a sender, before Baton has verified it."""

from collections.abc import Mapping
from dataclasses import dataclass

from ingest.errors import RejectedError


class NotUnderstoodError(RejectedError):
    """An authentic delivery is unreadable. The message tells an operator why."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One HTTP request of a sender.

    Header names are in lower case. Of a repeated header the last counts.

    `url` is the address that the sender called, with its query. Scheme, host and path come from the
    settings, never from the request. The address may contain a secret, so never log it.
    """

    headers: Mapping[str, str]
    body: bytes = b""
    method: str = "POST"
    url: str = ""

    @property
    def path(self) -> str:
        """The address without its query."""
        return self.url.partition("?")[0]

    @property
    def query(self) -> str:
        """The address's query, after the question mark, still escaped."""
        return self.url.partition("?")[2]

    @property
    def media_type(self) -> str:
        """The body's media type, in lower case and without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()
