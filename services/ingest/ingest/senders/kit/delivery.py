"""A webhook as it came, before anything of it is believed."""

from collections.abc import Mapping
from dataclasses import dataclass

from ingest.errors import RejectedError


class NotUnderstoodError(RejectedError):
    """The delivery is the sender's and can't be read; the message is for an operator."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """Header names are in lower case; of one that stands twice, the last.

    `url` is the address as its sender has it, query and all: scheme, host and path come from the
    settings, never from what the request says of itself. It may hold a secret, so nobody logs it.
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
        """What follows the question mark, as it was sent."""
        return self.url.partition("?")[2]

    @property
    def media_type(self) -> str:
        """Of the body, in lower case and without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()
