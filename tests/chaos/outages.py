"""The servers hang; they die and come back, or go on with those who woke meanwhile."""

import asyncio
import signal
from collections.abc import Iterable

from baton_local.processes import send, with_children
from chaos.deployment import Deployment
from chaos.faults import Faults, Say
from chaos.schedule import Outage, Server, Waking


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


async def wake(deployment: Deployment, faults: Faults, fault: Waking, say: Say) -> None:
    """Returns when both servers work again."""
    stack = deployment.stack
    freezing = (faults.freeze_until_taken_over(process) for process in fault.processes)
    frozen = await asyncio.gather(*freezing)
    kafka, postgres = [await asyncio.to_thread(stack.pid, str(server)) for server in Server]
    hung = {Server.KAFKA: _hang(kafka), Server.POSTGRES: _hang(postgres)}
    try:
        _go_on(frozen)
        await asyncio.sleep(fault.both_hang)
        _go_on(hung[Server.POSTGRES])
        await asyncio.sleep(fault.kafka_hangs)
    finally:
        _go_on([*frozen, *(pid for pids in hung.values() for pid in pids)])
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
