"""The servers hang, die and come back."""

import asyncio
import signal
from collections.abc import Iterable

from baton_local.processes import send, with_children
from tests.chaos.deployment import Deployment
from tests.chaos.faults import Faults, Say
from tests.chaos.schedule import Moment, Outage


async def outage(deployment: Deployment, faults: Faults, fault: Outage, say: Say) -> None:
    """Returns when the server works again."""
    stack, server = deployment.stack, str(fault.server)
    main = await asyncio.to_thread(stack.pid, server)
    committing = await asyncio.gather(
        *(faults.stop(process, Moment.RECORDED) for process in fault.committing)
    )
    hung = _hang(main)
    _send_all(signal.SIGCONT, committing)
    try:
        await asyncio.sleep(fault.hangs)
    finally:
        # The first one last: it would have the others end in order.
        _send_all(signal.SIGKILL, reversed(hung))
    await asyncio.to_thread(stack.stop_program, server, crash=True)
    await asyncio.sleep(fault.away)
    await asyncio.to_thread(stack.start_program, server)
    say(f"{server} hung, died and came back")


def _send_all(sent: signal.Signals, pids: Iterable[int | None]) -> None:
    for pid in pids:
        send(sent, pid)


def _hang(main: int) -> list[int]:
    """Stop who makes the others first, so that there are no more of them afterwards."""
    send(signal.SIGSTOP, main)
    processes = [process.pid for process in with_children(main)]
    for pid in processes:
        send(signal.SIGSTOP, pid)
    return processes
