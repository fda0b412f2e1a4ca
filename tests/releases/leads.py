"""The leads of the test of two releases: what was sent of each, and what has come of it."""

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Any
from uuid import UUID

from baton import cloudevents
from baton.events import ActivityType, LeadActivity, LeadEvent
from tests.e2e import records
from tests.e2e.world import World
from tests.releases.newer import TRIAL
from tests.releases.processes import Process

SHARDS = 8
HALVES = (frozenset(range(SHARDS // 2)), frozenset(range(SHARDS // 2, SHARDS)))
"""The shards of each of two processes, as Kafka's group divides them."""
LATER = timedelta(days=1)


class Kind(IntEnum):
    """The rows of the newer release that a shard has. Each half has a shard of each kind."""

    FIELD = 0
    """The new field, and timers that wait to the end."""
    TIMER = 1
    """The new field, and timers that become due while both releases run."""
    COMMAND = 2
    """The new command."""
    NOTHING = 3


@dataclass
class Lead:
    """A lead, and what must come of it in the end.

    `activities` are all that were sent, `trials` those of them that the newer release decides on,
    `ended` those whose timer has become due, `notes` what is asked for by command.
    """

    id: UUID
    shard: int
    activities: list[UUID] = field(default_factory=list)
    views: int = 0
    trials: list[UUID] = field(default_factory=list)
    ended: list[UUID] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def kind(self) -> Kind:
        """By its shard."""
        return Kind(self.shard % len(Kind))


def new_lead(shard: int) -> Lead:
    """A lead of a shard, of which nothing is known."""
    return Lead(records.new_lead(shard, SHARDS), shard)


def of(leads: Iterable[Lead], *kinds: Kind) -> Sequence[Lead]:
    """The leads of these kinds."""
    return [lead for lead in leads if lead.kind in kinds]


@dataclass(frozen=True)
class Row:
    """The state that scoring keeps of a lead."""

    version: int
    state: Mapping[str, Any]

    @property
    def activities(self) -> frozenset[UUID]:
        """The ids of those that took effect."""
        return frozenset(self._ids(each["id"] for each in self.state["activities"]))

    @property
    def trials(self) -> Sequence[UUID]:
        """The field that the newer release has for the events."""
        return self._ids(self.state.get("trials", ()))

    @property
    def ended(self) -> Sequence[UUID]:
        """The field that it has for the timers."""
        return self._ids(self.state.get("ended", ()))

    @property
    def notes(self) -> Sequence[str]:
        """The field that it has for the commands."""
        return list(self.state.get("notes", ()))

    @staticmethod
    def _ids(texts: Iterable[str]) -> Sequence[UUID]:
        return [UUID(each) for each in texts]


@dataclass(frozen=True)
class Traffic:
    """Sends what is to be decided, and reads what scoring keeps; `leads` are those looked at."""

    world: World
    leads: Sequence[Lead]

    async def enquire(self, lead: Lead) -> None:
        """The first that scoring hears of a lead."""
        await self._put(records.captured(lead.id))

    async def view(self, leads: Iterable[Lead]) -> None:
        """An activity that both releases decide on alike; each changes the lead's score."""
        for lead in leads:
            lead.activities.append(await self._put(records.activity(lead.id)))
            lead.views += 1

    async def start_trials(self, leads: Iterable[Lead]) -> Mapping[UUID, UUID]:
        """An activity that the newer release does more with; gives the events' ids, by lead."""
        now = datetime.now(UTC)
        sent = {}
        for lead in leads:
            data = LeadActivity(
                lead_id=lead.id,
                occurred_at=now,
                received_at=now,
                source="website",
                type=ActivityType.TRIAL_STARTED,
                subject=(now + LATER).isoformat(),
            )
            sent[lead.id] = await self._put(data)
            lead.activities.append(sent[lead.id])
        return sent

    async def note(self, text: str, by: Process) -> None:
        """Give the new command to the API of a process, for each lead of the kind COMMAND."""

        async def ask(lead: Lead) -> None:
            url = f"{by.url}/v1/leads/{lead.id}/notes"
            answer = await self.world.http.post(url, json={"text": text})
            assert answer.status_code == 200, answer.text
            lead.notes.append(text)

        await asyncio.gather(*map(ask, of(self.leads, Kind.COMMAND)))

    async def end_trials(self) -> None:
        """Have the time come at which the timers of the kind TIMER are due."""
        await self.world.db.execute(
            "UPDATE scoring.timer SET due_at = clock_timestamp() "
            "WHERE name LIKE $1 AND shard % $2 = $3",
            f"{TRIAL}%",
            len(Kind),
            Kind.TIMER,
        )
        for lead in of(self.leads, Kind.TIMER):
            lead.ended = list(lead.trials)

    async def timers(self) -> Mapping[UUID, int]:
        """The versions of the new timers that wait, by the event that armed each."""
        rows = await self.world.db.fetch(
            "SELECT name, version FROM scoring.timer WHERE name LIKE $1", f"{TRIAL}%"
        )
        return {UUID(row["name"].removeprefix(TRIAL)): row["version"] for row in rows}

    async def rows(self) -> Mapping[UUID, Row]:
        """The states by lead."""
        rows = await self.world.db.fetch("SELECT id, version, state FROM scoring.subject")
        return {row["id"]: Row(row["version"], json.loads(row["state"])) for row in rows}

    async def dead_letters(self) -> Sequence[str]:
        """Why each of them is one."""
        rows = await self.world.db.fetch("SELECT reason FROM scoring.dead_letter")
        return [row["reason"] for row in rows]

    async def commands(self) -> int:
        """How many wait."""
        count: int = await self.world.db.fetchval("SELECT count(*) FROM scoring.command")
        return count

    async def _put(self, data: LeadEvent) -> UUID:
        event = records.event(data, data.lead_id)
        await self.world.wire.put(cloudevents.encode(event))
        return event.id
