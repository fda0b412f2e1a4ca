"""The command: posts a file's entries to ingest, some at a time, and tells each one's result."""

import asyncio
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from pydantic import BaseModel, TypeAdapter
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from baton_cli.api import Api, Refused, open_apis
from baton_cli.failures import MISUSED, REFUSED, Failure
from baton_cli.screen import counted, notes, output
from baton_cli.send.deliveries import Delivery, Kind, delivery
from baton_cli.send.reading import Broken, entries
from baton_cli.service import INGEST


class Accepted(BaseModel):
    """Ingest's answer. `state`: published to Kafka, spooled until Kafka is back, quarantined by a
    rule, or waiting because its lead is not known yet.
    """

    state: str
    lead_id: UUID | None
    event_id: UUID


_ACCEPTED = TypeAdapter(Accepted)
_SERVER_ERROR = 500
_NOT_OURS_TO_MEND = frozenset({403, 404, 405})


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a line."""

    line: int
    kind: Kind | None
    accepted: Accepted | None = None
    refused: str = ""


@dataclass(slots=True)
class Count:
    """The results of the lines so far, in the order of the file."""

    accepted: int = 0
    refused: list[Result] = field(default_factory=list)
    last_line: int = 0

    def add(self, result: Result) -> None:
        """One more."""
        self.last_line = result.line
        if result.accepted is None:
            self.refused.append(result)
        else:
            self.accepted += 1

    def __str__(self) -> str:
        return f"{counted(self.accepted, 'line')} taken, {len(self.refused)} refused"


def send(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="NDJSON, or a JSON array; - for standard input.")
    ],
    kind: Annotated[
        Kind, typer.Option(help="What a line is that has no field `kind` of its own.")
    ] = Kind.LEAD,
    at_once: Annotated[
        int,
        typer.Option(min=1, max=256, help="So many on their way at a time; 1 keeps their order."),
    ] = 8,
    *,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print only what was refused, and the count.")
    ] = False,
) -> None:
    """Send leads, activities and follow-ups to ingest, and print the result of each.

    Each is a JSON object as in ingest's API, such as {"source": "website", "email":
    "buyer@example.com"}; a field `kind` may be lead, activity or followup. If any is refused, the
    exit code is 1; the others are accepted. A line with a delivery_id or occurred_at can be sent
    again: it stays the same event.
    """
    found = list(_read(file, kind))
    asyncio.run(_send_all(found, at_once, quiet=quiet))


def _read(file: Path, kind: Kind) -> Iterator[Delivery | Broken]:
    for entry in entries(_text(file)):
        yield entry if isinstance(entry, Broken) else delivery(entry, kind)


def _text(file: Path) -> str:
    try:
        raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        return raw.decode("utf-8-sig")
    except OSError as error:
        raise Failure(f"{file} can't be read: {error.strerror}", exit_code=MISUSED) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise Failure(f"{file}:{line}: not UTF-8", exit_code=MISUSED) from error


async def _send_all(found: Sequence[Delivery | Broken], at_once: int, *, quiet: bool) -> None:
    count = Count()
    console = output()
    try:
        with _progress(quiet=quiet, total=len(found)) as advance:
            async with open_apis() as apis:
                async for result in _results(apis[INGEST], found, at_once):
                    count.add(result)
                    advance()
                    if not quiet:
                        console.print(_line(result), soft_wrap=True)
    except Failure as failure:
        raise _stopped(failure, count) from failure
    finally:
        for result in count.refused if quiet else ():
            console.print(_line(result), soft_wrap=True)
    console.print(f"{count}.")
    if any(isinstance(entry, Broken) and entry.rest_unread for entry in found):
        raise Failure("what follows the broken line was not read", "Mend it, then send it again.")
    if count.refused:
        raise typer.Exit(REFUSED)


@contextmanager
def _progress(*, quiet: bool, total: int) -> Iterator[Callable[[], object]]:
    """A bar where results do not scroll by on the same terminal."""
    console = notes()
    if not console.is_terminal or (sys.stdout.isatty() and not quiet):
        yield lambda: None
        return
    columns = (TextColumn("sent"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(
        *columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False
    )
    with bar:
        task = bar.add_task("", total=total)
        yield lambda: bar.advance(task)


async def _results(
    api: Api, found: Iterable[Delivery | Broken], at_once: int
) -> AsyncIterator[Result]:
    """In the order of the file. Raises Failure where going on would not help."""
    waiting: deque[asyncio.Task[Result]] = deque()
    try:
        for entry in found:
            waiting.append(asyncio.create_task(_result(api, entry)))
            if len(waiting) == at_once:
                yield await waiting.popleft()
        while waiting:
            yield await waiting.popleft()
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def _result(api: Api, entry: Delivery | Broken) -> Result:
    if isinstance(entry, Broken):
        return Result(entry.line, None, refused=entry.reason)
    try:
        answer = await api.post(entry.kind.path, _ACCEPTED, entry.body)
    except Refused as refused:
        if refused.status >= _SERVER_ERROR or refused.status in _NOT_OURS_TO_MEND:
            raise Failure(f"ingest takes nothing for now: {refused.reason}") from refused
        return Result(entry.line, entry.kind, refused=refused.reason)
    return Result(entry.line, entry.kind, answer)


def _line(result: Result) -> Text:
    prefix = f"line {result.line}: "
    if result.accepted is None:
        refused = f"{result.kind} refused" if result.kind else "refused"
        return Text.assemble(prefix, (refused, "red"), f", {result.refused}")
    state = f"{result.kind} {result.accepted.state}"
    if result.accepted.lead_id is None:
        return Text.assemble(prefix, (state, "yellow"), ", until its lead is known")
    return Text.assemble(prefix, (state, "green"), f", lead {result.accepted.lead_id}")


def _stopped(failure: Failure, count: Count) -> Failure:
    so_far = f"Before that: {count}."
    if count.last_line:
        so_far += f" Go on after line {count.last_line}."
    way_out = "\n".join(filter(None, (failure.way_out, so_far)))
    return Failure(failure.message, way_out, exit_code=failure.exit_code)
