"""Connections over real sockets: what is slow, endless or no HTTP is cut off."""

import asyncio
import contextlib
import hashlib
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
import uvicorn
from prometheus_client import CollectorRegistry
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from baton.connections import MAX_HEAD_BYTES, ConnectionLimits, limited_protocol
from baton.metrics import HttpMetrics

PATIENCE = 60
"""For what must come; none of the tests waits so long for anything that must not."""
SOON = 0.3
CLOSED = -1
NEVER = 600.0

Read = Callable[[], Awaitable[bytes]]


@dataclass(frozen=True)
class Client:
    """A connection of a client that says what it likes."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    arrivals: asyncio.Queue[int]
    """The sizes of the segments that the server has had; CLOSED where it takes no more."""

    async def says(self, *parts: bytes) -> None:
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()

    async def says_in_segments(self, *parts: bytes) -> None:
        """Each part after the server has had the one before it, unless it has closed."""
        while not self.arrivals.empty():
            self.arrivals.get_nowait()  # of an earlier connection
        for part in parts:
            await self.says(part)
            missing = len(part)
            async with asyncio.timeout(PATIENCE):
                while missing > 0:
                    size = await self.arrivals.get()
                    if size == CLOSED:
                        return
                    missing -= size

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
    arrivals: asyncio.Queue[int]

    def cut(self, why: str) -> float:
        return self.registry.get_sample_value("baton_connections_cut_total", {"why": why}) or 0

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield Client(reader, writer, self.arrivals)
        finally:
            writer.transport.abort()


@asynccontextmanager
async def serving(
    app: ASGIApp, *, head: float = NEVER, idle: float = NEVER, most: int = 100
) -> AsyncIterator[Served]:
    registry = CollectorRegistry()
    arrivals: asyncio.Queue[int] = asyncio.Queue()
    bounds = ConnectionLimits(most, HttpMetrics(registry), head_seconds=head, idle_seconds=idle)
    protocol = limited_protocol(bounds)

    class Observed(protocol):  # type: ignore[valid-type, misc]  # made by a function
        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            arrivals.put_nowait(CLOSED if self.transport.is_closing() else len(data))

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            arrivals.put_nowait(CLOSED)

    config = uvicorn.Config(
        app,
        port=0,
        http=Observed,
        ws="none",
        lifespan="off",
        log_config=None,
        date_header=False,
    )
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    ticking = asyncio.create_task(server.main_loop())
    try:
        yield Served(server.servers[0].sockets[0].getsockname()[1], registry, arrivals)
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


LONG = b"x" * (MAX_HEAD_BYTES + 1)


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


# --- requests that ask for another protocol


async def mirror(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with all that it was asked, but for the wish to switch."""
    request = Request(scope, receive)
    body = await request.body()
    asked = {
        "method": request.method,
        "version": scope["http_version"],
        "target": (scope["raw_path"] + b"?" + scope["query_string"]).decode(),
        "headers": [
            (name.decode(), value.decode("latin-1"))
            for name, value in scope["headers"]
            if name not in (b"connection", b"upgrade")
        ],
        "size": len(body),
        "body": hashlib.sha256(body).hexdigest(),
    }
    await JSONResponse(asked)(scope, receive, send)


H2C = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
WEBSOCKET = (
    b"Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
LARGE = bytes(range(256)) * 4_000
MANY_BYTES = 2_000


def post(body: bytes, more: bytes = b"", path: bytes = b"/a") -> bytes:
    """A request with the place marked where the wish to switch belongs."""
    head = b"POST %b HTTP/1.1\r\nHost: x\r\n<HERE>" % path
    return head + b"Content-Length: %d\r\n%b\r\n%b" % (len(body), more, body)


def chunks(body: bytes, size: int, trailers: bytes = b"") -> bytes:
    head = b"POST /c?q=1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n<HERE>\r\n"
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    sent = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return head + sent + b"0\r\n" + trailers + b"\r\n"


LAST = b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
ENDS = (b"Connection: close", b"HTTP/1.0")
"""What has a connection closed behind the answer."""

REQUESTS = {
    "a body": post(b"abc"),
    "no body": b"GET /a?b=c%20d HTTP/1.1\r\nHost: x\r\n<HERE>\r\n",
    "an empty body": post(b""),
    "a body that is a request": post(SMUGGLED),
    "a body that is no request": post(b'{"email": "a@example.com"}\r\n\r\n'),
    "chunks": chunks(b"abc" * 9, 5),
    "chunks that are requests": chunks(SMUGGLED * 3, len(SMUGGLED)),
    "trailers that ask as well": chunks(b"abc", 2, H2C),
    "a large body": post(LARGE),
    "large chunks": chunks(LARGE, 100_000),
    "requests behind it": post(b"abc") + REQUEST % b"b" + post(b"de", path=b"/f") + REQUEST % b"g",
    "several that ask": post(b"abc", path=b"/1") + chunks(b"def", 2) + post(SMUGGLED, path=b"/2"),
    "very many that ask": post(b"abc") * 2_000,
    "another one before it": REQUEST % b"b" + post(b"abc"),
    "the old version": post(b"abc", b"Connection: keep-alive\r\n").replace(b"P/1.1", b"P/1.0"),
    "an end of the connection": post(b"abc", b"Connection: close\r\n"),
    "a body that waits to be asked for": post(b"abc", b"Expect: 100-continue\r\n"),
    "a coding that is not known": chunks(b"abc", 2).replace(b"chunked", b"gzip"),
    "two lengths": post(b"abc", b"Content-Length: 4\r\n"),
    "a length and chunks": post(b"abc", b"Transfer-Encoding: chunked\r\n"),
    "empty headers": post(b"abc", b"X-Empty:\r\nX-Blank: \t\r\n"),
}


def whole(said: bytes) -> list[bytes]:
    return [said]


def behind_each_head(said: bytes) -> list[bytes]:
    """A segment for each head, and for what follows it up to the next."""
    parts = said.split(b"\r\n\r\n")
    return [part for part in [*(each + b"\r\n\r\n" for each in parts[:-1]), parts[-1]] if part]


def by_bytes(said: bytes) -> list[bytes]:
    return [said[at : at + 1] for at in range(len(said))]


async def heard(served: Served, parts: Sequence[bytes]) -> bytes:
    """All that the server answers, until it closes."""
    async with served.client() as client:
        answer = asyncio.create_task(client.hears_all())
        await client.says_in_segments(*parts)
        return await answer


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "cut"),
    [
        (name, cut)
        for name, said in REQUESTS.items()
        for cut in (whole, behind_each_head, by_bytes)
        if cut is not by_bytes or len(said) < MANY_BYTES
    ],
)
async def test_a_request_that_asks_for_an_upgrade_has_the_answer_that_it_has_without(
    name: str, cut: Callable[[bytes], list[bytes]]
) -> None:
    said = REQUESTS[name]
    said += b"" if any(end in said for end in ENDS) else LAST
    async with serving(mirror) as served:
        for wish in (H2C, WEBSOCKET):
            without = re.sub(rb"Upgrade: .*\r\n", b"", wish)
            plain = await heard(served, cut(said.replace(b"<HERE>", without)))
            asking = await heard(served, cut(said.replace(b"<HERE>", wish)))
            assert plain.startswith(b"HTTP/1.1 ")
            assert asking == plain
            assert b"/smuggled" not in plain


@pytest.mark.parametrize(
    "said",
    [
        b"CONNECT example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(SMUGGLED),
        b"CONNECT / HTTP/1.1\r\nHost: x\r\n" + H2C + b"\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
    ids=["a tunnel", "a tunnel to us", "a tunnel with a body", "a tunnel that asks", "HTTP/2"],
)
@pytest.mark.parametrize("cut", [whole, behind_each_head])
async def test_what_switches_without_asking_is_refused_with_all_that_follows(
    said: bytes, cut: Callable[[bytes], list[bytes]]
) -> None:
    async with serving(mirror) as served, served.client() as client:
        with contextlib.suppress(ConnectionError):  # it may be refused before all was said
            await client.says(*cut(said + SMUGGLED))
        answer = await client.hears_all()
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert answer.count(b"HTTP/1.1 ") == 1
