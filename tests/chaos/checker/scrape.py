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
    "baton_spool_rows": "events are in the spool",
    "baton_breaker_tripped": "breaker is open",
}


@dataclass(frozen=True, slots=True)
class Scrape:
    """`metrics` are those without labels; `unready` says why it is not simply ready."""

    SHARDS: ClassVar[str] = "baton_shards_open"

    metrics: Mapping[str, float]
    unready: str | None

    def value(self, name: str) -> float:
        """0 where it has no such metric."""
        return self.metrics.get(name, 0)

    @property
    def unrest(self) -> list[str]:
        """Why it is not at rest."""
        if self.unready is not None:
            return [self.unready]
        waits = [f"{self.value(name):g} {says}" for name, says in _ZERO.items() if self.value(name)]
        missing = [name for name in _ZERO if name not in self.metrics and "spool" not in name]
        return waits + [f"has no {name}" for name in missing]


async def scrape(http: httpx.AsyncClient, url: str) -> Scrape:
    """Ask a process. Raises nothing: not to answer is a way of being unready."""
    try:
        ready = await http.get(f"{url}/readyz")
        told = await http.get(f"{url}/metrics")
    except httpx.TransportError as error:
        return Scrape({}, f"does not answer: {type(error).__name__}")
    unready = None
    if ready.status_code != 200 or ready.json()["status"] != "ready":
        unready = f"not ready: {ready.text}"
    pairs = (line.rpartition(" ") for line in told.text.splitlines() if not line.startswith("#"))
    metrics = {name: float(value) for name, _, value in pairs if name and "{" not in name}
    return Scrape(metrics, unready)
