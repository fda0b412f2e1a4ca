"""What every scenario is given."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from baton_local.stack import Stack
from tests.bench.figures import Figure


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of it there is."""

    backlog: int
    """Leads that wait when a consumer starts."""
    seconds: int
    """For which a rate is kept up."""
    warm_up: int
    """Leads that go before what is measured."""
    burst: int
    """Leads that are sent as fast as they are taken."""
    trial_seconds: int
    """For which a rate must hold to count as sustained."""
    trials: int
    """Rates that are tried, at most, to find the highest."""
    sample: int
    """Leads that the services make themselves; the tables are filled with copies of them."""
    few: int
    many: int
    """Leads in the tables, before growth and after."""
    mixed: int
    """Leads that wait then, half of them known."""

    timers: int
    """Timers that are all due when the monitor starts."""
    shards: int
    """Over which they are spread."""

    rows: int
    """Leads in the list that is imported."""
    import_seconds: int
    """For which live leads come beside it."""

    def by_name(self) -> Mapping[str, int]:
        return asdict(self)


FULL = Sizes(
    backlog=30_000,
    seconds=20,
    warm_up=1_500,
    burst=4_000,
    trial_seconds=12,
    trials=8,
    sample=1_000,
    few=10_000,
    many=1_000_000,
    mixed=20_000,
    timers=100_000,
    shards=128,
    rows=1_000_000,
    import_seconds=120,
)
QUICK = Sizes(
    backlog=600,
    seconds=1,
    warm_up=5,
    burst=50,
    trial_seconds=1,
    trials=1,
    sample=20,
    few=100,
    many=400,
    mixed=60,
    timers=1_200,
    shards=16,
    rows=600,
    import_seconds=1,
)


@dataclass(frozen=True, slots=True)
class Setting:
    """`say` tells who watches; `profiles` is where processes leave what they did, if they do."""

    stack: Stack
    sizes: Sizes
    say: Callable[[str], None]
    profiles: Path | None = None


Scenario = Callable[[Setting], AsyncIterator[Figure]]
"""One repetition; each figure as soon as it is there."""
