"""How a delivery came."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from ingest.policy.source import SignedSource
from ingest.senders.kit.delivery import Delivery


@dataclass(frozen=True, slots=True)
class Receipt:
    """How a delivery came.

    `body` is what tells it from others that have no id. `key` is an `Idempotency-Key`; `part` tells
    apart the events of one delivery; `event_id` was given before all was known. `strict`: whoever
    calls our API reads the answer and can send again, so a field that is wrong is rejected. A form
    that was filled in can't be sent again: there the rest is used.
    """

    body: bytes
    received_at: datetime
    key: str | None = None
    part: str = ""
    strict: bool = True
    traceparent: str | None = None
    event_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class ReceivedDelivery:
    """A delivery of one of the bundle's sources; once it is authentic, no more than is readable."""

    name: str
    source: SignedSource
    delivery: Delivery
    receipt: Receipt
