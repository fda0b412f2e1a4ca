"""Whatever comes over a socket: taken, refused or cut off; nothing is stored of what is refused."""

import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest
import schemathesis
from httptools import HttpResponseParser
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st
from schemathesis import checks

from baton.policy.bundle import Bundle
from ingest.settings import Settings
from ingest_tests.harness import TOKEN, eventually, hook_headers
from ingest_tests.sockets import TIMES, Served, served

# The edge runs in a thread beside the strategies, and its libraries use `random`, which Hypothesis
# takes for a strategy's doing.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Do not use the `random` module:hypothesis.errors.HypothesisDeprecationWarning"
)

PATIENCE = 60
OURS = range(500, 600)

VALID = b'{"source": "website", "email": "a@example.com"}'
ROUTES = (
    "/v1/leads",
    "/v1/leads/batch",
    "/v1/activities",
    "/v1/followups",
    "/v1/privacy/erasures",
    "/v1/webhooks/hooks",
    "/v1/webhooks/forms/secret",
)


@pytest.fixture(scope="module")
def edge(settings_of_its_own: Settings, bundle: Bundle) -> Iterator[Served]:
    with served(settings_of_its_own, bundle) as made:
        yield made


def exchange(edge: Served, said: list[bytes]) -> bytes:
    """What is heard until the server closes, once all is said and no more will be."""
    heard = bytearray()
    with socket.create_connection(("127.0.0.1", edge.port), timeout=PATIENCE) as connection:
        try:
            for piece in said:
                connection.sendall(piece)
            connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(65_536):
                heard += piece
        except TimeoutError:
            raise
        except OSError:
            pass  # it was refused before all was said
    return bytes(heard)


# --- by the contract

checks.load_all_checks()
CHECKS = checks.CHECKS.get_by_names(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
    ]
)


def operations(edge: Served) -> list[Any]:
    document = schemathesis.openapi.from_dict(edge.process.app.openapi())
    return [operation.ok() for operation in list[Any](document.get_all_operations())]


def test_every_route_keeps_to_the_openapi_document(edge: Served) -> None:
    found = operations(edge)
    assert len(found) > len(ROUTES)
    for operation in found:

        @effort(
            max_examples=8 * TIMES,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def keeps_to_it(case: Any) -> None:
            answer = case.call(
                base_url=f"http://127.0.0.1:{edge.port}",
                headers={"Authorization": f"Bearer {TOKEN}"},
                timeout=PATIENCE,
            )
            kept = [each for each in CHECKS if answer.status_code != 503 or each is not CHECKS[0]]
            case.validate_response(answer, checks=kept)

        keeps_to_it()


# --- by bytes

NAMES = st.sampled_from(
    [
        b"Content-Length",
        b"Content-Encoding",
        b"Transfer-Encoding",
        b"Content-Type",
        b"Expect",
        b"Connection",
        b"Upgrade",
        b"Host",
        b"Idempotency-Key",
        b"traceparent",
        b"Authorization",
        b"X-Forwarded-For",
    ]
) | st.binary(max_size=20)
VALUES = (
    st.sampled_from(
        [
            b"",
            b"0",
            b"-1",
            b"5",
            b"5, 5",
            b"99999999999999999999",
            b"gzip",
            b"chunked",
            b"gzip, chunked",
            b"chunked, chunked",
            b"identity",
            b"100-continue",
            b"close",
            b"keep-alive, upgrade",
            b"h2c",
            b"websocket",
            b"text/csv",
            b"text/csv; charset=utf-7",
            b"multipart/form-data; boundary=x",
            b"application/x-www-form-urlencoded",
        ]
    )
    | st.binary(max_size=40)
    | st.integers(1, 70_000).map(lambda n: b"x" * n)
)
HEADERS = st.lists(st.tuples(NAMES, VALUES), max_size=4)
BODIES = st.sampled_from(
    [
        b"",
        VALID,
        VALID + b"\n" + VALID,
        b"source,email\nwebsite,a@example.com\n",
        VALID[:-1] + b', "n": ' + b"[" * 5_000 + b"]" * 5_000 + b"}",
        b'{"type": "form.submitted", "data": {"email": "a@example.com"}}',
        b"x" * 30_000,
    ]
) | st.binary(max_size=300)


def chunked(body: bytes, size: int) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (*pieces, b""))


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """A request that may be right, and may be wrong in its line, its headers or its framing."""
    body = draw(BODIES)
    path = draw(st.sampled_from(ROUTES)).encode()
    headers = [(b"Host", b"x"), (b"Authorization", b"Bearer " + TOKEN.encode())]
    headers += [(name.encode(), value.encode()) for name, value in hook_headers(body).items()]
    headers += draw(st.just([]) | HEADERS)
    sent = body
    match draw(st.sampled_from(["length", "short", "long", "chunked", "broken chunk", "neither"])):
        case "length":
            headers.append((b"Content-Length", b"%d" % len(body)))
        case "short":
            headers.append((b"Content-Length", b"%d" % (len(body) // 2)))
        case "long":
            headers.append((b"Content-Length", b"%d" % (len(body) + 10)))
        case "chunked":
            headers.append((b"Transfer-Encoding", b"chunked"))
            sent = chunked(body, draw(st.integers(1, 5_000)))
        case "broken chunk":
            headers.append((b"Transfer-Encoding", b"chunked"))
            sent = chunked(body, 100).replace(b"\r\n", draw(st.binary(max_size=3)), 1)
        case _:
            pass
    method = draw(st.sampled_from([b"POST"] * 4 + [b"GET", b"OPTIONS", b"PUT", b"P\x00ST", b""]))
    query = draw(st.sampled_from([b"", b"?", b"?token=%ff&x=[", b"#", b"/", b"/%2e%2e/", b"\xff"]))
    lines = [method + b" " + path + query + b" HTTP/1.1", *(n + b": " + v for n, v in headers)]
    return b"\r\n".join([*lines, b"", b""]) + sent


@st.composite
def conversations(draw: st.DrawFn) -> list[bytes]:
    """One request or several, in pieces, cut off or not."""
    text = b"".join(draw(st.lists(requests(), min_size=1, max_size=3)))
    text = text[: draw(st.just(len(text)) | st.integers(0, len(text)))]
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=3)))
    return [text[start:end] for start, end in pairwise([0, *cuts, len(text)])]


@effort(max_examples=150 * TIMES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(said=conversations())
def test_no_bytes_are_our_fault(said: list[bytes], edge: Served) -> None:
    heard = exchange(edge, said)
    statuses = {int(status) for status in re.findall(rb"HTTP/1.1 (\d{3}) ", heard)}
    assert {status for status in statuses | edge.answers.statuses if status in OURS} <= {503}


# --- requests that ask for another protocol

WISHES = st.sampled_from(
    [
        b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ\r\n",
        b"Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
        b"UPGRADE: TLS/1.2, HTTP/2.0\r\nconnection: keep-alive\r\nConnection: UPGRADE\r\n",
    ]
)
LAST = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@dataclass
class Exchange:
    """What is heard on a connection: the status and the lines of each answer."""

    answers: list[tuple[int, set[bytes]]] = field(default_factory=list)
    body: bytes = b""

    def __post_init__(self) -> None:
        self.parser = HttpResponseParser(self)

    def on_message_begin(self) -> None:
        self.body = b""

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        # A batch may have an empty line as a sign of life.
        self.answers.append((self.parser.get_status_code(), {*self.body.splitlines()} - {b""}))


@st.composite
def complete(
    draw: st.DrawFn, headers: st.SearchStrategy[list[tuple[bytes, bytes]]]
) -> tuple[bytes, bytes]:
    """A request that has its end where its framing says, in two parts: between them is a place for
    more headers.
    """
    body = draw(BODIES)
    fields = [(name.encode(), value.encode()) for name, value in hook_headers(body).items()]
    fields += [(b"Authorization", b"Bearer " + TOKEN.encode()), *draw(headers)]
    if draw(st.booleans()):
        fields.append((b"Content-Length", b"%d" % len(body)))
    else:
        fields.append((b"Transfer-Encoding", b"chunked"))
        body = chunked(body, draw(st.integers(1, 5_000)))
    method = draw(st.sampled_from([b"POST"] * 4 + [b"GET", b"PUT"]))
    path = draw(st.sampled_from(ROUTES)).encode()
    lines = [name + b": " + value for name, value in fields]
    return method + b" " + path + b" HTTP/1.1\r\nHost: x\r\n", b"\r\n".join([*lines, b"", body])


@st.composite
def wishes(draw: st.DrawFn) -> tuple[bytes, list[bytes]]:
    """The same conversation without the wish to switch, and with it, in pieces.

    One request that may be wrong, or several that are right: how many of those that stand before a
    wrong one are answered is a matter of time.
    """
    one = complete(HEADERS).map(lambda request: [request])
    several = st.lists(complete(st.just([])), min_size=1, max_size=3)
    said = draw(one | several)
    plain = b"".join(start + rest for start, rest in said) + LAST
    asking = b"".join(start + draw(WISHES) + rest for start, rest in said) + LAST
    cuts = sorted(draw(st.lists(st.integers(0, len(asking)), max_size=4)))
    return plain, [asking[start:end] for start, end in pairwise([0, *cuts, len(asking)])]


def answers(edge: Served, said: list[bytes]) -> list[tuple[int, set[bytes]]]:
    """What is heard until the server closes."""
    exchange = Exchange()
    with socket.create_connection(("127.0.0.1", edge.port), timeout=PATIENCE) as connection:
        with suppress(ConnectionError):  # it may be refused before all was said
            for piece in said:
                connection.sendall(piece)
        with suppress(ConnectionError):
            while piece := connection.recv(65_536):
                exchange.parser.feed_data(piece)
    return exchange.answers


@effort(max_examples=100 * TIMES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(said=wishes())
def test_to_ask_for_an_upgrade_changes_no_answer(
    said: tuple[bytes, list[bytes]], edge: Served
) -> None:
    plain, asking = answers(edge, [said[0]]), answers(edge, said[1])
    # Kafka or the database may be away for a moment.
    assert asking == plain or any(status in OURS for status, _ in plain + asking)


STOCK_CLIENT = """\
import java.net.URI;
import java.net.http.*;

class Send {
    public static void main(String[] given) throws Exception {
        var request = HttpRequest.newBuilder(URI.create(given[0]))
            .header("Authorization", "Bearer " + given[1])
            .header("Content-Type", given[2])
            .POST(HttpRequest.BodyPublishers.ofString(given[3]))
            .build();
        var client = HttpClient.newHttpClient();
        var answer = client.send(request, HttpResponse.BodyHandlers.ofString());
        System.out.println(answer.statusCode());
        System.out.println(answer.body());
    }
}
"""


@pytest.mark.skipif(shutil.which("java") is None, reason="there is no java on the PATH")
@pytest.mark.parametrize(
    ("path", "media_type", "body", "taken"),
    [
        ("/v1/leads", "application/json", VALID, 1),
        ("/v1/leads/batch", "application/x-ndjson", b"\n".join([VALID] * 3), 3),
    ],
    ids=["a lead", "a batch"],
)
def test_java_s_stock_client_is_answered(
    path: str, media_type: str, body: bytes, taken: int, edge: Served, tmp_path: Path
) -> None:
    (tmp_path / "Send.java").write_text(STOCK_CLIENT)
    url = f"http://127.0.0.1:{edge.port}{path}"
    command = ["java", str(tmp_path / "Send.java"), url, TOKEN, media_type, body.decode()]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
    status, *lines = ran.stdout.split()
    assert status == "202"
    assert "".join(lines).count("event_id") == taken


def test_what_is_stored_was_answered_as_taken(edge: Served) -> None:
    for _ in range(3):
        exchange(edge, [WHOLE % (b"/v1/leads", len(VALID)) + VALID])
        exchange(edge, [WHOLE % (b"/v1/leads", len(VALID) + 1) + VALID])
        exchange(edge, [WHOLE % (b"/v1/webhooks/hooks", 2) + b"{}"])

    async def only_what_was_taken() -> bool:
        return await edge.stored() <= edge.answers.taken

    edge.run(eventually(only_what_was_taken))
    assert edge.answers.taken


WHOLE = (
    b"POST %b HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
    + TOKEN.encode()
    + b"\r\nContent-Length: %d\r\n\r\n"
)
MEGABYTE = b"x" * 1_000_000


@pytest.mark.parametrize("path", ROUTES)
def test_a_body_without_an_end_takes_no_memory(path: str, edge: Served) -> None:
    head = b"POST %b HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %b\r\n" % (
        path.encode(),
        TOKEN.encode(),
    )
    process = psutil.Process()
    before = process.memory_info().rss
    for framing in (b"Content-Length: 9999999999", b"Transfer-Encoding: chunked"):
        piece = MEGABYTE if b"Length" in framing else b"f4240\r\n" + MEGABYTE + b"\r\n"
        heard = exchange(edge, [head + framing + b"\r\n\r\n", *[piece] * (30 * TIMES)])
        assert not re.search(rb"HTTP/1.1 5", heard)
    assert process.memory_info().rss - before < 50_000_000
