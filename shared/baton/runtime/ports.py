"""What a service's `store.py` offers to the runner."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

import asyncpg

from baton.policy.bundle import Bundle
from baton.runtime.inputs import Input, Row, Shared, State


class Store(Protocol[State, Shared]):
    """A service's tables beside the lead's state, which the runner itself keeps.

    All three run inside the batch's transaction and work on sets.
    """

    @property
    def state(self) -> type[State]:
        """The model of a lead's state."""

    async def lock(
        self,
        db: asyncpg.Connection,
        given: Sequence[Input],
        states: dict[UUID, State],
        bundle: Bundle,
    ) -> Shared:
        """Lock, in one order, and load what the shards share and these inputs may need."""

    async def save(self, db: asyncpg.Connection, rows: Sequence[Row], shared: Shared) -> None:
        """Write the rows of all decisions, in their order, and what is shared."""

    async def erase(self, db: asyncpg.Connection, lead_ids: Sequence[UUID]) -> None:
        """Remove what the service's own tables hold on these leads."""
