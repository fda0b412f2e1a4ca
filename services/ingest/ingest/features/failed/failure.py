"""A delivery that was not understood, as it is kept until it is replayed."""

from collections.abc import Sequence
from uuid import UUID

from baton import identity
from ingest.capture.receipt import ReceivedDelivery
from ingest.features.failed.store import FailedDelivery
from ingest.identity.person import leads_of_addresses_in
from ingest.senders.catalogue import sender_of

_NOBODY = UUID(int=0)


def failed_delivery(
    received: ReceivedDelivery, reason: str, lead_ids: Sequence[UUID], id_key: bytes
) -> FailedDelivery:
    """The delivery whole, but for its address, signatures and credentials.

    It is the same for each attempt, and another for what is told apart by a header alone, or by
    nothing but its time. Nobody knows yet whether it is an enquiry or a fact, so the shorter of the
    source's horizons counts: what is kept twice becomes one event where it is one.
    """
    source, delivery = received.source, received.delivery
    received_at = received.receipt.received_at
    horizon = min(source.retry_horizon, source.repeat_horizon)
    alike = identity.digest_event_id(received.name, delivery.body, _NOBODY, received_at, horizon)
    repeated = sender_of(source).repeated(source, delivery)
    mentioned = leads_of_addresses_in(id_key, source.brand, delivery.body)
    return FailedDelivery(
        id=identity.named_id("failed-delivery", str(alike), *repeated),
        source=received.name,
        headers=delivery.headers,
        body=delivery.body,
        reason=reason,
        lead_ids=[*mentioned, *lead_ids],
        received_at=received_at,
    )
