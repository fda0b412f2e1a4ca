"""Counts the sent deliveries and their answers."""

from collections import Counter
from dataclasses import dataclass, field
from uuid import UUID

from baton_local.demo.plan import Kind


@dataclass(slots=True)
class Ledger:
    """Kept by those who send. Events are named by the id that ingest answered with."""

    planned: int
    deliveries: int = 0
    accepted: Counter[Kind] = field(default_factory=Counter)
    """Enquiries and activities; of a batch each line."""
    twice: int = 0
    refused: Counter[int] = field(default_factory=Counter)
    """By status; of a batch each line."""
    enquiries: dict[UUID, UUID] = field(default_factory=dict)
    """The lead of each."""
    sent_at: dict[UUID, float] = field(default_factory=dict)
    """When the request of each enquiry began, by the monotonic clock."""

    @property
    def leads(self) -> frozenset[UUID]:
        return frozenset(self.enquiries.values())

    @property
    def activities(self) -> int:
        return sum(count for kind, count in self.accepted.items() if not kind.enquiry)
