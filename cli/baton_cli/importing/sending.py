"""Batches on their way to ingest, until each line has its answer."""

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from pydantic import BaseModel, TypeAdapter

from baton_cli.api import Another, Api, Away, ProblemText, Refused
from baton_cli.failures import Failure
from baton_cli.importing.deliveries import Delivery
from baton_cli.times import duration

PATH = "/v1/leads/batch"
PATIENCE = timedelta(minutes=5)
"""Seconds without an accepted row after which an import gives up; a later run continues it."""

_SERVER_ERROR = 500
_TOO_MANY = 429
_QUARANTINED = "quarantined"
_ACCEPTED = frozenset({"published", "spooled", _QUARANTINED})
_REFUSED = "refused"
_SOON_S = 1.0
_LONGEST_PAUSE_S = 10.0


class _Result(BaseModel):
    """Ingest's result of one line; `line` is its number in the request."""

    line: int
    state: str
    problem: ProblemText | None = None


_RESULT = TypeAdapter(_Result)


@dataclass(slots=True)
class Outcome:
    """The result of a batch: the number of accepted deliveries, and the reasons for the others.
    `quarantined` counts the accepted ones that are in quarantine.
    """

    accepted: int = 0
    quarantined: int = 0
    refused: dict[int, str] = field(default_factory=dict)


async def sent(api: Api, deliveries: Sequence[Delivery], waits: Callable[[str], None]) -> Outcome:
    """Send a batch until each delivery is taken or refused, however often that takes.

    Sending one again is safe: it has an id. `waits` is told why it takes long. Raises Failure where
    that would not help, or nothing was answered for PATIENCE.
    """
    outcome = Outcome()
    left = deliveries
    pause = 0.5
    deadline = time.monotonic() + PATIENCE.total_seconds()
    while left:
        answered, why = await _try(api, left, waits)
        for delivery in (unanswered for unanswered in left if unanswered.line in answered):
            result = answered[delivery.line]
            if result.state == _REFUSED:
                outcome.refused[delivery.line] = str(result.problem or _REFUSED)
            else:
                outcome.accepted += 1
                outcome.quarantined += result.state == _QUARANTINED
        left = [unanswered for unanswered in left if unanswered.line not in answered]
        if answered:
            pause, deadline = 0.5, time.monotonic() + PATIENCE.total_seconds()
        if left and time.monotonic() > deadline:
            raise Failure(
                f"ingest has taken nothing for {duration(PATIENCE)}: {why.message}", why.way_out
            ) from why
        if left:
            if pause > _SOON_S:
                waits(why.message)
            await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - jitter
            pause = min(2 * pause, _LONGEST_PAUSE_S)
    return outcome


async def _try(
    api: Api, deliveries: Sequence[Delivery], waits: Callable[[str], None]
) -> tuple[Mapping[int, _Result], Failure]:
    """By its line in the file what became of each that was taken or refused.

    The Failure says why others were not. Raises Failure where trying again would not help.
    """
    answered: dict[int, _Result] = {}
    why = Failure("it has not answered every line")
    try:
        async for result in api.post_lines(
            PATH, [delivery.body for delivery in deliveries], _RESULT
        ):
            if result is None:
                waits("ingest holds it back until the readers of the leads have caught up")
                continue
            if result.state in _ACCEPTED or result.state == _REFUSED:
                answered[deliveries[result.line - 1].line] = result
            elif result.problem is not None:
                why = Failure(str(result.problem))
    except Another:
        raise
    except Away as away:
        why = away
    except Refused as refused:
        if refused.status < _SERVER_ERROR and refused.status != _TOO_MANY:
            raise
        why = refused
    return answered, why
