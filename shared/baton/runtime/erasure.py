"""A person who was erased: what is forgotten with them, and what begins anew after it."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import asyncpg

from baton import identity
from baton.events import LeadErased
from baton.runtime import store
from baton.runtime.batch import Batch, Item
from baton.runtime.inputs import EventInput, Input


def erased(given: Input | None) -> LeadErased | None:
    """What an input says of an erasure, if it is one."""
    if isinstance(given, EventInput) and isinstance(given.event.data, LeadErased):
        return given.event.data
    return None


def forgotten(given: Input, erased_at: datetime | None) -> bool:
    """Whether an input tells of a time before the person was erased."""
    if erased_at is None:
        return False
    if isinstance(given, EventInput):
        return given.event.data.occurred_at <= erased_at
    return given.time <= erased_at


def notes(given: EventInput, erased_at: datetime | None) -> tuple[UUID, ...]:
    """The ids under which the inbox knows an event from now on."""
    if erased_at is None or given.time <= erased_at:
        return (given.id,)
    return (given.id, _id_since(given.id, erased_at))


async def told_anew(db: asyncpg.Connection, batch: Batch, known: Collection[UUID]) -> Batch:
    """The batch, with ids of their own for events whose ids were used up before an erasure.

    Who is erased and then sends the very same form again is a new enquiry, though its id, which
    follows from what was sent, is one that the inbox knows; what follows from it gets new ids too.
    A copy of either on the wire is still a duplicate, and so is an erasure that is told again.
    """
    again = [
        item.given
        for item in batch.items
        if isinstance(item.given, EventInput)
        and item.given.id in known
        and erased(item.given) is None
    ]
    if not again:
        return batch
    erased_at = {
        **await store.tombstones(db, {given.lead_id for given in again}),
        **{
            data.lead_id: data.occurred_at
            for item in batch.items
            if (data := erased(item.given)) is not None
            and item.given is not None
            and item.given.id not in known
        },
    }
    anew = {
        given.id: _id_since(given.id, erased_at[given.lead_id])
        for given in again
        if given.lead_id in erased_at and given.time > erased_at[given.lead_id]
    }
    there = await store.noted(db, anew.values())
    return _renamed(batch, {old: new for old, new in anew.items() if new not in there})


def _renamed(batch: Batch, names: Mapping[UUID, UUID]) -> Batch:
    def renamed(item: Item) -> Item:
        given = item.given
        if not isinstance(given, EventInput) or given.id not in names:
            return item
        return replace(item, given=EventInput(replace(given.event, id=names[given.id])))

    return replace(batch, items=[renamed(item) for item in batch.items])


def _id_since(event_id: UUID, erased_at: datetime) -> UUID:
    return identity.following_id(event_id, erased_at, "since erasure", 0)
