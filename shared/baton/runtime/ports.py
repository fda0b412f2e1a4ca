"""The tables of a service, as the runner uses them."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol, TypeVar

import asyncpg
from pydantic import BaseModel

from baton.policy.bundle import Bundle
from baton.runtime.decisions import Row, Shared
from baton.runtime.errors import SharedRow
from baton.runtime.inputs import Input
from baton.subjects import Subject

State_contra = TypeVar("State_contra", bound=BaseModel, contravariant=True)


class Store(Protocol[State_contra, Shared]):
    """A service's tables beside the states of its subjects, which the runner itself keeps.

    All methods with a connection run inside the batch's transaction and work on sets.
    """

    @property
    def states(self) -> Mapping[str, type[BaseModel]]:
        """The model of the state by the kind of subject."""

    def version(self, state: State_contra) -> int:
        """The first version of the service that reads this state without losing anything of it."""

    async def lock(
        self,
        db: asyncpg.Connection,
        inputs: Sequence[Input],
        states: Mapping[Subject, State_contra],
        bundle: Bundle,
        missed: Collection[SharedRow],
    ) -> Shared:
        """Lock, in the one order of locks, and load what the subjects share and these inputs need.

        `missed` are the rows that an earlier attempt at this batch needed and had not locked.
        """

    async def save(self, db: asyncpg.Connection, rows: Sequence[Row], shared: Shared) -> None:
        """Write the rows of all decisions, in their order, and what is shared."""

    async def erase(self, db: asyncpg.Connection, subjects: Sequence[Subject]) -> None:
        """Remove what the service's own tables hold on these subjects."""
