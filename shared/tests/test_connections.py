"""Connections over real sockets: what is slow, endless or no HTTP is cut off."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
import uvicorn
from prometheus_client import CollectorRegistry
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from baton.connections import HEAD_BYTES, Bounds, bounded
from baton.metrics import HttpMetrics

PATIENCE = 60
"""For what must come; none of the tests waits so long for anything that must not."""
SOON = 0.3
NEVER = 600.0

Read = Callable[[], Awaitable[bytes]]


@dataclass(frozen=True)
class Client:
    """A connection of a client that says what it likes."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def says(self, *parts: bytes) -> None:
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()

    async def hears_all(self) -> bytes:
        """Until the server closes."""
        async with asyncio.timeout(PATIENCE):
            try:
                return await self.reader.read()
            except ConnectionResetError:
                return b""

    async def hears(self, text: bytes) -> None:
        async with asyncio.timeout(PATIENCE):
            await self.reader.readuntil(text)


@dataclass(frozen=True)
class Served:
    """A server on a port of its own."""

    port: int
    registry: CollectorRegistry

    def cut(self, why: str) -> float:
        return self.registry.get_sample_value("baton_connections_cut_total", {"why": why}) or 0

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield Client(reader, writer)
        finally:
            writer.transport.abort()


@asynccontextmanager
async def serving(
    app: ASGIApp, *, head: float = NEVER, idle: float = NEVER, most: int = 100
) -> AsyncIterator[Served]:
    registry = CollectorRegistry()
    bounds = Bounds(most, HttpMetrics(registry), head_seconds=head, idle_seconds=idle)
    config = uvicorn.Config(
        app, port=0, http=bounded(bounds), ws="none", lifespan="off", log_config=None
    )
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    ticking = asyncio.create_task(server.main_loop())
    try:
        yield Served(server.servers[0].sockets[0].getsockname()[1], registry)
    finally:
        server.should_exit = True
        await ticking
        server.force_exit = True
        await server.shutdown()


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    body = await Request(scope, receive).body()
    await PlainTextResponse(f"{scope['path']} took {len(body)}.")(scope, receive, send)


REQUEST = b"POST /%b HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"


async def test_requests_on_one_connection_are_answered_in_their_order() -> None:
    async with serving(echo) as served, served.client() as client:
        await client.says(REQUEST % b"a" + REQUEST % b"b", REQUEST % b"c")
        for name in (b"a", b"b", b"c"):
            await client.hears(b"/" + name + b" took 3.")


@pytest.mark.parametrize(
    "said",
    [b"", b"POST / HTTP/1.1\r\nHo", b"\r\n\r\n", REQUEST % b"a" + b"POST /b HT"],
    ids=["nothing", "a part of a head", "empty lines", "a part of a second head"],
)
async def test_a_head_that_does_not_come_is_not_waited_for(said: bytes) -> None:
    async with serving(echo, head=SOON) as served, served.client() as client:
        await client.says(said)
        await client.hears_all()
        assert served.cut("slow") == 1


async def test_a_slow_body_is_the_application_s_to_wait_for() -> None:
    async with serving(echo, head=SOON) as served, served.client() as client:
        await client.says((REQUEST % b"a")[:-1])
        async with served.client() as slow:
            await slow.hears_all()
        assert served.cut("slow") == 1
        await client.says(b"c")
        await client.hears(b"took 3.")


async def refusing(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("no", 413)(scope, receive, send)


async def test_what_is_left_of_a_body_after_the_answer_is_not_waited_for_long() -> None:
    async with serving(refusing, head=SOON) as served, served.client() as client:
        await client.says(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nabc")
        assert b"413" in await client.hears_all()
        assert served.cut("slow") == 1


async def test_a_client_that_does_not_read_its_answer_is_cut_off() -> None:
    ended = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while (await asyncio.wait_for(receive_now(receive), PATIENCE)) != "http.disconnect":
            await send({"type": "http.response.body", "body": b"x" * 500_000, "more_body": True})
        ended.set()

    async def receive_now(receive: Receive) -> str:
        waiting = asyncio.ensure_future(receive())
        await asyncio.wait({waiting}, timeout=0)
        if waiting.done():
            return str(waiting.result()["type"])
        waiting.cancel()
        return ""

    async with serving(app, idle=SOON) as served, served.client() as client:
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a socket's has it
        await client.says(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        async with asyncio.timeout(PATIENCE):
            await ended.wait()
        assert served.cut("does not read") == 1


LONG = b"x" * (HEAD_BYTES + 1)


@pytest.mark.parametrize(
    "parts",
    [
        [b"GET /" + LONG + b" HTTP/1.1\r\n\r\n"],
        [b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + LONG + b"\r\n\r\n"],
        [b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X-One: of many\r\n" * 5_000 + b"\r\n"],
        [b"GET / HTTP/1.1\r\nHost: x\r\nX-Endless: ", *[b"x" * 10_000] * 50],
        [b"GET /", *[b"x" * 10_000] * 50],
        [b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-End: "]
        + [b"x" * 10_000] * 50,
        [b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;"]
        + [b"x" * 10_000] * 50,
    ],
    ids=[
        "a path",
        "a header",
        "many headers",
        "an endless header",
        "an endless path",
        "an endless trailer",
        "an endless chunk extension",
    ],
)
async def test_a_head_that_is_too_long_is_refused(parts: list[bytes]) -> None:
    async with serving(echo) as served, served.client() as client:
        with contextlib.suppress(ConnectionError):  # it may be refused before all was said
            await client.says(*parts)
        answer = await client.hears_all()
        if answer:
            head, _, body = answer.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 431 ")
            assert json.loads(body)["title"] == "Headers too large"
        assert served.cut("long head") == 1


async def test_what_is_no_http_is_told_so_as_a_problem() -> None:
    async with serving(echo) as served, served.client() as client:
        await client.says(b"HELO example.com\r\n\r\n")
        head, _, body = (await client.hears_all()).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400 ")
        assert b"application/problem+json" in head
        assert json.loads(body)["title"] == "Broken HTTP"
        assert served.cut("not HTTP") == 1


async def test_a_request_that_came_whole_has_its_own_answer_whatever_comes_behind_it() -> None:
    async with serving(echo) as served, served.client() as client:
        await client.says(REQUEST % b"a" + REQUEST % b"b" + b"\x00 no HTTP\r\n\r\n")
        answer = await client.hears_all()
        assert b"/a took 3." in answer
        assert b" 400 " not in answer
        assert served.cut("not HTTP") == 1


async def test_a_body_that_is_broken_is_refused_and_ends_the_request() -> None:
    ended = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await echo(scope, receive, send)
        finally:
            ended.set()

    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with serving(app) as served, served.client() as client:
        await client.says(head + b"3\r\nabc\r\n", b"no length\r\n")
        assert (await client.hears_all()).startswith(b"HTTP/1.1 400 ")
        async with asyncio.timeout(PATIENCE):
            await ended.wait()


async def test_connections_over_the_bound_are_told_to_come_again_and_health_is_answered() -> None:
    get = b"GET /%b HTTP/1.1\r\nHost: x\r\n\r\n"
    async with serving(echo, most=1) as served, served.client() as first:
        await first.says(get % b"one")
        await first.hears(b"/one took 0.")
        async with served.client() as second:
            await second.says(get % b"healthz")
            await second.hears(b"/healthz took 0.")
            await second.says(get % b"two")
            answer = await second.hears_all()
            assert b" 503 " in answer
            assert b"retry-after: 5" in answer
        assert served.cut("too many") == 1
        await first.says(get % b"again")
        await first.hears(b"/again took 0.")
