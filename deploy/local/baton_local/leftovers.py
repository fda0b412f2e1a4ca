"""State of test runs and demos, named after the process that made it, so that none outlives it."""

import contextlib
import os
import secrets
from pathlib import Path

import psutil

from baton_local.paths import RUN
from baton_local.ports import Ports
from baton_local.stack import Stack

TESTS = RUN / "test"
DEMOS = RUN / "demo"


def new_state(among: Path = TESTS) -> Path:
    return among / f"{os.getpid()}-{secrets.token_hex(3)}"


def remove_leftovers(among: Path = TESTS) -> bool:
    """Removes what killed processes have left; whether another one still goes on."""
    going_on = False
    for state in among.glob("*-*"):
        if psutil.pid_exists(int(state.name.split("-")[0])):
            going_on = True
            continue
        # Another process may be at it too; what it does not get done, the next one does.
        with contextlib.suppress(OSError):
            Stack(state, Ports()).remove()
    return going_on
