import signal
import threading

import pytest

from baton_local.interrupts import deferred


def interrupted(done: list[str]) -> None:
    with deferred():
        signal.raise_signal(signal.SIGINT)
        done.append("the block")
    done.append("what follows")


def test_who_interrupts_is_heard_at_the_end_of_the_block_and_not_before() -> None:
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        interrupted(done)
    assert done == ["the block"]


def test_afterwards_one_is_heard_at_once() -> None:
    with deferred():
        pass
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_a_thread_may_use_it_too() -> None:
    done: list[str] = []

    def work() -> None:
        with deferred():
            done.append("the block")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == ["the block"]
