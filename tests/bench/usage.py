"""What processes and the database have used up so far, to be subtracted from each other."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import asyncpg
import psutil

SERVERS = ("postgres", "kafka")

_SESSIONS = """
SELECT substring(application_name FROM 'baton-([a-z_]+)') AS service, array_agg(pid) AS pids,
    sum((pg_stat_get_backend_wal(pid)).wal_bytes)::bigint AS wal
FROM pg_stat_activity WHERE application_name LIKE 'baton-%' GROUP BY service
"""


@dataclass(frozen=True, slots=True)
class Usage:
    """At one moment, or between two. Seconds; `cpu` by process, its children included.

    What a service's sessions at the database have used stands apart too, by service; the WAL of
    those as far as PostgreSQL has been told, which a session does about once a second.
    """

    at: float
    cpu: Mapping[str, float]
    wal_bytes: int
    session_cpu: Mapping[str, float]
    session_wal: Mapping[str, int]

    def since(self, before: Self) -> "Usage":
        return Usage(
            at=self.at - before.at,
            cpu={name: self.cpu[name] - before.cpu[name] for name in self.cpu},
            wal_bytes=self.wal_bytes - before.wal_bytes,
            session_cpu={
                name: spent - before.session_cpu.get(name, 0)
                for name, spent in self.session_cpu.items()
            },
            session_wal={
                name: written - before.session_wal.get(name, 0)
                for name, written in self.session_wal.items()
            },
        )


async def usage(db: asyncpg.Connection, pids: Mapping[str, int]) -> Usage:
    """`pids` by the names that the answer has."""
    wal = await db.fetchval("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn")
    sessions = await db.fetch(_SESSIONS)
    return Usage(
        at=time.monotonic(),
        cpu={name: cpu_seconds(pid) for name, pid in pids.items()},
        wal_bytes=int(wal),
        session_cpu={
            row["service"]: sum(map(_cpu_seconds_if_alive, row["pids"])) for row in sessions
        },
        session_wal={row["service"]: row["wal"] for row in sessions},
    )


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, of its children, and of those that have ended."""
    process = psutil.Process(pid)
    spent = sum(process.cpu_times()[:4])
    return spent + sum(_cpu_seconds_if_alive(child.pid) for child in process.children())


def _cpu_seconds_if_alive(pid: int) -> float:
    """0 for one that has just ended: its time is its parent's by now."""
    try:
        return cpu_seconds(pid)
    except psutil.NoSuchProcess:
        return 0


def memory_bytes(pid: int) -> int:
    """What of a process is in memory, shared parts included."""
    return int(psutil.Process(pid).memory_info().rss)
