"""Batches: CSV, and what goes out while a batch still comes in."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
import uvicorn
from prometheus_client import Counter

from baton import topics
from baton.connections import DISCONNECTED
from baton.events import LeadCaptured
from baton.policy.bundle import Bundle
from ingest.edge.batch_lines import Entry, Room
from ingest.edge.batch_results import Results
from ingest.settings import Settings
from ingest_tests.harness import TOKEN, Process, eventually, running

HEADER = "source,email,contact.job_title,company.name,company.employees,custom.seats,badge\n"
CSV = {"Content-Type": "text/csv; charset=utf-8"}


async def results_of(process: Process, body: str | bytes) -> list[dict[str, Any]]:
    answer = await process.http.post("/v1/leads/batch", content=body, headers=CSV)
    assert answer.status_code == 202, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


async def test_a_table_becomes_leads_with_the_fields_that_its_header_names(
    process: Process,
) -> None:
    rows = 'website,table@example.com,"CTO, of all",Ltd,250,7,B-1\r\nwebsite,2@example.com,,,,,\r\n'
    results = await results_of(process, "\ufeff" + HEADER.replace("\n", "\r\n") + rows)
    assert [(each["line"], each["state"]) for each in results] == [
        (2, "published"),
        (3, "published"),
    ]
    events = {str(event.id): event.data for event in await process.events(topics.LEAD_CAPTURED)}
    first, second = (events[each["event_id"]] for each in results)
    assert isinstance(first, LeadCaptured)
    assert isinstance(second, LeadCaptured)
    assert first.profile.contact.job_title == "CTO, of all"
    assert (first.profile.company.employees, first.profile.custom) == (250, {"seats": 7})
    assert first.answers == {"badge": "B-1"}
    assert (second.profile.company.name, second.answers) == (None, {})


async def test_the_good_rows_of_a_table_are_kept_and_the_others_told_by_their_line(
    process: Process,
) -> None:
    rows = [
        'website,good-1@example.com,"over\ntwo lines",,,,',
        ",,,,,,",
        "website,nobody,,,,,",
        "website,a@example.com,,,many,,",
        "website,a@example.com",
        'website,a@example.com,"stray,,,,',
        "website,b\0@example.com,,,,,",
        "website," + "a" * 30_000 + "@example.com,,,,,",
        "website,good-2@example.com,,,,,",
    ]
    results = await results_of(process, HEADER + "\n".join(rows))
    told = [(each["line"], each["state"], each.get("problem", {})) for each in results]
    assert [
        (line, state, problem.get("status"), problem.get("field")) for line, state, problem in told
    ] == [
        (2, "published", None, None),
        (5, "refused", 422, "email"),
        (6, "refused", 422, "company.employees"),
        (7, "refused", 400, None),
        (8, "refused", 400, None),
        (9, "refused", 422, "email"),
        (10, "refused", 413, None),
        (11, "published", None, None),
    ]
    assert [problem["detail"] for *_, problem in told[3:5]] == [
        "has 2 cells, and the header 7",
        "a quoted cell has no end",
    ]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ("email,email\n", "email"),
        ("contact,source\nx,y\n", "contact"),
        ('"email\nx\n', "header"),
        ("email," + "x" * 30_000, None),
    ],
)
async def test_a_table_whose_header_is_no_use_is_refused_whole(
    body: str, field: str | None, process: Process
) -> None:
    answer = await process.http.post("/v1/leads/batch", content=body, headers=CSV)
    assert answer.status_code in (413, 422)
    assert answer.json().get("field") == field


async def test_another_charset_is_refused(process: Process) -> None:
    headers = {"Content-Type": "text/csv; charset=latin-1"}
    answer = await process.http.post("/v1/leads/batch", content=b"email\n", headers=headers)
    assert (answer.status_code, answer.json()["field"]) == (415, "Content-Type")


async def test_a_table_that_is_sent_again_is_the_same_events(process: Process) -> None:
    table = HEADER + "".join(f"website,again-{n}@example.com,,,,,\n" for n in range(600))
    first = await results_of(process, table)
    assert len({each["event_id"] for each in first}) == 600
    assert await results_of(process, table.replace("\n", "\r\n")) == first


# --- over a connection


@asynccontextmanager
async def served(process: Process) -> AsyncIterator[int]:
    """The process's port."""
    transport: Any = process.http._transport
    server = uvicorn.Server(uvicorn.Config(transport.app, port=0, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = server.force_exit = True
        await serving


class Client:
    """Sends a batch in pieces, and reads the results that are there."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.held = b""
        self.answered = False

    async def send(self, piece: bytes) -> None:
        self.writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        await self.writer.drain()

    async def end(self) -> None:
        self.writer.write(b"0\r\n\r\n")
        await self.writer.drain()

    async def go_away(self) -> None:
        self.writer.transport.abort()

    async def result(self) -> dict[str, Any]:
        """The next line of the answer's body."""
        if not self.answered:
            assert b" 202 " in await self.reader.readuntil(b"\r\n\r\n")
            self.answered = True
        while b"\n" not in self.held:
            size = await self.reader.readline()
            self.held += await self.reader.readexactly(int(size, 16))
            await self.reader.readline()
        text, _, self.held = self.held.partition(b"\n")
        found: dict[str, Any] = json.loads(text)
        return found


@asynccontextmanager
async def connected(process: Process) -> AsyncIterator[Client]:
    async with served(process) as port, connected_to(port) as client:
        yield client


@asynccontextmanager
async def connected_to(port: int) -> AsyncIterator[Client]:
    async with asyncio.timeout(60):
        plain = socket.create_connection(("127.0.0.1", port))
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
        reader, writer = await asyncio.open_connection(sock=plain)
        head = (
            "POST /v1/leads/batch HTTP/1.1",
            "Host: ingest",
            f"Authorization: Bearer {TOKEN}",
            "Transfer-Encoding: chunked",
            "",
            "",
        )
        writer.write("\r\n".join(head).encode())
        try:
            yield Client(reader, writer)
        finally:
            writer.close()


def line(n: int) -> bytes:
    return json.dumps({"source": "website", "email": f"stream-{n}@example.com"}).encode() + b"\n"


async def test_a_line_has_its_result_while_the_next_is_not_sent_yet(process: Process) -> None:
    async with connected(process) as client:
        for n in range(1, 4):
            await client.send(line(n))
            assert (await client.result())["line"] == n
        await client.end()


async def test_what_had_its_result_is_taken_though_the_client_goes_away(process: Process) -> None:
    async with connected(process) as client:
        await client.send(line(10) + line(11) + b'{"source": ')
        told = [await client.result(), await client.result()]
        await client.go_away()
        events = {str(event.id) for event in await process.events(topics.LEAD_CAPTURED)}
        assert {each["event_id"] for each in told} <= events


async def test_a_client_that_does_not_go_on_is_told_which_line_it_must_send_again(
    settings: Settings, bundle: Bundle
) -> None:
    impatient = settings.model_copy(update={"body_wait": timedelta(seconds=0.5)})
    async with running(impatient, bundle) as process, connected(process) as client:
        await process.circuit.closed.wait()
        await client.send(line(20) + line(21) + b'{"source": ')
        told = [await client.result() for _ in range(3)]
        assert [(each["line"], each["state"]) for each in told] == [
            (1, "published"),
            (2, "published"),
            (3, "failed"),
        ]
        assert told[2]["problem"]["title"] == "Body too slow"


async def test_so_many_batches_are_taken_at_one_time_and_the_next_is_told_to_come_later(
    settings: Settings, bundle: Bundle
) -> None:
    one = settings.model_copy(update={"batches_at_once": 1})
    async with running(one, bundle) as process, served(process) as port:
        await process.circuit.closed.wait()

        async def taken() -> bool:
            answer = await process.http.post("/v1/leads/batch", content=line(41))
            return answer.status_code == 202

        for leaving in (Client.end, Client.go_away):
            async with connected_to(port) as client:
                await client.send(line(40))
                assert (await client.result())["state"] == "published"
                second = await process.http.post("/v1/leads/batch", content=line(41))
                assert (second.status_code, second.headers["retry-after"]) == (503, "5")
                assert second.json()["title"] == "Too busy"
                await leaving(client)
                await eventually(taken)
        refused = await process.http.post("/v1/leads/batch", headers={"Content-Encoding": "gzip"})
        assert refused.status_code == 415
        assert await taken()


async def test_a_batch_whose_client_is_gone_gives_its_place_back(
    settings: Settings, bundle: Bundle
) -> None:
    """Also while nobody reads its body: held back for its readers, say."""
    one = settings.model_copy(update={"batches_at_once": 1, "body_wait": timedelta(minutes=10)})
    gone, answered = asyncio.Event(), asyncio.Event()
    arriving = [{"type": "http.request", "body": line(50), "more_body": True}]

    async def receive() -> dict[str, Any]:
        if not arriving:
            await asyncio.Event().wait()
        return arriving.pop()

    async def send(message: dict[str, Any]) -> None:
        if message.get("body"):
            answered.set()

    async with running(one, bundle) as process, asyncio.timeout(60):
        await process.circuit.closed.wait()
        transport: Any = process.http._transport
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/v1/leads/batch",
            "raw_path": b"/v1/leads/batch",
            "query_string": b"",
            "headers": [(b"authorization", f"Bearer {TOKEN}".encode())],
            DISCONNECTED: gone,
        }
        taking = asyncio.create_task(transport.app(scope, receive, send))
        await answered.wait()
        gone.set()
        await taking
        assert (await process.http.post("/v1/leads/batch", content=line(51))).status_code == 202


def test_a_page_ends_with_so_many_lines_or_so_many_bytes() -> None:
    def lines_of_a_page(size: int) -> int:
        room = Room(lines=256, size=1_000)
        entry = Entry(1, b"x" * size, None)
        return 1 + next(n for n in range(1_000) if not room.left_by(entry))

    assert [lines_of_a_page(size) for size in (0, 1, 10, 999, 5_000)] == [256, 256, 100, 2, 1]


async def test_a_client_may_send_everything_before_it_reads_anything(process: Process) -> None:
    """Both are larger than what fits into the connection's buffers."""
    count = 50_000
    async with connected(process) as client:
        for _ in range(100):
            await client.send((b"x" * 400 + b"\n") * (count // 100))
        await client.end()
        lines = [(await client.result())["line"] for _ in range(count)]
        assert lines == list(range(1, count + 1))


async def test_a_fault_that_nobody_reckoned_with_cuts_the_answer_off_and_is_logged(
    process: Process, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("nobody reckoned with this")

    async with connected(process) as client:
        await client.send(line(30))
        assert (await client.result())["state"] == "published"
        monkeypatch.setattr(Counter, "inc", broken)
        await client.send(line(31))
        await client.end()
        async with asyncio.timeout(30):
            assert await client.reader.read() == b""
    assert "nobody reckoned with this" in caplog.text


async def test_results_come_in_their_order_however_many_wait() -> None:
    results = Results()
    results.add({"line": n} for n in range(50_000))
    reading = results.steps()
    text = await anext(reading)
    results.add({"line": n} for n in range(50_000, 100_000))
    results.end()
    text += b"".join([step async for step in reading])
    assert [json.loads(each)["line"] for each in text.splitlines()] == list(range(100_000))


async def test_while_there_are_no_results_an_empty_line_is_a_sign_of_life() -> None:
    results = Results(sign_of_life=0.01)
    reading = results.steps()
    assert await anext(reading) == b"\n"
    results.add([{"line": 1}])
    results.end()
    assert [step async for step in reading if step != b"\n"] == [b'{"line":1}\n']
