"""The edge of an ingest process on a port of its own, and what it answered to whom."""

import asyncio
import json
import os
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from baton.metrics import HttpMetrics
from baton.policy.bundle import Bundle
from baton.service import http_server
from ingest.composition import WRITES
from ingest.settings import Settings
from ingest_tests.harness import Process, running

T = TypeVar("T")

TIMES = int(os.environ.get("FUZZ", "1"))
"""So many times as much is tried as `make test` does."""

_PATIENCE = 120


@dataclass(frozen=True, slots=True)
class Answers:
    """What the application answers, whether or not anybody is there to hear it."""

    app: ASGIApp
    statuses: set[int] = field(default_factory=set)
    taken: set[str] = field(default_factory=set)
    """Ids of events, and of deliveries that were kept."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = bytearray()

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.statuses.add(message["status"])
            body.extend(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, receive, noting)
        except Exception:
            self.statuses.add(500)
            raise
        self._note(bytes(body))

    def _note(self, body: bytes) -> None:
        for line in body.splitlines():
            try:
                told = json.loads(line)
            except ValueError:
                continue
            for each in (told, *told.get("results", ())) if isinstance(told, dict) else ():
                self.taken.update(each[key] for key in ("event_id", "delivery") if key in each)


@dataclass(frozen=True, repr=False)
class Served:
    """A process that serves in a thread of its own; tests that are not asynchronous may ask it."""

    loop: asyncio.AbstractEventLoop
    process: Process
    answers: Answers
    port: int

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What the work gives, done in the process's loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(_PATIENCE)

    async def stored(self) -> set[str]:
        """Ids of all that there is on topics and in tables."""
        found = {str(event.id) for topic in WRITES for event in await self.process.events(topic)}
        for query in (
            "SELECT event_id AS id FROM spool",
            "SELECT event_id AS id FROM quarantine",
            "SELECT id FROM delivery_failed",
        ):
            found |= {str(row["id"]) for row in await self.process.pool.fetch(query)}
        return found


@contextmanager
def served(settings: Settings, bundle: Bundle) -> Iterator[Served]:
    """A process that serves on a port of its own, as a deployment's does."""
    ready = threading.Event()
    found: list[Served] = []
    ending = asyncio.Event()

    async def serve() -> None:
        async with running(settings, bundle) as process:
            await process.circuit.closed.wait()
            answers = Answers(process.app)
            at_any = settings.model_copy(update={"port": 0})
            server = http_server(answers, at_any, HttpMetrics(CollectorRegistry()))
            serving = asyncio.create_task(server.serve())
            while not server.started:  # noqa: ASYNC110 - uvicorn tells nobody
                await asyncio.sleep(0.01)
            port = server.servers[0].sockets[0].getsockname()[1]
            found.append(Served(asyncio.get_running_loop(), process, answers, port))
            ready.set()
            await ending.wait()
            server.should_exit = True
            await serving

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(_PATIENCE), "the edge does not serve"
    try:
        yield found[0]
    finally:
        found[0].loop.call_soon_threadsafe(ending.set)
        thread.join(_PATIENCE)
