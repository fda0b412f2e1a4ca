"""The sla-monitor process: `python -m sla_monitor.main`."""

from baton.runtime.parts import Service
from baton.service import consume, main
from sla_monitor import api
from sla_monitor.domain import SUBSCRIPTION, decide
from sla_monitor.settings import Settings
from sla_monitor.store import ClockStore, Reads


async def run(settings: Settings) -> None:
    """Put the parts together and live until told to end."""
    await consume(
        settings,
        Service("sla_monitor", SUBSCRIPTION, ClockStore(), decide),
        "Which promises run, were kept, and were broken.",
        lambda engine, _commands: [api.router(Reads(engine))],
    )


if __name__ == "__main__":
    main(Settings, "sla_monitor", run)
