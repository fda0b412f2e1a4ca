"""Logs never show a person's data or a secret, not even by what a crash leaves behind."""

import json
import subprocess
import sys

import pytest

CRASH = """
import sys
from baton import logs

logs.configure("scoring", sys.argv[1], "info")
def decide(email):
    raise RuntimeError("the process ends")
try:
    decide("buyer" + "@example.com")
except RuntimeError:
    logs.logger("test").exception("a crash")
"""


@pytest.mark.parametrize("style", ["json", "console"])
def test_a_traceback_in_the_log_shows_no_variables(style: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CRASH, style], capture_output=True, text=True, check=True
    )
    assert "RuntimeError" in done.stderr
    assert "decide" in done.stderr
    assert "buyer@example.com" not in done.stderr


def test_a_crash_is_one_line_of_json() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CRASH, "json"], capture_output=True, text=True, check=True
    )
    (line,) = done.stderr.splitlines()
    assert json.loads(line)["event"] == "a crash"


ASKING = """
import httpx
from baton import logs

logs.configure("ingest", "json", "debug")
answering = httpx.MockTransport(lambda request: httpx.Response(200))
with httpx.Client(transport=answering) as client:
    client.get("https://api.example.com/leads/1", params={"access_token": "a-" + "secret"})
logs.logger("test").info("asked")
"""


def test_the_address_that_a_vendor_is_asked_at_is_not_logged() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ASKING], capture_output=True, text=True, check=True
    )
    assert "asked" in done.stderr
    assert "a-secret" not in done.stderr
