"""Outages of the servers: they hang, die, and come back."""

import asyncio
import signal

from baton_local.processes import send, with_children
from chaos.deployment import Deployment
from chaos.faults import Faults, Say
from chaos.schedule import Outage


async def outage(deployment: Deployment, faults: Faults, fault: Outage, say: Say) -> None:
    """Returns when the server works again."""
    stack, server = deployment.stack, str(fault.server)
    freezing = (faults.freeze_until_taken_over(process) for process in fault.woken)
    frozen = await asyncio.gather(*freezing)
    main = await asyncio.to_thread(stack.pid, server)
    hung = _hang(main)
    try:
        for pid in frozen:
            send(signal.SIGCONT, pid)
        await asyncio.sleep(fault.hangs)
    finally:
        # Whoever of them dies first, nobody is left who could tell the others.
        for pid in reversed(hung):
            send(signal.SIGCONT if fault.away is None else signal.SIGKILL, pid)
    if fault.away is not None:
        await asyncio.to_thread(stack.stop_program, server, crash=True)
        await asyncio.sleep(fault.away)
        await asyncio.to_thread(stack.start_program, server)
    end = "hung" if fault.away is None else "hung, died and came back"
    woken = ", ".join(process.name for process in fault.woken)
    say(f"{server} {end}" + (f"; {woken} woke meanwhile" if woken else ""))


def _hang(main: int) -> list[int]:
    """Stop who makes the others first, so that there are no more of them afterwards."""
    send(signal.SIGSTOP, main)
    processes = [process.pid for process in with_children(main)]
    for pid in processes:
        send(signal.SIGSTOP, pid)
    return processes
