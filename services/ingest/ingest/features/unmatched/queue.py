"""Where a delivery waits until it is known whose it is."""

from collections.abc import Callable
from datetime import datetime, timedelta

from baton.cloudevents import Event
from baton.events import LeadEvent
from ingest.deadline import within
from ingest.errors import TryLaterError
from ingest.features.unmatched.store import Unnamed, WaitingTable
from ingest.identity.person import Person, leads_of_addresses_in
from ingest.metrics import IngestMetrics
from ingest.publish.publisher import addressed
from ingest.tables import WAITING_KEPT


def unnamed(event: Event[LeadEvent], source: str, person: Person, id_key: bytes) -> Unnamed:
    """An event with what may name its lead one day. Raises TooLargeError."""
    message = addressed(event, 1).message
    mentioned = leads_of_addresses_in(id_key, person.brand, message.value)
    return Unnamed(
        event_id=event.id,
        source=source,
        names=person.names(),
        message=message,
        lead_ids=[*person.possible(id_key), *mentioned],
        received_at=event.time,
    )


class UnmatchedQueue:
    """Stores unmatched deliveries up to a limit. Each process counts the rows from time to time."""

    def __init__(
        self,
        table: WaitingTable,
        most: int,
        patience: timedelta,
        clock: Callable[[], datetime],
        metrics: IngestMetrics,
    ) -> None:
        self._table = table
        self._most = most
        self._patience = patience
        self._clock = clock
        self._metrics = metrics
        self._rows = 0

    async def keep(self, delivery: Unnamed) -> None:
        """Have it wait.

        Raises TryLaterError where as much waits as may, and one of DATABASE_AWAY: then it may wait
        all the same.
        """
        if self._rows >= self._most:
            raise TryLaterError(
                "no lead with these names is known, and the queue of unmatched deliveries is full; "
                "retry later. `baton waiting list` shows the queue",
                title="Too much waits",
            )
        await within(self._patience, self._table.add(delivery))
        self._rows += 1

    async def give_up(self) -> None:
        """Keep to the retention of what waits."""
        self._metrics.given_up.inc(await self._table.delete_before(self._clock() - WAITING_KEPT))

    async def look(self) -> None:
        """Count what waits."""
        size = await self._table.size()
        self._rows = size.rows
        self._metrics.waiting_rows.set(size.rows)
        age = 0.0 if size.oldest is None else (self._clock() - size.oldest).total_seconds()
        self._metrics.waiting_age.set(age)
