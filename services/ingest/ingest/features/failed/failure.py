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
    """The whole delivery, without its address, signatures and credentials. Each retry gives the
    same id; deliveries that differ only in a header or in their time give different ids. It is not
    known yet whether the delivery is an enquiry or another fact, so the shorter horizon of the
    source counts. If the same delivery is stored twice, its replays become one event.
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
