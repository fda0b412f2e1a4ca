"""Whether a server can be used: each function says what is still missing, or None."""

import asyncio
import socket
import urllib.error
import urllib.request
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from urllib.parse import urlsplit

import asyncpg
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

T = TypeVar("T")

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Requests go to this machine, so no proxy of the environment is used."""


def blocking(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """The result of asynchronous work, for a caller that may itself run inside an event loop."""
    with ThreadPoolExecutor(max_workers=1) as worker:
        return worker.submit(lambda: asyncio.run(work())).result()


def kafka_ready(bootstrap: str) -> str | None:
    host, _, port = bootstrap.split(",", maxsplit=1)[0].rpartition(":")
    if not _listens(host, int(port)):
        return f"nothing listens on {host}:{port}"

    async def brokers() -> int:
        client = AIOKafkaClient(bootstrap_servers=bootstrap, request_timeout_ms=5_000)
        try:
            await client.bootstrap()
            return len(client.cluster.brokers())
        finally:
            await client.close()

    try:
        return None if blocking(brokers) else "no broker has registered yet"
    except KafkaError as error:
        return f"Kafka at {bootstrap} answers with {error!r}"


def postgres_ready(url: str) -> str | None:
    parts = urlsplit(url)
    host, port = parts.hostname or "127.0.0.1", parts.port or 5432
    if not _listens(host, port):
        return f"nothing listens on {host}:{port}"

    async def connect() -> None:
        connection = await asyncpg.connect(url, timeout=5)
        await connection.close()

    try:
        blocking(connect)
    except (OSError, asyncpg.PostgresError, TimeoutError) as error:
        return f"PostgreSQL at {host}:{port} answers with {error!r}"
    return None


def http_ready(url: str) -> str | None:
    try:
        with _DIRECT.open(url, timeout=5) as answer:
            answer.read()
    except urllib.error.HTTPError as error:
        with error:
            text = error.read().decode(errors="replace")
        return f"{url} answers {error.code}: {text[:500]}"
    except urllib.error.URLError as error:
        return f"{url} does not answer: {error.reason}"
    except OSError as error:
        return f"{url} does not answer: {error}"
    return None


def _listens(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=5):
            return True
    except OSError:
        return False
