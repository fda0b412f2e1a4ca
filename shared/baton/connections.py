"""HTTP connections that are bounded: in their number, their requests' heads, and in idling.

uvicorn itself limits none of these: a client that sends a head byte by byte, or never reads its
answer, keeps a connection for as long as it likes.
"""

import asyncio
from dataclasses import dataclass
from typing import Any, cast

import httptools
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from baton import problems
from baton.metrics import HttpMetrics
from baton.problems import Problem

DISCONNECTED = "baton.disconnected"
"""In a request's scope, an asyncio.Event: set once its client is no longer there."""

MAX_HEAD_BYTES = 32_768
"""The most that a request's line and headers may have."""

_ALWAYS_ANSWERED = ("/healthz", "/readyz", "/metrics")


_INVALID = "Invalid HTTP request received."


class _TooLongHeadError(Exception):
    """Ends the parser, which tells who calls it only that it has ended."""


class _TunnelError(Exception):
    """Ends the parser at a CONNECT: what follows its head is in no protocol that is spoken here."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Limits for clients. `connections`: the most connections at one time; further ones get 503.
    `head_seconds`: the time for a request's head, from the connection or the head's first byte, and
    for the rest of a body after the answer. `idle_seconds`: the time after which a client that
    neither reads nor sends is disconnected.
    """

    connections: int
    metrics: HttpMetrics
    head_seconds: float = 10
    idle_seconds: float = 60


def limited_protocol(limits: ConnectionLimits) -> type[asyncio.Protocol]:
    """The protocol for `uvicorn.Config(http=...)`."""

    class Limited(_Connection):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(limits, *args, **kwargs)

    return Limited


class _Connection(HttpToolsProtocol):
    """A client's connection. Its requests are answered in their order, each before the next."""

    def __init__(self, limits: ConnectionLimits, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.parser = self._new_parser()
        self._limits = limits
        self._in_head = self._in_body = False
        self._refused = False
        self._pending = 0
        self._parsed = 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._idle_timer: asyncio.TimerHandle | None = None
        self._received_at = 0.0
        self._answering: RequestResponseCycle | None = None
        self._gone = asyncio.Event()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone.set()
        self._unset(self._head_timer)
        self._unset(self._idle_timer)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._received_at = self.loop.time()
        if self._refused:
            return
        self._pending += len(data)
        self._unset_keepalive_if_required()
        try:
            self._parse(data)
        except httptools.HttpParserError:
            self.logger.warning(_INVALID)
            self.send_400_response(_INVALID)
        self._bound_head()

    def _parse(self, data: bytes) -> None:
        """Have the parser read on. Raises HttpParserError.

        If a request asks for another protocol (RFC 9110, section 7.8), llhttp ends it at its head
        and takes the body for data of that protocol. This server speaks no other protocol, so the
        request is an ordinary one: a new parser reads the head again, without `Upgrade`, and then
        the body.
        """
        rest = memoryview(data)
        while rest:
            try:
                self.parser.feed_data(rest)
            except httptools.HttpParserUpgrade as upgrade:
                rest = rest[upgrade.args[0] :]
                head = self._head_without_upgrade()
                self.parser = self._new_parser()
                self.parser.feed_data(head)
            else:
                return

    def _new_parser(self) -> httptools.HttpRequestParser:
        parser = httptools.HttpRequestParser(self)
        # As uvicorn's: a request may stand behind one that ends the connection.
        parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return parser

    def _head_without_upgrade(self) -> bytes:
        method, version = self.parser.get_method(), self.parser.get_http_version()
        lines = [b"%b %b HTTP/%b" % (method, self.url, version.encode())]
        lines += [name + b": " + value for name, value in self.headers if name != b"upgrade"]
        return b"\r\n".join([*lines, b"", b""])

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._parsed = 0

    def on_url(self, url: bytes) -> None:
        self._count_head(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count_head(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self.parser.should_upgrade():
            if self.parser.get_method() == b"CONNECT":
                raise _TunnelError
            return  # `_parse` has the head read again
        self._unset(self._head_timer)
        self._head_timer = None
        self._in_head, self._in_body = False, True
        self._pending = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._pending = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return  # its body has yet to be read
        self._in_body = False
        self._pending = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        self._answering = None
        super().on_response_complete()
        if (self._in_head or self._in_body) and not self.transport.is_closing():
            self._expect_head()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._expect_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._unset(self._idle_timer)
        self._idle_timer = None

    def send_400_response(self, msg: str) -> None:
        """Called for what is no HTTP, and for what a callback of ours has raised."""
        self._refuse(_too_long_head() if self._parsed > MAX_HEAD_BYTES else _not_http(msg))

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._answering = cycle
        cast(dict[str, Any], cycle.scope)[DISCONNECTED] = self._gone
        full = len(self.connections) > self._limits.connections
        if full and cycle.scope["path"] not in _ALWAYS_ANSWERED:
            self._cut("too many")
            app = cast(ASGI3Application, problems.response(_too_many()))
        super()._start_asgi_task(cycle, app)

    def _refuse(self, problem: Problem) -> None:
        """Answer what can't be read on, and close.

        A request that came whole before it on this connection has its own answer first.
        """
        self._refused = True
        self._cut("long head" if problem.body.status == _HTTP_HEADERS_TOO_LARGE else "not HTTP")
        answering = self._answering
        if answering is not None and not (self._in_body and answering is self.cycle):
            self.pipeline.clear()
            self.cycle = answering
            answering.keep_alive = False
            return
        unanswered = not self._in_body
        if answering is not None:
            unanswered = not answering.response_started
            answering.disconnected = True
            answering.message_event.set()
        if unanswered:
            self.transport.write(_bytes_of(problem))
        self.transport.close()

    def _bound_head(self) -> None:
        """A body's trailers are headers too; the parser holds each until it is complete."""
        if self._refused or self.transport.is_closing():
            return
        if self._pending > MAX_HEAD_BYTES:
            self._refuse(_too_long_head())
        elif self._answering is None and not self._in_body:
            self._expect_head()

    def _expect_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(
                self._limits.head_seconds, self._give_up, "slow"
            )

    def _expect_reading(self) -> None:
        self._unset(self._idle_timer)
        self._idle_timer = self.loop.call_later(self._limits.idle_seconds, self._look_whether_idle)

    def _look_whether_idle(self) -> None:
        """Many send all before they read anything: who still sends is not idle."""
        if self.loop.time() - self._received_at < self._limits.idle_seconds:
            self._expect_reading()
        else:
            self._give_up("does not read")

    def _give_up(self, why: str) -> None:
        if not self.transport.is_closing():
            self._cut(why)
            self.transport.abort()

    def _cut(self, why: str) -> None:
        self._limits.metrics.connections_cut.labels(why).inc()

    def _count_head(self, size: int) -> None:
        self._parsed += size
        if self._parsed > MAX_HEAD_BYTES:
            raise _TooLongHeadError

    @staticmethod
    def _unset(timer: asyncio.TimerHandle | None) -> None:
        if timer is not None:
            timer.cancel()


_HTTP_HEADERS_TOO_LARGE = 431


def _too_long_head() -> Problem:
    detail = f"a request's line and headers may have {MAX_HEAD_BYTES} bytes together"
    return Problem(_HTTP_HEADERS_TOO_LARGE, "Headers too large", detail)


def _not_http(reason: str) -> Problem:
    return Problem(400, "Broken HTTP", f"{reason} The connection is closed.")


def _too_many() -> Problem:
    headers = {"Retry-After": "5", "Connection": "close"}
    return Problem(
        503, "Too many connections", "send it again after the time in Retry-After", headers=headers
    )


def _bytes_of(problem: Problem) -> bytes:
    answer = problems.response(problem)
    headers = [*answer.raw_headers, (b"connection", b"close")]
    lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
    return STATUS_LINE[answer.status_code] + lines + b"\r\n" + bytes(answer.body)
