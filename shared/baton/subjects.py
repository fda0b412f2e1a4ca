"""The subject of an input: a lead, or another thing that has state, timers and commands."""

from dataclasses import dataclass
from typing import Self
from uuid import UUID

from baton import identity

LEAD = "lead"


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """A kind and an id.

    The id of a subject that is known by a name follows from both: `named_id("pool", "emea")`.
    """

    kind: str
    id: UUID

    @classmethod
    def lead(cls, lead_id: UUID) -> Self:
        """A lead."""
        return cls(LEAD, lead_id)

    @property
    def key(self) -> bytes:
        """The key of its records in Kafka."""
        return str(self.id).encode()

    def shard(self, shards: int) -> int:
        """The shard that it belongs to, of so many."""
        return identity.shard_of(self.key, shards)
