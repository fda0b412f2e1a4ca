"""The command: reads a file page by page, has ingest answer each, and keeps how far it came."""

import asyncio
import hashlib
import os
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from baton.lead_table import PARTS
from baton_cli.api import Api, open_apis
from baton_cli.failures import MISUSED, REFUSED, Failure
from baton_cli.importing.deliveries import Deliveries
from baton_cli.importing.journal import Journal, Progress
from baton_cli.importing.lines import Lines
from baton_cli.importing.mapping import Mapped, read_mapping, unknown_field, unusable
from baton_cli.importing.pages import Page, pages
from baton_cli.importing.progress import Shown, shown
from baton_cli.importing.rejects import Rejects
from baton_cli.importing.rows import Csv, Format, Ndjson, UnusableFileError
from baton_cli.importing.sending import Outcome, sent
from baton_cli.screen import counted, notes, output
from baton_cli.service import INGEST

_CSV = frozenset({".csv", ".tsv"})
_NDJSON = frozenset({".ndjson", ".jsonl"})
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_INTERRUPTED = 130


class As(StrEnum):
    """The meaning of the rows."""

    ENQUIRIES = "enquiries"
    HISTORY = "history"


@dataclass(frozen=True, slots=True)
class Order:
    """The options of an import. `keep_in` is the folder of the journal and the rejects."""

    file: Path
    source: str | None
    keep_in: Path
    batch: int
    at_once: int
    anew: bool
    as_: As

    @property
    def journal(self) -> Path:
        return self.keep_in / f"{self.file.name}.journal"

    @property
    def rejects(self) -> Path:
        return self.keep_in / f"{self.file.name}.rejects.csv"


def import_(  # noqa: PLR0913 - typer has each option as an argument
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV or NDJSON, in UTF-8.")],
    map_: Annotated[
        Path | None,
        typer.Option("--map", metavar="MAPPING", help="Which column is which field, as YAML."),
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="The source of rows that name none; the policy declares it.")
    ] = None,
    keep_in: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Where the journal and the rejects go; beside FILE if not given."
        ),
    ] = None,
    batch: Annotated[int, typer.Option(min=1, max=10_000, help="So many rows a request.")] = 1_000,
    at_once: Annotated[
        int,
        typer.Option(
            min=1, max=16, help="So many requests at a time; with 1, rows keep their order."
        ),
    ] = 1,
    as_: Annotated[
        As,
        typer.Option(
            "--as", help="What the rows are; history: leads that sales has already, and keeps."
        ),
    ] = As.ENQUIRIES,
    *,
    anew: Annotated[
        bool, typer.Option("--anew", help="Begin at the first row, not where a run was ended.")
    ] = False,
) -> None:
    """Import a file of leads of any length, as CSV or NDJSON.

    Without a mapping, columns have the names of a lead's fields (email, contact.job_title,
    company.name, custom.seats, delivery_id, occurred_at). Other columns are stored as they are. A
    mapping assigns columns to fields; docs/import.md explains it.

    As history, rows set owner (history.owner), stage (history.stage) and what sales had done
    (history.contacted_at, history.won_at, ...). Nothing is routed, and no clock starts.

    A run that was ended, by whatever, is gone on with by the same command. What is refused goes to
    FILE.rejects.csv with its line and the reason; mend those rows and import the file again. That
    is always safe: a row that says the same is the same event, and takes effect once. If any was
    refused, the exit code is 1 and the others are kept.
    """
    order = Order(file, source, keep_in or file.parent, batch, at_once, anew, as_)
    mapping = None if map_ is None else read_mapping(map_)
    with _opened(order.file) as (opened, size):
        lines = Lines(opened)
        format_ = _format(order, mapping, lines)
        try:
            asyncio.run(_Import(order, mapping, lines, format_, size).run())
        except KeyboardInterrupt as interrupt:
            raise Failure(
                "stopped", "The same command goes on from here.", exit_code=_INTERRUPTED
            ) from interrupt


class _Import:
    """One run."""

    def __init__(
        self, order: Order, mapping: Mapped | None, lines: Lines, format_: Format, size: int
    ) -> None:
        self._order = order
        self._lines = lines
        deliveries = Deliveries(mapping, order.source, history=order.as_ is As.HISTORY)
        self._pages = pages(lines, format_, deliveries, order.batch)
        self._size = size
        self._journal = Journal(order.journal)
        mapping_text = "" if mapping is None else mapping.mapping.model_dump_json()
        self._fingerprint = hashlib.sha256(
            f"{order.source} {order.as_} {mapping_text}".encode()
        ).hexdigest()

    async def run(self) -> None:
        async with open_apis() as apis:
            api = apis[INGEST]
            await api.open_get("/healthz")
            progress = self._begin(api)
            rejects = Rejects(self._order.rejects, progress.rejects)
            offset, rows = progress.place.offset, progress.accepted + progress.refused
            with shown(self._size, offset, rows) as screen:
                try:
                    async for page, outcome in self._answered(api, screen):
                        progress = self._note(progress, page, outcome, rejects)
                        _tell(screen, progress)
                except Failure as failure:
                    raise _stopped(failure, progress) from failure
        self._journal.remove()
        self._end(progress)

    def _begin(self, api: Api) -> Progress:
        """Where to go on; the lines are gone on to there."""
        of = f"{api.url} {self._fingerprint}"
        start = Progress(of=of, place=self._lines.place, accepted=0, refused=0, rejects=0)
        former = None if self._order.anew else self._journal.read()
        if former is None:
            return start
        if former.of != of:
            raise Failure(
                f"{self._journal.path} is of an import with another mapping, source or ingest, "
                f"which was ended in line {former.place.line}",
                "Go on as it was begun, or begin with --anew.",
                exit_code=MISUSED,
            )
        if not self._lines.go_to(former.place):
            raise Failure(
                f"{self._order.file} is not as it was when an import of it was ended, in line "
                f"{former.place.line}",
                "Begin with --anew: what was taken does not take effect twice.",
                exit_code=MISUSED,
            )
        notes().print(f"goes on behind line {former.place.line}", soft_wrap=True)
        return former

    async def _answered(self, api: Api, screen: Shown) -> AsyncIterator[tuple[Page, Outcome]]:
        """The pages in their order, each once it is answered."""
        waiting: deque[tuple[Page, asyncio.Task[Outcome]]] = deque()
        try:
            # In a thread, so that what is on its way goes on meanwhile.
            while (page := await asyncio.to_thread(next, self._pages, None)) is not None:
                if len(waiting) == self._order.at_once:
                    first, sending = waiting.popleft()
                    yield first, await sending
                waiting.append(
                    (page, asyncio.create_task(sent(api, page.deliveries, screen.waits)))
                )
            while waiting:
                first, sending = waiting.popleft()
                yield first, await sending
        finally:
            for _, sending in waiting:
                sending.cancel()
            await asyncio.gather(*(sending for _, sending in waiting), return_exceptions=True)

    def _note(self, before: Progress, page: Page, outcome: Outcome, rejects: Rejects) -> Progress:
        raw = {delivery.line: delivery.raw for delivery in page.deliveries}
        refused = [(line, why, raw[line]) for line, why in outcome.refused.items()]
        refused += [(row.line, row.reason, row.raw) for row in page.broken]
        refused.sort()
        if refused and not before.accepted and not outcome.accepted:
            line, why, _ = refused[0]
            raise Failure(
                f"none of the first {counted(page.rows, 'row')} was taken: line {line}: {why}",
                "Correct the file or the mapping; --map says which column is which field.",
            )
        progress = Progress(
            of=before.of,
            place=page.place,
            accepted=before.accepted + outcome.accepted,
            quarantined=before.quarantined + outcome.quarantined,
            refused=before.refused + len(refused),
            rejects=rejects.add(refused) if refused else before.rejects,
        )
        self._journal.write(progress)
        return progress

    def _end(self, progress: Progress) -> None:
        accepted = counted(progress.accepted, "row")
        quarantined = (
            f" ({progress.quarantined} of them into quarantine)" if progress.quarantined else ""
        )
        output().print(
            f"{accepted} taken{quarantined}, {progress.refused} refused.", soft_wrap=True
        )
        if progress.refused:
            notes().print(f"what was refused, and why: {self._order.rejects}", soft_wrap=True)
            raise typer.Exit(REFUSED)


def _tell(screen: Shown, progress: Progress) -> None:
    screen.at(progress.place.offset, progress.accepted + progress.refused, progress.refused)


def _stopped(failure: Failure, progress: Progress) -> Failure:
    rows = progress.accepted + progress.refused
    goes_on = f"{counted(rows, 'row')} were answered before; the same command goes on behind them."
    way_out = "\n".join(filter(None, (failure.way_out, goes_on if rows else "")))
    return Failure(failure.message, way_out, exit_code=failure.exit_code)


@contextmanager
def _opened(file: Path) -> Iterator[tuple[BinaryIO, int]]:
    """The file and its size."""
    try:
        opened = file.open("rb")
    except OSError as error:
        raise Failure(f"{file} can't be read: {error.strerror}", exit_code=MISUSED) from error
    with opened:
        if opened.read(2) in _UTF_16:
            raise Failure(
                f"{file} is UTF-16", "Save it in UTF-8, as 'CSV UTF-8', say.", exit_code=MISUSED
            )
        opened.seek(0)
        yield opened, os.fstat(opened.fileno()).st_size


def _format(order: Order, mapping: Mapped | None, lines: Lines) -> Format:
    suffix = order.file.suffix.lower()
    if suffix in _NDJSON:
        return Ndjson()
    if suffix not in _CSV:
        raise Failure(
            f"{order.file} must end in .csv, .tsv, .ndjson or .jsonl, by which it is read",
            exit_code=MISUSED,
        )
    try:
        table = Csv(lines, () if mapping else PARTS)
    except UnusableFileError as error:
        raise Failure(f"{order.file}:{error.line}: {error}", exit_code=MISUSED) from error
    if mapping is None:
        for reason in filter(None, map(unknown_field, filter(None, table.columns))):
            notes().print(f"{order.file}: kept as it is: {reason}", soft_wrap=True)
    elif problems := mapping.missing(table.columns, order.file.name):
        raise unusable(mapping.file, problems)
    return table
