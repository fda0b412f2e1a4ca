"""What the services take while nothing happens, and how long they take to be there."""

import asyncio
import time
from collections.abc import AsyncIterator

import asyncpg

from baton_cli.service import Service
from baton_local.readiness import http_ready
from tests.bench.deployment import Deployment, deployed
from tests.bench.figures import Figure, Unit
from tests.bench.setting import Setting
from tests.bench.usage import SERVERS, memory_bytes, usage

_PATIENCE_S = 120
_LOOK_EVERY_S = 0.01
_QUIET_AFTER_S = 3
_MB = 1_000_000


async def scenario(setting: Setting) -> AsyncIterator[Figure]:
    """Each service is started, alone with those before it; then all of them are left alone."""
    stack, seconds = setting.stack, setting.sizes.seconds
    async with deployed(stack, setting.profiles) as deployment:
        for service in Service:
            what = f"{service}: from its start until it is ready"
            yield Figure(what=what, unit=Unit.SECONDS, value=_start(deployment, service))
        pids = {service.schema: deployment.pid(service) for service in Service}
        pids |= {name: stack.pid(name) for name in SERVERS}
        db = await asyncpg.connect(deployment.database_url)
        try:
            await asyncio.sleep(_QUIET_AFTER_S)
            setting.say(f"  nothing happens for {seconds} s")
            before = await usage(db, pids)
            await asyncio.sleep(seconds)
            used = (await usage(db, pids)).since(before)
        finally:
            await db.close()
        for name, cpu in used.cpu.items():
            value = cpu / used.at * 100
            yield Figure(what=f"{name}: idle, of one core", unit=Unit.PERCENT, value=value)
        wal = used.wal_bytes / used.at * 60
        yield Figure(what="all of them: idle, WAL a minute", unit=Unit.BYTES, value=wal)
        for service in Service:
            size = memory_bytes(deployment.pid(service)) / _MB
            yield Figure(what=f"{service}: memory, idle", unit=Unit.MEGABYTES, value=size)


def _start(deployment: Deployment, service: Service) -> float:
    """Seconds until it is ready. Raises TimeoutError."""
    begin = time.monotonic()
    deployment.start(service, wait=False)
    while (waits_for := http_ready(f"{deployment.url(service)}/readyz")) is not None:
        if time.monotonic() - begin > _PATIENCE_S:
            raise TimeoutError(f"{service} is not ready: {waits_for}")
        time.sleep(_LOOK_EVERY_S)
    return time.monotonic() - begin
