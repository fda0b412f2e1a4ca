"""Processes of this machine, seen from outside."""

import contextlib
import os
import signal

import psutil


def with_children(pid: int | None) -> list[psutil.Process]:
    """The process and all that come from it; nothing if it is gone."""
    if pid is None:
        return []
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def alive(process: psutil.Process) -> bool:
    """Whether it still runs: one that is only waiting to be reaped does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def send(sent: signal.Signals, pid: int | None) -> None:
    """To a process that may have gone meanwhile."""
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, sent)
