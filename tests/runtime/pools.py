"""A second kind of subject of the toy service: a pool, which counts what takes effect on it."""

from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel

from baton import identity, topics
from baton.events import SubjectEvent
from baton.policy.bundle import Bundle
from baton.runtime.decisions import Answer, Arm, Decision
from baton.runtime.inputs import ACTIVATION, CommandInput, EventInput, Input, TimerInput
from baton.subjects import Subject
from baton.topics import Topic

POOL = "pool"
RESTS = timedelta(seconds=0.3)
"""The time from a pool's command `rest` to its timer."""


class PoolChanged(SubjectEvent):
    """A pool's number of inputs that took effect; a type that only these tests know."""

    event_type: ClassVar[str] = "baton.pool.changed.v1"
    topic: ClassVar[Topic] = topics.LEAD_ACTIVITY

    pool_id: UUID
    total: int

    @property
    def about(self) -> Subject:
        return Subject(POOL, self.pool_id)


class Pool(BaseModel):
    """How often each kind of input took effect on a pool."""

    commands: list[str] = []
    timers: list[str] = []
    heard: int = 0
    activations: list[str] = []

    @property
    def total(self) -> int:
        return len(self.commands) + len(self.timers) + self.heard + len(self.activations)


def pool(name: str) -> Subject:
    return Subject(POOL, identity.named_id(POOL, name))


def decide(state: Pool | None, given: Input, bundle: Bundle, now: datetime) -> Decision[Pool, None]:
    """Count, say so, and arm a timer where the command asks for it."""
    after = before = state or Pool()
    arm: tuple[Arm, ...] = ()
    match given:
        case EventInput():
            return Decision(before.model_copy(update={"heard": before.heard + 1}))
        case TimerInput(name=name):
            after = before.model_copy(update={"timers": [*before.timers, name]})
        case CommandInput(kind=kind, body=body) if kind == ACTIVATION:
            assert isinstance(body, dict)
            assert body["hash"] == bundle.hash
            activations = [*before.activations, str(body["activation_id"])]
            after = before.model_copy(update={"activations": activations})
        case CommandInput(kind=kind, body=body):
            if kind == "poison":
                raise ValueError("the command is poison")
            arm = (Arm("rested", now + RESTS),) if kind == "rest" else ()
            after = before.model_copy(update={"commands": [*before.commands, f"{kind} {body}"]})
    event = PoolChanged(pool_id=given.subject.id, occurred_at=now, total=after.total)
    return Decision(after, events=[event], arm=arm, answer=Answer("counted", after.total))
