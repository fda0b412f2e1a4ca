"""The servers hang; they die and come back, or go on with those who woke meanwhile."""

import asyncio
import signal
from collections.abc import Iterable

from baton_local.processes import send, with_children
from chaos.deployment import Deployment
from chaos.faults import Faults, Say
from chaos.pace import Pace
from chaos.schedule import Outage, Server, Waking

_LULL = 3.0


async def outage(deployment: Deployment, fault: Outage, say: Say) -> None:
    """Returns when the server works again."""
    stack, server = deployment.stack, str(fault.server)
    hung = _hang(await asyncio.to_thread(stack.pid, server))
    try:
        await asyncio.sleep(fault.hangs)
    finally:
        # The first one last: it would have the others end in order.
        for pid in reversed(hung):
            send(signal.SIGKILL, pid)
    await asyncio.to_thread(stack.stop_program, server, crash=True)
    await asyncio.sleep(fault.away)
    await asyncio.to_thread(stack.start_program, server)
    say(f"{server} hung, died and came back")


async def wake(deployment: Deployment, faults: Faults, pace: Pace, fault: Waking, say: Say) -> None:
    """Returns when both servers work again.

    Processes freeze in a lull: one that holds a record which others have read meanwhile would
    notice at once that it is late. What reps have to say is kept for when they wake.
    """
    stack = deployment.stack
    pace.hush()
    await asyncio.sleep(_LULL)
    frozen = [await asyncio.to_thread(deployment.pid, process) for process in fault.processes]
    for pid in frozen:
        send(signal.SIGSTOP, pid)
    pace.delivering.set()
    hung: dict[Server, list[int]] = {}
    try:
        await asyncio.gather(*(faults.taken_over(each.service) for each in fault.processes))
        for server in Server:
            hung[server] = _hang(await asyncio.to_thread(stack.pid, str(server)))
        _go_on(frozen)
        pace.resume()
        await asyncio.sleep(fault.both_hang)
        _go_on(hung[Server.POSTGRES])
        await asyncio.sleep(fault.kafka_hangs)
    finally:
        _go_on([*frozen, *(pid for pids in hung.values() for pid in pids)])
        pace.resume()
    say(f"{', '.join(process.name for process in fault.processes)} woke while both servers hung")


def _go_on(pids: Iterable[int | None]) -> None:
    for pid in pids:
        send(signal.SIGCONT, pid)


def _hang(main: int) -> list[int]:
    """Stop who makes the others first, so that there are no more of them afterwards."""
    send(signal.SIGSTOP, main)
    processes = [process.pid for process in with_children(main)]
    for pid in processes:
        send(signal.SIGSTOP, pid)
    return processes
