"""Processes that have lost their shards, and don't know it, beside those that have them."""

import asyncio
import signal

from baton_local.processes import send
from tests.chaos.deployment import Deployment
from tests.chaos.faults import Faults, Say
from tests.chaos.schedule import Overlap

_LULL = 3.0
_ANSWERED = 0.5
"""By then Kafka has answered all that a process had asked for."""


async def overlap(
    deployment: Deployment, faults: Faults, sending: asyncio.Event, fault: Overlap, say: Say
) -> None:
    """Returns when all are awake.

    They freeze in a lull, in which `sending` is not set: who holds a record that others have read
    meanwhile notices at once that it is late.
    """
    sending.clear()
    try:
        await asyncio.sleep(_LULL)
        pids = await asyncio.to_thread(lambda: [deployment.pid(p) for p in fault.processes])
        frozen = {p: pid for p, pid in zip(fault.processes, pids, strict=True) if pid is not None}
        for pid in frozen.values():
            send(signal.SIGSTOP, pid)
        await asyncio.sleep(_ANSWERED)
    finally:
        sending.set()
    decided = await asyncio.gather(
        *(faults.wake_beside_successor(*each) for each in frozen.items())
    )
    for process, has in zip(frozen, decided, strict=True):
        what = "decides on something" if has else "finds nothing to do"
        say(f"{process.name} woke beside its successor, and {what}")
