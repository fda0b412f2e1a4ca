"""Requests to forget a person: every lead that the person may be."""

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from ingest.capture import events
from ingest.capture.events import erasure_id
from ingest.capture.intake import Intake, IntakeResult
from ingest.capture.receipt import Receipt
from ingest.capture.submissions import ErasureIn, PersonIn, validation
from ingest.deadline import DATABASE_AWAY
from ingest.errors import RejectedError, StorageAwayError
from ingest.identity.aliases import name_by_external_id
from ingest.identity.person import Person, full_name
from ingest.policy.sources import sources_of

SamePerson = Callable[[Sequence[UUID]], Awaitable[list[UUID]]]
"""These leads, and others of the same person. Raises one of DATABASE_AWAY."""

_SOURCE = "privacy"
"""Requests are counted under this name."""


class Erasures:
    """Takes requests to forget a person. Each method raises IntakeError."""

    def __init__(self, intake: Intake, same_person: SamePerson, id_key: bytes) -> None:
        self._intake = intake
        self._same_person = same_person
        self._id_key = id_key

    async def take(self, request: ErasureIn, receipt: Receipt) -> list[IntakeResult]:
        """Have every lead forgotten that the person may be, in all brands unless one is given."""
        bundle = self._intake.bundle()
        results = []
        for lead_id in await self.leads_of(request):
            with validation():
                data = events.erased(lead_id, request, receipt)
                id_ = erasure_id(lead_id, request, receipt)
                event = events.event(data, id_, receipt, bundle)
            results.append(await self._intake.publish(event, _SOURCE))
        return results

    async def leads_of(self, person: PersonIn) -> list[UUID]:
        """Every lead that a person may be.

        They are the leads that the given names would make, and the leads that share a CRM or sender
        record with them. Raises StorageAwayError while the aliases cannot be read, because then the
        list would be incomplete.
        """
        found = await self._named(person)
        try:
            return await self._same_person(found)
        except DATABASE_AWAY as error:
            raise StorageAwayError from error

    async def _named(self, request: PersonIn) -> list[UUID]:
        bundle = self._intake.bundle()
        if request.lead_id is not None:
            return [request.lead_id]
        if request.source is None and (request.external_id or request.phone):
            raise RejectedError(
                "is needed, because the external_id or phone belongs to one source", "source"
            )
        brands = {source.brand for source in sources_of(bundle).values()}
        found: dict[UUID, None] = {}
        for brand in sorted(brands) if request.brand is None else [request.brand]:
            person = Person(
                brand=brand,
                source=request.source or "",
                email=request.email,
                external_id=request.external_id,
                phone=request.phone,
                name=full_name(request.first_name, request.last_name),
            )
            found |= dict.fromkeys(
                named_person.lead_id for named_person in person.all(self._id_key)
            )
            name = name_by_external_id(brand, request.source or "", request.external_id)
            if name is not None:
                found |= dict.fromkeys((await self._intake.known([name]))[name])
        return list(found)
