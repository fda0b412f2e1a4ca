import signal
import threading

import pytest

from baton_local.interrupts import deferred


def test_who_interrupts_is_heard_at_the_end_and_not_before() -> None:
    done = False
    with pytest.raises(KeyboardInterrupt), deferred():
        signal.raise_signal(signal.SIGINT)
        done = True
    assert done


def test_afterwards_one_is_heard_at_once() -> None:
    with deferred():
        pass
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_a_thread_may_use_it_too() -> None:
    done: list[bool] = []

    def work() -> None:
        with deferred():
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]
