"""A deployment as a test meets it: HTTP in, topics and APIs out, and a look into the database."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import httpx
from pydantic import JsonValue

from baton.cloudevents import Event
from baton.events import LeadRouted
from tests.e2e.deployment import Deployment
from tests.e2e.people import Person
from tests.e2e.wire import PATIENCE, Wire, open_wire

Found = TypeVar("Found")


@dataclass(frozen=True)
class IntakeResult:
    """What the sender of a delivery was told."""

    lead_id: UUID
    event_id: UUID
    state: str

    @classmethod
    def of(cls, answer: httpx.Response) -> "IntakeResult":
        told = answer.json()
        return cls(UUID(told["lead_id"]), UUID(told["event_id"]), told["state"])


@dataclass(frozen=True)
class World:
    """`http` sends the deployment's token, `db` sees every schema."""

    deployment: Deployment
    http: httpx.AsyncClient
    wire: Wire
    db: asyncpg.Connection

    async def get(self, service: str, path: str) -> Any:
        """What a service's API answers."""
        answer = await self.http.get(self.deployment.url(service) + path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def status(self, service: str, path: str) -> int:
        """The status that a service's API answers with; 0 where nobody answers."""
        try:
            return (await self.http.get(self.deployment.url(service) + path)).status_code
        except httpx.TransportError:
            return 0

    async def post(
        self,
        service: str,
        path: str,
        body: Mapping[str, object],
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """What a service's API answers."""
        return await self.http.post(
            self.deployment.url(service) + path, json=body, headers=dict(headers or {})
        )

    async def send(
        self, path: str, body: Mapping[str, object], headers: Mapping[str, str] | None = None
    ) -> IntakeResult:
        """Send to intake what it takes."""
        answer = await self.post("ingest", path, body, headers)
        assert answer.status_code == 202, answer.text
        return IntakeResult.of(answer)

    async def enquire(self, who: Person, pool: str = "patient", **more: JsonValue) -> IntakeResult:
        """Leave an enquiry."""
        return await self.send("/v1/leads", who.enquiry(pool, **more))

    async def follow_up(self, lead_id: UUID, kind: str, **more: JsonValue) -> IntakeResult:
        """Tell what a rep or a CRM did."""
        body = {"source": "website", "lead_id": str(lead_id), "type": kind, **more}
        return await self.send("/v1/followups", body)

    async def routed(self, lead_id: UUID, attempt: int = 1) -> Event[LeadRouted]:
        """That a rep has the lead, once it is told."""
        return await self.wire.event(LeadRouted, lead_id, lambda data: data.attempt == attempt)

    async def ready(self, *services: str) -> None:
        """Once these are."""
        for service in services:
            await eventually(partial(self._is_ready, service))

    async def _is_ready(self, service: str) -> bool:
        return await self.status(service, "/readyz") == 200


@asynccontextmanager
async def open_world(
    deployment: Deployment, *, from_the_beginning: bool = False
) -> AsyncIterator[World]:
    """`from_the_beginning`: whether to see what the topics have already."""
    db = await asyncpg.connect(deployment.database_url)
    try:
        async with (
            open_wire(deployment.kafka, from_the_beginning=from_the_beginning) as wire,
            httpx.AsyncClient(
                headers={"Authorization": f"Bearer {deployment.token}"}, timeout=60, trust_env=False
            ) as http,
        ):
            yield World(deployment, http, wire, db)
    finally:
        await db.close()


async def eventually(look: Callable[[], Awaitable[Found | None]]) -> Found:
    """What `look` finds, once it finds something."""
    async with asyncio.timeout(PATIENCE):
        while not (found := await look()):  # noqa: ASYNC110 - other processes don't tell when
            await asyncio.sleep(0.05)
    return found
