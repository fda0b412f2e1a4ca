"""A batch: leads line by line, in bounded memory, each with a result of its own as it goes."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence

from fastapi import Request
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from baton.connections import DISCONNECTED
from baton.problems import Problem
from ingest.capture import submissions
from ingest.capture.intake import Enquiry, Intake, event_of
from ingest.capture.submissions import LeadIn
from ingest.edge import bodies
from ingest.edge.answers import line_json
from ingest.edge.batch_lines import Entry, Room, format_of
from ingest.edge.batch_results import Results
from ingest.edge.problems import as_problems
from ingest.errors import IntakeError
from ingest.publish.bulk_backpressure import Pace
from ingest.settings import Settings

_NDJSON = "application/x-ndjson"
_A_TURN = 16
"""So many lines are understood before others have their turn: live leads come in between."""
_PAGE_BYTES = 1_048_576

Understood = tuple[int, Enquiry | IntakeError]
"""A line's number, and what it says or what is wrong with it."""


class Batch:
    """Accepts each line that is a lead, at the pace that the consumers allow. A fault of a line
    appears in its own result. Only one page is read ahead: while it is parsed, the page before is
    published.
    """

    def __init__(
        self,
        intake: Intake,
        pace: Pace,
        request: Request,
        key: str | None,
        settings: Settings,
        record_arrival: Callable[[str], None],
    ) -> None:
        """`record_arrival` gets the sources of the leads.

        Raises Problem where the request is refused by its headers.
        """
        bodies.refuse_encoded(request)
        self._intake = intake
        self._pace = pace
        self._key = key
        self._record_arrival = record_arrival
        self._most = settings.batch_in_flight
        self._format = format_of(request.headers.get("content-type", ""), settings.body_limit)
        self._lines = bodies.lines(request, bodies.Bounds.of(settings))
        self._pages = self._understood()
        self._first: Sequence[Understood] = ()
        self._understood_to = 0
        self._gone: asyncio.Event | None = request.scope.get(DISCONNECTED)

    async def begin(self) -> None:
        """Read up to the first lines.

        Raises IntakeError where nothing will be taken: without a policy, or where a header is no
        use. Raises Problem where the body can't be read.
        """
        self._intake.bundle()
        self._first = await anext(self._pages, [])

    async def results(self) -> AsyncIterator[bytes]:
        """The result of each line, as soon as it is known."""
        results = Results()
        taking = asyncio.ensure_future(self._take(results))
        # However it ends: what nobody reckoned with must reach the client, and the log.
        taking.add_done_callback(lambda _: results.end())
        try:
            async for step in results.steps():
                if self._gone is not None and self._gone.is_set():
                    return  # while it is held back, nobody reads the body, which would tell
                yield step
            await taking
        finally:
            taking.cancel()
            await asyncio.wait([taking])

    async def _take(self, results: Results) -> None:
        publishing = asyncio.ensure_future(self._publish(self._first, results))
        try:
            with as_problems():
                async for page in self._pages:
                    await publishing
                    publishing = asyncio.ensure_future(self._publish(page, results))
        except Problem as problem:
            await publishing
            body = problem.body.model_dump(exclude_none=True)
            results.add([{"line": self._understood_to + 1, "state": "failed", "problem": body}])
        finally:
            await publishing

    async def _understood(self) -> AsyncIterator[Sequence[Understood]]:
        async for lines in self._lines:
            async for page in self._in_pages(self._format.entries(lines)):
                yield page
        async for page in self._in_pages(self._format.end()):
            yield page

    async def _in_pages(self, entries: Iterator[Entry]) -> AsyncIterator[Sequence[Understood]]:
        page: list[Understood] = []
        room = Room(self._most, _PAGE_BYTES)
        for entry in entries:
            page.append((entry.line, self._enquiry(entry)))
            self._understood_to = entry.line
            if len(page) % _A_TURN == 0:
                await asyncio.sleep(0)
            if not room.left_by(entry):
                yield page
                page, room = [], Room(self._most, _PAGE_BYTES)
        if page:
            yield page

    def _enquiry(self, entry: Entry) -> Enquiry | IntakeError:
        if isinstance(entry.document, IntakeError):
            return entry.document
        try:
            lead = submissions.read(LeadIn, entry.document)
            return self._intake.enquiry(lead, self._intake.receipt(entry.body, self._key))
        except IntakeError as error:
            return error

    async def _publish(self, page: Sequence[Understood], results: Results) -> None:
        enquiries = [entry for _, entry in page if not isinstance(entry, IntakeError)]
        for source in {event_of(enquiry).data.profile.source for enquiry in enquiries}:
            self._record_arrival(source)
        await self._pace.take(len(enquiries))
        intake_results = iter(await self._intake.enquiries(enquiries))
        became = (
            (n, entry if isinstance(entry, IntakeError) else next(intake_results))
            for n, entry in page
        )
        results.add({"line": number, **line_json(result)} for number, result in became)


class BatchResponse(StreamingResponse):
    """The answer goes out while the request still comes in.

    A client that is gone is noticed by its body, which ends; whatever else asked for it here would
    take the body away.
    """

    def __init__(self, results: AsyncIterator[bytes], leave: Callable[[], None]) -> None:
        """`leave` is called when it is over, however it ends."""
        super().__init__(results, 202, media_type=_NDJSON)
        self._leave = leave

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's
        try:
            await self.stream_response(send)
        finally:
            self._leave()
