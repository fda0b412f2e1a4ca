"""A batch: leads line by line, in bounded memory, each with a result of its own."""

import asyncio
import json
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Iterator
from typing import IO

from pydantic import JsonValue

from baton.problems import Problem
from ingest import documents, refusals
from ingest.bodies import Line
from ingest.deliveries import LeadIn
from ingest.intake import Intake, Taken
from ingest.refusals import REFUSED

_IN_MEMORY = 1_048_576
_STEP = 65_536
_BYTES_IN_FLIGHT = 8_388_608
_OURS = 500


class Results:
    """The results of a batch as NDJSON, in the order of its lines.

    They wait in a file until the whole batch has been read: a client that sends all of it before it
    reads anything, as most do, would otherwise wait for us while we wait for it.
    """

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(  # noqa: SIM115 - outlives this
            max_size=_IN_MEMORY
        )

    def add(self, result: dict[str, JsonValue]) -> None:
        self._file.write(json.dumps(result, separators=(",", ":")).encode() + b"\n")

    def read(self) -> Iterator[bytes]:
        """All of them, once."""
        with self._file:
            self._file.seek(0)
            while step := self._file.read(_STEP):
                yield step

    def close(self) -> None:
        self._file.close()


async def take(
    intake: Intake, lines: AsyncIterator[Line], key: str | None, limit: int, in_flight: int
) -> Results:
    """Take each line that is a lead; whatever is wrong with one says its result alone.

    Raises Problem where nothing was taken yet and nothing will be: without a policy, or where the
    body itself is refused.
    """
    intake.bundle()
    results = Results()
    waiting: deque[tuple[int, int, asyncio.Task[dict[str, JsonValue]]]] = deque()
    held = 0
    try:
        async for line in lines:
            if line.text is not None and not line.text.strip():
                continue
            size = len(line.text or b"")
            while waiting and (len(waiting) >= in_flight or held + size > _BYTES_IN_FLIGHT):
                number, done, task = waiting.popleft()
                results.add({"line": number, **await task})
                held -= done
            held += size
            task = asyncio.ensure_future(_result(intake, line, key, limit))
            waiting.append((line.number, size, task))
        for number, _, task in waiting:
            results.add({"line": number, **await task})
    except BaseException:
        # Nobody will read the results; what was under way is the same events when sent again.
        for _, _, task in waiting:
            task.cancel()
        results.close()
        raise
    return results


async def _result(intake: Intake, line: Line, key: str | None, limit: int) -> dict[str, JsonValue]:
    try:
        if line.text is None:
            raise refusals.body_too_large(limit)
        text = line.text.strip()
        given = LeadIn.model_validate(documents.read(text))
        return taken_json(await intake.lead(given, intake.receipt(text, key)))
    except REFUSED as error:
        return _refused(refusals.problem_of(error))
    except Problem as problem:
        return _refused(problem)


def taken_json(taken: Taken) -> dict[str, JsonValue]:
    """What a sender is told of a delivery that was taken."""
    return {
        "state": taken.state.value,
        "lead_id": str(taken.lead_id),
        "event_id": str(taken.event_id),
    }


def _refused(problem: Problem) -> dict[str, JsonValue]:
    state = "refused" if problem.body.status < _OURS else "failed"
    return {"state": state, "problem": problem.body.model_dump(exclude_none=True)}
