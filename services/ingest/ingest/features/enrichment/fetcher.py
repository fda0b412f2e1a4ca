"""The interface by which intake fetches the details of a record from a vendor."""

from datetime import timedelta
from typing import Protocol

from pydantic import JsonValue

from ingest.errors import TryLaterError
from ingest.policy.source import SignedSource
from ingest.senders.kit.items import Fetch


class VendorNotReadyError(TryLaterError):
    """The vendor can't be asked, or does not know the record yet: to be asked again.

    `after`: not before that, where the vendor says so. The message is for an operator.
    """

    def __init__(self, reason: str, after: timedelta = timedelta(0)) -> None:
        super().__init__(reason)
        self.after = after


class Fetcher(Protocol):
    """Asks a vendor for what its webhook has named by an id alone."""

    async def details(self, source: SignedSource, fetch: Fetch) -> JsonValue:
        """The vendor's data about the record, as JSON. The request only reads, so it can be
        repeated. Raises VendorNotReadyError, or RejectedError if a repetition would give the same
        answer. The messages are for an operator.
        """
