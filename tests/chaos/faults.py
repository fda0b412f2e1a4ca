"""Faults of processes: they are killed, frozen and woken at the moments that hurt most."""

import asyncio
import random
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from functools import partial

import asyncpg

from baton.runtime.saving import RECORD
from baton.runtime.shard_opener import UNPUBLISHED
from baton_local.processes import send
from tests.chaos.deployment import EXTRA, SHARDS, Deployment, seconds
from tests.chaos.schedule import Freeze, Kill, LateRaise, Moment, Process, Thaw
from tests.chaos.sights import Session, Sights, sights

_AIMING = 4.0
"""How long a moment is waited for; after that, any will do."""
_TAKING_OVER = 10.0
_JOINING = 30.0
_RAISING = 5.0
_GIVEN_UP = ("SESSION", "TRANSACTION", "DRAIN", "REBALANCE", "PUBLISH", "STALL", "PATIENCE")
_BEYOND = 1.0 + max(map(seconds, _GIVEN_UP))
"""Longer than whatever ends a session, a transaction, a stay in the group or a process."""
_FLOWS = 2.0
"""By then there are promises whose time has come again, and reps who have to say something."""
_PILES_UP = 0.5
_GLANCE = 0.001
_STEP = 0.003

Say = Callable[[str], None]


class Faults:
    """What befalls processes of a deployment. `chance` decides on what no schedule can foresee."""

    def __init__(self, deployment: Deployment, chance: random.Random, say: Say) -> None:
        self._deployment = deployment
        self._chance = chance
        self._say = say
        self._server_port = deployment.stack.ports.postgres
        # The supervisor is told of one new program at a time.
        self._joining = asyncio.Lock()

    async def kill(self, fault: Kill) -> None:
        """Kill a process; whoever supervises it starts it again."""
        await asyncio.sleep(fault.after)
        async with self._sights() as look:
            pid = self._deployment.pid(fault.process)
            if pid is None:
                return
            hit = None
            if fault.moment is not Moment.ANY:
                hit = await self._hold(look, fault.process, pid, fault.moment)
            send(signal.SIGKILL, pid)
        self._say(f"killed {fault.process.name} {fault.moment if hit else Moment.ANY}")

    async def freeze(self, fault: Freeze) -> None:
        """Freeze a process in a batch, and wake it."""
        await asyncio.sleep(fault.after)
        async with self._sights() as look:
            pid = self._deployment.pid(fault.process)
            if pid is None:
                return
            try:
                held = await self._hold(look, fault.process, pid, fault.moment)
                if held is None:
                    send(signal.SIGSTOP, pid)
                await self._until(fault.thaw, look, held)
                if fault.thaw is Thaw.WAITED_FOR_AND_KILLED:
                    await self._let_commit(look, pid, held)
                    send(signal.SIGKILL, pid)
            finally:
                send(signal.SIGCONT, pid)
        how = fault.moment if held else Moment.ANY
        self._say(f"froze {fault.process.name} {how}, woken {fault.thaw}")

    async def raise_late(self, fault: LateRaise) -> None:
        """Have a process raise an epoch of a shard that was given to others meanwhile, and die."""
        await asyncio.sleep(fault.after)
        extra = Process(fault.service, EXTRA)
        async with self._joining:
            await asyncio.to_thread(self._deployment.begin, extra)
        raised = False
        try:
            async with self._sights() as look:
                pid = await self._stop_between_shards(look, extra)
                if pid is not None:
                    await self.taken_over(fault.service)
                    raised = await self._let_raise(look, fault.service, pid)
        finally:
            await asyncio.to_thread(self._deployment.stack.stop_program, extra.name, crash=True)
        self._say(f"{extra.name} died {'with a late raise' if raised else 'as it joined'}")

    async def _stop_between_shards(self, look: Sights, extra: Process) -> int | None:
        """Stop a process that was begun when it has opened one shard, and no other.

        Nobody raises an epoch until it wants to; then what is left in the first shard's outbox is
        the last that it asks for. Returns its pid, None where it did not come to that: others who
        want to raise one end whose session keeps them from it.
        """
        service = extra.service
        pid = await asyncio.to_thread(self._deployment.stack.pid, extra.name)

        async def waits_for(statement: str) -> bool:
            return any(
                session.waits and begins(session.statement, statement)
                for session in await look.sessions(service, pid)
            )

        stopped = False
        with suppress(asyncpg.PostgresConnectionError, asyncpg.InterfaceError):
            async with self._sights() as first, self._sights() as then, AsyncExitStack() as unread:
                async with first.kept(service, "shard"):
                    if not await _soon(partial(waits_for, "UPDATE shard"), _JOINING, _STEP):
                        return None
                    await unread.enter_async_context(then.kept(service, "outbox", unread=True))
                stopped = await _soon(partial(waits_for, UNPUBLISHED), seconds("LOCK"))
                send(signal.SIGSTOP, pid)
        return pid if stopped else None

    async def stop(self, process: Process, moment: Moment) -> int | None:
        """Stop a process; returns its pid, None where it does not run."""
        pid = self._deployment.pid(process)
        if pid is None:
            return None
        async with self._sights() as look:
            await self._hold(look, process, pid, moment)
            send(signal.SIGSTOP, pid)
        return pid

    async def wake_beside_successor(self, process: Process, pid: int) -> bool:
        """Wake a frozen process when others have its shards, and much to do, as has it.

        Returns whether it has decided on something while they did.
        """
        service = process.service
        try:
            await self.taken_over(service)
            await asyncio.sleep(_FLOWS)
            async with self._sights() as look, self._sights() as keeping:

                async def others_have_decided() -> bool:
                    return await look.somebody_waits(service)

                async def has_decided() -> bool:
                    return any(session.waits for session in await look.sessions(service, pid))

                async with keeping.kept(service, "outbox"):
                    await asyncio.sleep(_PILES_UP)
                async with keeping.kept(service, "outbox"):
                    await _soon(others_have_decided, seconds("LOCK") / 2)
                    send(signal.SIGCONT, pid)
                    return await _soon(has_decided, seconds("LOCK"))
        finally:
            send(signal.SIGCONT, pid)

    async def taken_over(self, service: str) -> None:
        """Once the processes that move have all shards of a service open, or too long after."""
        processes = [p for p in self._deployment.processes if p.service == service]

        async def all_open() -> bool:
            asked = (self._open_shards(process) for process in processes)
            return sum(await asyncio.gather(*asked)) >= SHARDS

        await asyncio.sleep(seconds("SESSION"))
        await _soon(all_open, _TAKING_OVER, 0.1)

    async def _open_shards(self, process: Process) -> float:
        found = await asyncio.to_thread(self._deployment.metric, process, "baton_shards_open")
        return found or 0

    def _sights(self) -> AbstractAsyncContextManager[Sights]:
        return sights(self._deployment.alone.database_url, self._server_port)

    async def _hold(
        self, look: Sights, process: Process, pid: int, moment: Moment
    ) -> Session | None:
        """Stop a process at a moment; None where it runs on without."""
        deadline = time.monotonic() + _AIMING
        while time.monotonic() < deadline:
            send(signal.SIGSTOP, pid)
            for session in await look.sessions(process.service, pid):
                if _WANTED[moment](session):
                    return session
            send(signal.SIGCONT, pid)
            await asyncio.sleep(self._chance.uniform(0.002, 0.02))
        return None

    async def _until(self, thaw: Thaw, look: Sights, held: Session | None) -> None:
        if thaw is Thaw.BEYOND_EVERY_TIMEOUT:
            await asyncio.sleep(_BEYOND)
            return
        if thaw is Thaw.TAKEN_OVER or held is None:
            # Sooner than the server ends a session that is idle in a transaction.
            await asyncio.sleep(seconds("IDLE_IN_TRANSACTION") - 0.8)
            return

        async def waited_for() -> bool:
            blocks = await look.blocks_somebody(held.backend)
            return blocks or not await look.in_transaction(held.backend)

        await _soon(waited_for, _TAKING_OVER)

    @staticmethod
    async def _let_commit(look: Sights, pid: int, held: Session | None) -> None:
        """Have a process go on in small steps until its transaction is over, and no further."""
        deadline = time.monotonic() + seconds("LOCK")
        while held is not None and time.monotonic() < deadline:
            send(signal.SIGCONT, pid)
            await asyncio.sleep(_GLANCE)
            send(signal.SIGSTOP, pid)
            if not await look.in_transaction(held.backend):
                return

    @staticmethod
    async def _let_raise(look: Sights, service: str, pid: int) -> bool:
        """Have a process go on in small steps until it has raised an epoch, and no further.

        Were it to join its group again, all shards would be opened anew. Returns whether it has.
        """
        before = await look.epochs(service)
        deadline = time.monotonic() + _RAISING
        raised = 0
        while not raised and time.monotonic() < deadline:
            send(signal.SIGCONT, pid)
            await asyncio.sleep(_STEP)
            send(signal.SIGSTOP, pid)
            now = await look.epochs(service)
            raised = sum(now[shard] != epoch for shard, epoch in before.items())
        return raised == 1


def begins(statement: str, expected: str) -> bool:
    """Whether a session's statement begins like this one of the runner, up to its first bracket.

    The texts come from the runner's modules, so that an aim does not miss after a rewrite.
    """
    return " ".join(statement.split()).startswith(
        " ".join(expected.split("(", maxsplit=1)[0].split())
    )


_WANTED: dict[Moment, Callable[[Session], bool]] = {
    Moment.IN_BATCH: lambda session: session.in_transaction,
    Moment.RECORDED: lambda session: session.in_transaction and begins(session.statement, RECORD),
    Moment.AFTER_COMMIT: lambda session: (
        not session.in_transaction and session.statement.startswith("COMMIT")
    ),
}


async def _soon(
    look: Callable[[], Awaitable[bool]], within: float, between: float = _GLANCE
) -> bool:
    """Whether it comes true in time."""
    deadline = time.monotonic() + within
    while not (found := await look()) and time.monotonic() < deadline:  # noqa: ASYNC110 - others don't tell
        await asyncio.sleep(between)
    return found
