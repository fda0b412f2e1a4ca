"""Ctrl-C, and the other ways to be asked to end, at a moment that suits."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def deferred() -> Iterator[None]:
    """Delay an interrupt of the block until its end. Python raises KeyboardInterrupt between any
    two steps, also while a new thread is not registered yet. Other threads than the main one are
    never interrupted.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []
    signals = (signal.SIGINT, signal.SIGTERM)
    before = {
        watched: signal.signal(watched, lambda number, _: received.append(number))
        for watched in signals
    }
    try:
        yield
    finally:
        for watched, handler in before.items():
            signal.signal(watched, handler)
        for number in received:
            signal.raise_signal(number)
