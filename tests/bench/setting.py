"""What every scenario is given."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from baton_local.stack import Stack
from bench.figures import Figure


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of it there is."""

    backlog: int
    """Leads that wait when a consumer starts."""

    def by_name(self) -> Mapping[str, int]:
        return asdict(self)


FULL = Sizes(backlog=30_000)
QUICK = Sizes(backlog=600)


@dataclass(frozen=True, slots=True)
class Setting:
    """`say` tells who watches; `profiles` is where processes leave what they did, if they do."""

    stack: Stack
    sizes: Sizes
    say: Callable[[str], None]
    profiles: Path | None = None


Scenario = Callable[[Setting], AsyncIterator[Figure]]
"""One repetition; each figure as soon as it is there."""
