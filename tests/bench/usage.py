"""What processes and the database have used up so far, to be subtracted from each other."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import asyncpg
import psutil

SERVERS = ("postgres", "kafka")


@dataclass(frozen=True, slots=True)
class Usage:
    """At one moment, or between two. Seconds; `cpu` by process, its children included."""

    at: float
    cpu: Mapping[str, float]
    wal_bytes: int

    def since(self, before: Self) -> "Usage":
        cpu = {name: self.cpu[name] - before.cpu[name] for name in self.cpu}
        return Usage(self.at - before.at, cpu, self.wal_bytes - before.wal_bytes)


async def usage(db: asyncpg.Connection, pids: Mapping[str, int]) -> Usage:
    """`pids` by the names that the answer has."""
    wal = await db.fetchval("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn")
    return Usage(time.monotonic(), {n: cpu_seconds(pid) for n, pid in pids.items()}, int(wal))


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, of its children, and of those that have ended."""
    process = psutil.Process(pid)
    spent = sum(process.cpu_times()[:4])
    return spent + sum(cpu_seconds(child.pid) for child in process.children())


def memory_bytes(pid: int) -> int:
    """What of a process is in memory, shared parts included."""
    return int(psutil.Process(pid).memory_info().rss)
