"""The demo as a newcomer runs it: all of it, interrupted, and with something broken."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from baton_local.leftovers import DEMOS
from baton_local.paths import ROOT
from baton_local.processes import alive, with_children
from baton_local.waiting import wait_until

# They start Kafka and PostgreSQL, if not by the fixtures that set these marks.
pytestmark = [pytest.mark.servers, pytest.mark.trial]


class Demo:
    """A demo under way, without a terminal."""

    def __init__(self, output: Path) -> None:
        environment = {**os.environ, "COLUMNS": "100"}
        with output.open("wb") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-u", "-m", "baton_local.demo"],
                cwd=ROOT,
                env=environment,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        self._output = output
        self._seen: list[psutil.Process] = []

    def says(self, text: str) -> None:
        """Returns once it has said that. Whatever it has started by then must be gone later."""
        wait_until(
            lambda: text in self.text or self._process.poll() is not None,
            f"it does not say {text!r}",
        )
        assert text in self.text, self.text
        self._seen += with_children(self._process.pid)

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def started(self, module: str) -> psutil.Process:
        """The process of one of its services."""
        (found,) = (each for each in self._seen if each.cmdline()[-1:] == [f"{module}.main"])
        return found

    def ends(self) -> int:
        """Its exit code, with nothing left running, neither now nor later."""
        code = self._process.wait(120)
        assert [each for each in self._seen if alive(each)] == []
        return code

    @property
    def text(self) -> str:
        return self._output.read_text()

    @property
    def states(self) -> list[Path]:
        """What it has left on disk."""
        return list(DEMOS.glob(f"{self._process.pid}-*"))


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    made = Demo(tmp_path / "output")
    yield made
    made.send(signal.SIGTERM)
    made.ends()


def test_it_shows_a_promise_kept_one_broken_and_totals_that_add_up(demo: Demo) -> None:
    demo.says(" broken")
    demo.says("How to go on")
    assert demo.ends() == 0, demo.text
    assert "It adds up" in demo.text
    assert "Promise broken" in demo.text
    assert "Promise kept" in demo.text
    assert "\x1b" not in demo.text
    assert demo.states == []


def test_who_interrupts_it_is_left_with_nothing(demo: Demo) -> None:
    demo.says("demo: Kafka")
    wait_until(lambda: bool(demo.states), "it makes no state")
    demo.send(signal.SIGINT)
    assert demo.ends() == 130, demo.text
    assert "Traceback" not in demo.text
    assert demo.states == []


def test_a_service_that_is_gone_is_one_line_and_its_logs_stay(demo: Demo) -> None:
    demo.says(" deliveries; ")
    demo.started("ingest").kill()
    assert demo.ends() == 1, demo.text
    (error,) = (line for line in demo.text.splitlines() if line.startswith("error: "))
    assert "ingest does not answer" in error
    assert "Traceback" not in demo.text
    (state,) = demo.states
    assert f"logs: {state / 'logs'}" in demo.text
    assert (state / "logs" / "ingest.log").exists()
