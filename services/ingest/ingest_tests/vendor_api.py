"""A vendor's API, at which the details of its leads are fetched."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Vendor:
    """A vendor's API on this machine; a test says how it answers, and sees what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.answers: dict[str, list[tuple[int, bytes, dict[str, str]]]] = {}
        self.port = 0

    def says(self, id_: str, *answers: tuple[int, Any], **headers: str) -> None:
        """The answers of a record, one after the other; the last again and again."""
        self.answers[id_] = [
            (status, body if isinstance(body, bytes) else json.dumps(body).encode(), headers)
            for status, body in answers
        ]

    def answer(self, path: str, headers: dict[str, str]) -> tuple[int, bytes, dict[str, str]]:
        self.asked.append((path, headers))
        left = self.answers.get(path.removeprefix("/v1/"), [(404, b"{}", {})])
        return left.pop(0) if len(left) > 1 else left[0]

    def times(self, id_: str) -> int:
        return sum(path == f"/v1/{id_}" for path, _ in self.asked)


@contextmanager
def serving(vendor: Vendor) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, body, more = vendor.answer(self.path, headers)
            self.send_response(status)
            for name, value in {"content-length": str(len(body)), **more}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        vendor.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield
        server.shutdown()
        thread.join()
