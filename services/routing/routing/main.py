"""The routing process: `python -m routing.main`."""

from baton.runtime.parts import Service
from baton.service import consume, main
from routing import api
from routing.domain import SUBSCRIPTION, decide
from routing.settings import Settings
from routing.store import Reads, RoutingStore


async def run(settings: Settings) -> None:
    """Put the parts together and live until told to end."""
    await consume(
        settings,
        Service("routing", SUBSCRIPTION, RoutingStore(), decide),
        "Who has a lead, why, and what its rep makes of it.",
        lambda engine, commands: [api.router(Reads(engine), commands)],
    )


if __name__ == "__main__":
    main(Settings, "routing", run)
