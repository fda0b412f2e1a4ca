"""What a process says of itself: its health, and its metrics."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import httpx

_ZERO = {
    "baton_outbox_rows": "events are in its outbox",
    "baton_outbox_unpublished": "events wait to be published",
    "baton_commands_waiting": "commands wait",
    "baton_timers_overdue_seconds": "seconds is a timer overdue",
    "baton_breaker_tripped": "breaker is open",
}
_ZERO_OF_INTAKE = _ZERO | {"baton_spool_rows": "events are in the spool"}


@dataclass(frozen=True, slots=True)
class Scrape:
    """`metrics` are those without labels; `unready` says why it is not simply ready. `intake`: it
    is a process that has the spool.
    """

    SHARDS: ClassVar[str] = "baton_shards_open"

    metrics: Mapping[str, float]
    unready: str | None
    intake: bool = False

    def value(self, name: str) -> float:
        """0 where it has no such metric."""
        return self.metrics.get(name, 0)

    @property
    def unrest(self) -> list[str]:
        """Why it is not at rest."""
        if self.unready is not None:
            return [self.unready]
        zero = _ZERO_OF_INTAKE if self.intake else _ZERO
        waits = [f"{self.value(name):g} {says}" for name, says in zero.items() if self.value(name)]
        missing = [name for name in zero if name not in self.metrics]
        return waits + [f"has no {name}" for name in missing]


async def scrape(http: httpx.AsyncClient, url: str, *, intake: bool) -> Scrape:
    """Ask a process. Raises nothing: not to answer is a way of being unready."""
    try:
        ready = await http.get(f"{url}/readyz")
        told = await http.get(f"{url}/metrics")
    except httpx.TransportError as error:
        return Scrape({}, f"does not answer: {type(error).__name__}", intake)
    unready = None
    if ready.status_code != 200 or ready.json()["status"] != "ready":
        unready = f"not ready: {ready.text}"
    pairs = (line.rpartition(" ") for line in told.text.splitlines() if not line.startswith("#"))
    metrics = {name: float(value) for name, _, value in pairs if name and "{" not in name}
    return Scrape(metrics, unready, intake)
