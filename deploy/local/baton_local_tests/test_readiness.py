"""Whether a program is ready is asked of it directly."""

import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from baton_local.ports import LOOPBACK
from baton_local.readiness import http_ready


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its name in the base
        pass


@pytest.fixture
def web_server() -> Iterator[str]:
    with ThreadingHTTPServer((LOOPBACK, 0), Quiet) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://{LOOPBACK}:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


def test_a_proxy_of_the_environment_is_for_other_machines(
    web_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://{LOOPBACK}:1")
    assert http_ready(web_server) is None
