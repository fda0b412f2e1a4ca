"""The scoring process: `python -m scoring.main`."""

from baton.runtime.parts import Service
from baton.service import consume, main
from scoring import api
from scoring.domain import SUBSCRIPTION, decide
from scoring.settings import Settings
from scoring.store import Reads, ScoringStore


async def run(settings: Settings) -> None:
    """Put the parts together and live until told to end."""
    await consume(
        settings,
        Service("scoring", SUBSCRIPTION, ScoringStore(), decide),
        "What a lead is worth, where it stands, and why.",
        lambda engine, _commands: [api.router(Reads(engine))],
    )


if __name__ == "__main__":
    main(Settings, "scoring", run)
