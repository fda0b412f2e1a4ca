"""Erasure, whole: what an erased subject takes with it, and what begins anew after it.

The rules are pure; `apply` writes one erasure to the tables of the runner and of the service.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import asyncpg

from baton import identity
from baton.events import LeadErased
from baton.runtime.batch import Item
from baton.runtime.decisions import Shared, State
from baton.runtime.effects import Effects, Erasure
from baton.runtime.inputs import EventInput, Input
from baton.runtime.ports import Store
from baton.subjects import Subject


def erased(cause: Input | None) -> LeadErased | None:
    """The erasure that an input asks for, if it does."""
    if isinstance(cause, EventInput) and isinstance(cause.event.data, LeadErased):
        return cause.event.data
    return None


def forgotten(cause: Input, erased_at: datetime | None) -> bool:
    """Whether an input is about a time before its subject was erased."""
    if erased_at is None:
        return False
    if isinstance(cause, EventInput):
        return cause.event.data.occurred_at <= erased_at
    return cause.time <= erased_at


def inbox_ids(event: EventInput, erased_at: datetime | None) -> tuple[UUID, ...]:
    """The ids under which the inbox knows an event that was applied."""
    if erased_at is None or event.time <= erased_at:
        return (event.id,)
    return (event.id, _id_since(event.id, erased_at))


def new_ids(
    items: Sequence[Item],
    known: Collection[UUID],
    tombstones: Mapping[Subject, datetime],
) -> dict[UUID, UUID]:
    """New ids for events whose old ids are in the inbox from before an erasure (`known`), by old
    id. After an erasure the same form submission must count as a new enquiry. Its event id is
    derived from its content, so the inbox has it already. A fresh id is derived from the old id and
    the time of the erasure; the events that follow get new ids too. The caller must check whether
    the inbox has the new ids as well: then the event is a duplicate.
    """
    again = [
        item.input
        for item in items
        if isinstance(item.input, EventInput)
        and item.input.id in known
        and erased(item.input) is None
    ]
    if not again:
        return {}
    erased_at = dict(tombstones)
    for item in items:
        data = erased(item.input)
        if data is not None and item.input is not None and item.input.id not in known:
            erased_at[data.about] = data.occurred_at
    return {
        input_id.id: _id_since(input_id.id, erased_at[input_id.subject])
        for input_id in again
        if input_id.subject in erased_at and input_id.time > erased_at[input_id.subject]
    }


def rename(items: Sequence[Item], names: Mapping[UUID, UUID]) -> Iterator[Item]:
    """The items, with the new ids for their events."""
    for item in items:
        if isinstance(item.input, EventInput) and item.input.id in names:
            event = replace(item.input.event, id=names[item.input.id])
            yield replace(item, input=EventInput(event))
        else:
            yield item


def prune(effects: Effects[State, Shared], subject: Subject) -> None:
    """Remove the effects of the batch so far for a subject that is erased now. Its unpublished
    events are dropped, so a `sequence` may be missing. Commands of the subject to other subjects
    stay.
    """
    effects.outbox = [row for row in effects.outbox if row.key != subject.key]
    effects.commands = [command for command in effects.commands if command.ask.subject != subject]
    effects.answers = [answer for answer in effects.answers if answer.subject != subject]
    effects.poisons = [
        poison
        for poison in effects.poisons
        if poison.item.input is None or poison.item.input.subject != subject
    ]
    effects.rearmed = [timer for timer in effects.rearmed if timer.subject != subject]
    for timer in [timer for timer in effects.timers if timer[0] == subject]:
        effects.timers[timer] = None


async def apply(db: asyncpg.Connection, store: Store[State, Shared], erasure: Erasure) -> None:
    """Remove what the tables hold on a subject, but for its row, which is the tombstone."""
    subject = erasure.subject
    await store.erase(db, [subject])
    if erasure.unpublished:
        await db.execute("DELETE FROM outbox WHERE key = $1", subject.key)
    # A record that could not be read does not say what it is about: where it has the id in its
    # text, it goes.
    await db.execute(
        """
        DELETE FROM dead_letter WHERE subject_kind = $1 AND subject_id = $2 OR key = $3
            OR subject_id IS NULL AND (
                position($3 IN value) > 0 OR position(encode($3, 'hex') IN headers::text) > 0)
        """,
        subject.kind,
        subject.id,
        subject.key,
    )
    for statement in (
        "DELETE FROM timer WHERE subject_kind = $1 AND subject_id = $2",
        "DELETE FROM answer WHERE subject_kind = $1 AND subject_id = $2",
    ):
        await db.execute(statement, subject.kind, subject.id)
    await db.execute(
        "DELETE FROM command WHERE subject_kind = $1 AND subject_id = $2 AND made_at <= $3",
        subject.kind,
        subject.id,
        erasure.erased_at,
    )


def _id_since(event_id: UUID, erased_at: datetime) -> UUID:
    return identity.following_id(event_id, erased_at, "since erasure", 0)
