"""What the services' APIs tell, as far as it is judged."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

import httpx
from pydantic import AwareDatetime, BaseModel, TypeAdapter

_AT_ONCE = 16
_OK, _ACCEPTED, _NOT_FOUND = 200, 202, 404
Told = TypeVar("Told")


class Known(BaseModel):
    """Something with an id."""

    id: UUID


class ScoreChange(BaseModel):
    """One of a lead's score history."""

    number: int
    event_id: UUID
    stage: str


class Lead(BaseModel):
    """What scoring knows of a lead."""

    stage: str | None
    enquiries: tuple[Known, ...]
    activities: int
    followups: tuple[Known, ...]
    history: tuple[ScoreChange, ...]


class Assignment(BaseModel):
    """Who had a lead from when to when."""

    id: UUID
    rep: str
    assigned_at: AwareDatetime
    accepted_at: AwareDatetime | None
    worked_at: AwareDatetime | None
    ended_at: AwareDatetime | None
    ended_code: str | None


class Decision(BaseModel):
    """One that routing made about a lead."""

    id: UUID
    code: str


class Ownership(BaseModel):
    """What routing knows of a lead."""

    current: Assignment | None
    assignments: tuple[Assignment, ...]
    decisions: tuple[Decision, ...]


class Clock(BaseModel):
    """A promise about an assignment."""

    clock_id: UUID
    assignment_id: UUID
    target: str
    state: str
    due_at: AwareDatetime


class Clocks(BaseModel):
    """What the monitor knows of a lead."""

    clocks: tuple[Clock, ...]


class Rep(BaseModel):
    """A rep, and how many leads count against the rep's capacity."""

    id: str
    open_leads: int


class Letter(BaseModel):
    """A dead letter."""

    id: UUID
    kind: str
    topic: str | None
    offset: int | None
    shard: int
    lead_id: UUID | None
    reason: str
    failed_at: AwareDatetime
    replayed_at: AwareDatetime | None


@dataclass(frozen=True, slots=True)
class Replayed:
    """What was asked for: that a dead letter is decided on again."""

    service: str
    letter: Letter
    accepted: bool
    """It has been, or will be."""


_REPS = TypeAdapter(Mapping[str, tuple[Rep, ...]])
_LETTERS = TypeAdapter(tuple[Letter, ...])
_PAGE = 500


class Apis:
    """The APIs of a deployment; `urls` are those of each service's processes."""

    def __init__(self, http: httpx.AsyncClient, urls: Mapping[str, Sequence[str]]) -> None:
        self._http = http
        self._urls = urls
        self._room = {service: asyncio.Semaphore(_AT_ONCE) for service in urls}

    async def lead(self, lead_id: UUID) -> Lead | None:
        """None where scoring does not know it."""
        path = f"/v1/leads/{lead_id}?history=500"
        return await self._get("scoring", path, TypeAdapter(Lead))

    async def ownership(self, lead_id: UUID) -> Ownership | None:
        """None where routing does not know it."""
        path = f"/v1/leads/{lead_id}/assignments?decisions=1000"
        return await self._get("routing", path, TypeAdapter(Ownership))

    async def clocks(self, lead_id: UUID) -> tuple[Clock, ...]:
        """Its clocks; none where the monitor does not know it."""
        found = await self._get("sla_monitor", f"/v1/leads/{lead_id}/clocks", TypeAdapter(Clocks))
        return found.clocks if found else ()

    async def reps(self) -> tuple[Rep, ...]:
        """All of them."""
        found = await self._get("routing", "/v1/reps", _REPS)
        return found["reps"] if found else ()

    async def letters(self, service: str) -> list[Letter]:
        """All dead letters of a service, those that were replayed too."""
        found: dict[UUID, Letter] = {}
        before = ""
        while True:
            path = f"/v1/dead-letters?limit={_PAGE}&replayed=true{before}"
            page = await self._get(service, path, _LETTERS) or ()
            found |= {letter.id: letter for letter in page}
            if len(page) < _PAGE:
                return list(found.values())
            oldest = page[-1].failed_at.isoformat().replace("+00:00", "Z")
            before = f"&before={oldest}"

    async def replay(self, service: str, letter: Letter) -> Replayed:
        """Have a dead letter decided on again."""
        path = f"/v1/dead-letters/{letter.id}/replay"
        answer = await self._http.post(self._url(service, letter.id) + path, json={})
        return Replayed(service, letter, answer.status_code in {_OK, _ACCEPTED})

    async def _get(self, service: str, path: str, model: TypeAdapter[Told]) -> Told | None:
        async with self._room[service]:
            answer = await self._http.get(self._url(service, path) + path)
        if answer.status_code == _NOT_FOUND:
            return None
        return model.validate_json(answer.raise_for_status().content)

    def _url(self, service: str, by: object) -> str:
        urls = self._urls[service]
        return urls[hash(by) % len(urls)]
