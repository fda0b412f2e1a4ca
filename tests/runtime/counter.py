"""A toy service: it counts what it is told of a lead, and says so. Its domain is nothing else."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
from pydantic import AwareDatetime, BaseModel, JsonValue

from baton import topics
from baton.events import (
    LeadActivity,
    LeadCaptured,
    LeadErased,
    LeadFollowup,
    LeadScored,
    Profile,
    Score,
    Stage,
)
from baton.policy.bundle import Bundle
from baton.runtime.decisions import Answer, Arm, Ask, Decision, Row
from baton.runtime.errors import SharedRow
from baton.runtime.inputs import CommandInput, EventInput, Input, Subscription, TimerInput
from baton.subjects import LEAD, Subject
from tests.runtime import pools
from tests.runtime.pools import POOL, Pool, PoolChanged, pool

SUBSCRIPTION = Subscription(
    topics=(
        topics.LEAD_CAPTURED,
        topics.LEAD_ACTIVITY,
        topics.LEAD_FOLLOWUP,
        topics.LEAD_SCORED,
        topics.LEAD_IDENTITY,
    ),
    uses=(LeadCaptured, LeadFollowup, LeadScored, LeadErased, PoolChanged),
)


class Count(BaseModel):
    """How often each kind of input took effect on a lead, and when it was captured last."""

    captured: int = 0
    captured_at: AwareDatetime | None = None
    followups: int = 0
    scored: int = 0
    timers: list[str] = []
    commands: int = 0
    facts_complete: bool = True


@dataclass(frozen=True, slots=True)
class CountRow(Row):
    """A row that PostgreSQL itself checks: `amount` must fit into a smallint."""

    lead_id: UUID
    amount: int


Kept = Count | Pool
"""The state of a subject, of either kind."""


def decide(
    state: Kept | None, shared: None, given: Input, bundle: Bundle, now: datetime
) -> Decision[Kept, None]:
    """Count; what the follow-up's answers ask for, they get: see the tests."""
    if given.subject.kind == POOL:
        assert state is None or isinstance(state, Pool)
        decision: Decision[Any, None] = pools.decide(state, given, bundle, now)
        return decision
    assert state is None or isinstance(state, Count)
    count = state or Count()
    match given:
        case EventInput(event=event):
            return _on_event(count, event.data, now)
        case TimerInput():
            count = count.model_copy(
                update={
                    "timers": [*count.timers, given.name],
                    "facts_complete": given.facts_complete,
                }
            )
            return Decision(count, events=[told(given.subject.id, given.due_at, count)])
        case CommandInput():
            if given.body == "poison":
                raise ValueError("the command is poison")
            count = count.model_copy(update={"commands": count.commands + 1})
            return Decision(
                count,
                events=[told(given.subject.id, now, count)],
                answer=Answer("counted", {"commands": count.commands}),
            )


def _on_event(count: Count, data: object, now: datetime) -> Decision[Kept, None]:
    if isinstance(data, LeadErased):
        return _on_erased(count, data)
    if isinstance(data, LeadScored):
        return Decision(count.model_copy(update={"scored": count.scored + 1}))
    if isinstance(data, LeadFollowup):
        return _on_followup(count.model_copy(update={"followups": count.followups + 1}), data, now)
    assert isinstance(data, LeadCaptured | LeadActivity)
    count = count.model_copy(
        update={"captured": count.captured + 1, "captured_at": data.occurred_at}
    )
    return Decision(count, events=[told(data.lead_id, data.occurred_at, count)])


def _on_erased(count: Count, data: LeadErased) -> Decision[Kept, None]:
    """The last capture begins anew where it was later, with a row and a timer to see that by."""
    if count.captured_at is None or count.captured_at <= data.occurred_at:
        return Decision(None)
    anew = Count(captured=1, captured_at=count.captured_at)
    return Decision(
        anew,
        events=[told(data.lead_id, count.captured_at, anew)],
        arm=[Arm("anew", count.captured_at + timedelta(days=1))],
        rows=[CountRow(data.lead_id, 77)],
    )


def _on_followup(count: Count, data: LeadFollowup, now: datetime) -> Decision[Kept, None]:
    asked = data.answers
    if asked.get("poison"):
        raise ValueError("this fact is poison")
    arm: Sequence[Arm] = ()
    if "arm" in asked:
        seconds = timedelta(seconds=float(str(asked["arm"])))
        version = int(str(asked.get("version", 1)))
        arm = [Arm("t", now + seconds, accuses=bool(asked.get("accuses")), version=version)]
    rows: Sequence[Row] = ()
    if "amount" in asked:
        rows = [CountRow(data.lead_id, int(str(asked["amount"])))]
    events = [told(data.lead_id, data.occurred_at, count, large=int(str(asked.get("large", 0))))]
    return Decision(
        count,
        events=events if asked.get("tell") or asked.get("large") else (),
        arm=arm,
        cancel=["t"] if asked.get("cancel") else (),
        rows=rows,
        ask=[Ask(pool(str(asked["pool"])), "take", str(data.lead_id))] if "pool" in asked else (),
    )


def told(lead_id: UUID, occurred_at: datetime, count: Count, large: int = 0) -> LeadScored:
    """What the counter publishes; `score.total` is the number of inputs that took effect."""
    total = count.captured + count.followups + len(count.timers) + count.commands
    return LeadScored(
        lead_id=lead_id,
        occurred_at=occurred_at,
        cause=lead_id,
        enquiry=None,
        new_enquiry=False,
        score=Score(fit=0, engagement=0, total=total, grade="A"),
        stage_before=None,
        stage=Stage.LEAD,
        reasons=(),
        profile=Profile(brand="b", source="s", custom={f"c{i}": "x" * 900 for i in range(large)}),
    )


Hook = Callable[[asyncpg.Connection, Sequence[Input]], Awaitable[None]]


@dataclass(slots=True)
class CounterStore:
    """Has a table of amounts; `on_lock` and `on_save` let a test stop the process in between."""

    on_lock: Hook | None = None
    on_save: Callable[[asyncpg.Connection], Awaitable[None]] | None = None
    states: Mapping[str, type[BaseModel]] = field(default_factory=lambda: {LEAD: Count, POOL: Pool})

    def version(self, state: Kept) -> int:
        return 1

    async def lock(
        self,
        db: asyncpg.Connection,
        inputs: Sequence[Input],
        states: Mapping[Subject, Kept],
        bundle: Bundle,
        missed: Collection[SharedRow],
    ) -> None:
        if self.on_lock is not None:
            await self.on_lock(db, inputs)

    async def save(self, db: asyncpg.Connection, rows: Sequence[Row], shared: None) -> None:
        for row in rows:
            assert isinstance(row, CountRow)
            await db.execute(
                "INSERT INTO amount (lead_id, amount) VALUES ($1, $2::bigint::smallint)",
                row.lead_id,
                row.amount,
            )
        if self.on_save is not None:
            await self.on_save(db)

    async def erase(self, db: asyncpg.Connection, subjects: Sequence[Subject]) -> None:
        ids = [subject.id for subject in subjects]
        await db.execute("DELETE FROM amount WHERE lead_id = ANY($1::uuid[])", ids)


def total_of(value: JsonValue) -> int:
    """`score.total` of a told event's data."""
    return LeadScored.model_validate(value).score.total
