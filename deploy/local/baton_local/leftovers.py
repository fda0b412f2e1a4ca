"""State of test runs, named after the process that made it, so that none outlives its run."""

import contextlib
import os
import secrets
from pathlib import Path

import psutil

from baton_local.paths import RUN
from baton_local.ports import Ports
from baton_local.stack import Stack

TESTS = RUN / "test"


def new_state() -> Path:
    return TESTS / f"{os.getpid()}-{secrets.token_hex(3)}"


def remove_leftovers() -> bool:
    """Removes what killed test runs have left; whether another run still goes on."""
    going_on = False
    for state in TESTS.glob("*-*"):
        if psutil.pid_exists(int(state.name.split("-")[0])):
            going_on = True
            continue
        # Another run may be at it too; what it does not get done, the next one does.
        with contextlib.suppress(OSError):
            Stack(state, Ports()).remove()
    return going_on
