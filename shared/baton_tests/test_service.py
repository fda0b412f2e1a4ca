"""A process has the parts that its service's manifest declares, and needs no others."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from baton_local.ports import LOOPBACK, free_ports
from baton_local.readiness import http_ready
from baton_local.waiting import wait_until

TOKEN = "a token of the tests"
CONSOLE = """
from fastapi import APIRouter
from baton.manifest import Routers, ServiceManifest
from baton.service import main
from baton.settings import ApiSettings

def routers(resources):
    guarded, unguarded = APIRouter(), APIRouter()

    @guarded.get("/v1/port")
    async def port() -> int:
        return resources.settings.port

    @unguarded.get("/page")
    async def page() -> str:
        return "a page"

    {uses}
    return Routers((guarded,), (unguarded,))

main(ServiceManifest(
    name="console",
    title="console",
    description="A console.",
    port=8190,
    settings=lambda: ApiSettings,
    routers=routers,
    {more}
))
"""
WITHOUT = {"BATON_KAFKA_BOOTSTRAP_SERVERS", "BATON_DATABASE_URL"}


def command(uses: str = "", more: str = "") -> list[str]:
    return [sys.executable, "-c", CONSOLE.format(uses=uses, more=more)]


def environment(port: int) -> dict[str, str]:
    ours = {"BATON_API_TOKEN": TOKEN, "BATON_PORT": str(port)}
    return {name: value for name, value in os.environ.items() if name not in WITHOUT} | ours


@contextmanager
def console() -> Iterator[str]:
    """Its address, while it runs."""
    port = free_ports(1)[0]
    url = f"http://{LOOPBACK}:{port}"
    process = subprocess.Popen(command(), env=environment(port))
    try:
        wait_until(lambda: http_ready(f"{url}/readyz") is None, "the console is not ready")
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
    assert process.wait() == 0


def test_a_service_without_kafka_and_database_runs_with_the_settings_of_its_api_alone() -> None:
    with console() as url, httpx.Client(base_url=url) as http:
        assert http.get("/readyz").json() == {"status": "ready", "reasons": {}}
        assert http.get("/page").json() == "a page"
        assert http.get("/v1/port").status_code == 401
        token = {"Authorization": f"Bearer {TOKEN}"}
        assert str(http.get("/v1/port", headers=token).json()) in url
        assert http.get("/v1/dead-letters", headers=token).status_code == 404
        assert "baton_connections_cut" in http.get("/metrics").text
        assert "baton_inputs" not in http.get("/metrics").text


def test_a_process_does_not_start_with_routes_that_need_what_is_not_declared() -> None:
    done = subprocess.run(
        command(uses="resources.engine"), env=environment(0), capture_output=True, check=False
    )
    assert done.returncode == 1
    assert b"the service's manifest declares no tables" in done.stderr


def test_a_process_does_not_start_with_settings_that_lack_a_part_which_it_declares() -> None:
    done = subprocess.run(
        command(more="tables=lambda: None"), env=environment(0), capture_output=True, check=False
    )
    assert done.returncode == 1
    assert b"ApiSettings of console must have DatabaseSettings among its bases" in done.stderr
