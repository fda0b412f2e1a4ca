"""Waiting for what happens outside this process."""

import time
from collections.abc import Callable

from baton_local.errors import StackError

GENEROUS_S = 120.0
"""Seconds that each step may take, also on a busy machine."""


def wait_until(condition: Callable[[], bool], failure: str) -> None:
    """Raises StackError saying `failure` if it takes more than is generous."""
    if not happens(condition):
        raise StackError(failure)


def happens(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + GENEROUS_S
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
